"""``neuroscribe serve`` as a process: killed in mid-job it goes on, told to stop it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from benchmarks.served import free_port, served, stopped
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


ALONE = {"NEUROSCRIBE_THREADS": "1", "NEUROSCRIBE_JOB_LEASE": "1"}


def events(client: httpx2.Client, job: str, last: int, enough: int | None) -> list[dict[str, Any]]:
    """Events of a job after number ``last``, to the end or until ``enough`` items."""
    found: list[dict[str, Any]] = []
    headers = {"Last-Event-ID": str(last)}
    with client.stream("GET", f"/v1/jobs/{job}/events", headers=headers, timeout=60) as stream:
        number, kind = 0, ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                found.append({"number": number, "kind": kind, **json.loads(value)})
                if enough is not None and sum(e["kind"] == "item" for e in found) >= enough:
                    return found
    return found


def test_killed_in_mid_job_it_goes_on_and_no_event_is_lost(tmp_path: Path, few: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        with served(home, few, port=port, **ALONE) as service:
            body = {"site": "planted/exact", "units": "0-4", "mode": "one-shot"}
            job = client.post("/v1/jobs", json=body, timeout=60).json()["id"]
            before = events(client, job, 0, enough=2)
            service.process.kill()
        with served(home, few, port=port, **ALONE) as service:
            after = events(client, job, before[-1]["number"], enough=None)
            document = client.get(f"/v1/jobs/{job}").json()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(40) == 0
    assert document["state"] == "done"
    assert document["items"]["done"] == 5
    told = [*before, *after]
    assert [e["number"] for e in told] == list(range(1, len(told) + 1))
    ended = [e["position"] for e in told if e["kind"] == "item"]
    assert sorted(ended) == list(range(5))
    assert told[-1]["state"] == "done"


def test_it_logs_requests_as_json_and_no_key(tmp_path: Path, few: Path, run: Run) -> None:
    home = tmp_path / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROSCRIBE_HOME", str(home))
        made = run("keys", "create", "lab", "--scope", "run", "--json").json
        with served(home, few, "--keys", **ALONE) as service:
            url = f"{service.url}/v1/subjects"
            key = {"Authorization": f"Bearer {made['key']}", "X-Request-ID": "trace-1"}
            assert httpx2.get(url).status_code == 401
            assert httpx2.get(url, headers=key).status_code == 200
            assert run("keys", "revoke", made["id"]).code == 0
            service.process.send_signal(signal.SIGINT)
            assert service.process.wait(40) == 0
        assert [k["revoked"] is None for k in run("keys", "list", "--json").json] == [False]
    log = service.log.read_text()
    assert made["key"] not in log
    assert made["key"].split("_", 2)[2] not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    traced = [line for line in lines if line.get("request") == "trace-1"]
    assert [(line["path"], line["status"]) for line in traced] == [("/v1/subjects", 200)]


def test_beyond_loopback_keys_are_needed(run: Run, own_home: Path) -> None:
    answer = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert answer.code == 2
    assert "keys create" in answer.err


def test_an_address_that_is_taken_is_told(run: Run, own_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = run("serve", "--port", taken.getsockname()[1])
    assert answer.code == 2
    assert "cannot listen on 127.0.0.1" in answer.err


def test_keys_are_made_listed_and_refused(run: Run, own_home: Path) -> None:
    assert run("keys", "list").out.strip() == "no keys yet: neuroscribe keys create NAME"
    made = run("keys", "create", "lab [b]", "--days", "1", "--per-minute", "60")
    assert made.code == 0
    assert made.out.startswith("ns_")
    shown = run("keys", "list")
    assert "lab [b]" in shown.out
    assert "in use" in shown.out
    assert run("keys", "create", "lab", "--scope", "root").code == 2
    assert run("keys", "create", "  ").code == 2
    assert run("keys", "revoke", "nothing").code == 1


def test_jobs_may_be_done_in_a_process_of_their_own(tmp_path: Path, few: Path) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "NEUROSCRIBE_HOME": str(home), "NEUROSCRIBE_THREADS": "1"}
    with (
        served(home, few, "--no-work", **ALONE) as service,
        (tmp_path / "work").open("w") as log,
        httpx2.Client(base_url=service.url) as client,
    ):
        body = {"unit": "planted/exact/1", "wait": 0.2, "mode": "one-shot"}
        job = client.post("/v1/explanations", json=body, timeout=60)
        assert (job.status_code, job.json()["state"]) == (202, "queued")
        command = [sys.executable, "-m", "neuroscribe", "work", "--lanes", "1"]
        worker = subprocess.Popen(command, env=environment, stderr=log)
        try:
            told = events(client, job.json()["id"], 0, enough=None)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(40) == 0
        finally:
            stopped(worker)
    assert [e["state"] for e in told if e["kind"] != "step"] == [
        "queued",
        "running",
        "done",
        "done",
    ]
