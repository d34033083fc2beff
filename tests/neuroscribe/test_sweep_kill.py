"""``kill -9`` at random moments of a sweep: each unit ends once, no stored answer is paid again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_model import tiny_model
from fake_server import FakeServer, running
from sqlalchemy import text
from sweep_server import anything

from storage import open_store

CONCURRENCY = 4
REQUESTS_A_UNIT = 7


class Nursery:
    """Starts commands that can be killed; ``output`` is what the last one printed."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self._process, self._output = process, output

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def start(self, *words: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def ended(self) -> int:
        """The exit code of what was started, once it has ended; -9 if it was killed."""
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def nursery(home: Path, lease: float = 0.5, **more: str) -> Iterator[Nursery]:
    environment = {
        "NEUROSCRIBE_HOME": str(home),
        "NEUROSCRIBE_THREADS": "1",
        "NEUROSCRIBE_JOB_LEASE": str(lease),
        "NEUROSCRIBE_LLM_FIRST_WAIT": "0.05",
        "OPENAI_API_KEY": "x",
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sweep_nursery.py")), str(home / "output")],
        env={**os.environ, **environment, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Nursery(process, home / "output")
        finally:
            assert process.stdin is not None
            process.stdin.close()


def command(corpus: Path, url: str, units: int) -> tuple[str, ...]:
    """A sweep of the first ``units``."""
    return (
        "explain-layer", "demo-tiny/mlp.1", "--corpus", str(corpus), "--window", "16",
        "--units", f"0-{units - 1}", "--mode", "one-shot", "--explainer",
        f"openai:tiny@{url}/v1", "--strategy", "indexed", "--candidates", "1",
        "--score-excerpts", "3", "--concurrency", str(CONCURRENCY), "--json",
    )  # fmt: skip


def survived(
    home: Path, corpus: Path, units: int, kills: int, seed: int, database: str | None = None
) -> dict[str, Any]:
    """Sweep ``units`` through so many kills; what came of it. Without ``database``: in ``home``."""
    home.mkdir()
    more = {} if database is None else {"NEUROSCRIBE_DATABASE_URL": database}
    chance = random.Random(seed)
    server = FakeServer(model=tiny_model(context=8192), script=anything, latency=0.005)
    with running(server) as url, nursery(home, **more) as at:
        words = command(corpus, url, units)
        step = units * REQUESTS_A_UNIT / (kills + 1)
        killed = 0
        for number in range(kills):
            pid = at.start(*words)
            moment = int((number + chance.random()) * step)
            delay = chance.uniform(0.0, 0.1)
            while len(server.questions) < moment and os.path.exists(f"/proc/{pid}"):
                time.sleep(0.001)
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
            killed += at.ended() == -signal.SIGKILL
        before = len(server.questions)
        at.start(*words)
        code = at.ended()
        said = at.output
        assert code == 0, said
        asked = len(server.questions)
    with open_store(database or f"sqlite:///{home / 'neuroscribe.db'}") as store:
        (job,) = store.jobs.newest()
        items = store.jobs.items(job.id)
        with store.engine.connect() as link:
            calls = Counter(link.execute(text("SELECT key FROM llm_calls")).scalars())
            runs = Counter(
                link.execute(text("SELECT key FROM runs WHERE status = 'done'")).scalars()
            )
            notes = link.execute(text("SELECT count(*) FROM run_notes")).scalar_one()
        return {
            "units": len(items),
            "kills": killed,
            "asked": asked,
            "asked_before_last_start": before,
            "stored": len(calls),
            "paid_twice": sum(count - 1 for count in calls.values()),
            "repeated": asked - len(calls),
            "done": sum(item.state == "done" for item in items),
            "lost": sum(item.error_code == "worker_lost" for item in items),
            "taken_again": sum(item.attempts > 1 for item in items),
            "most_runs_of_a_unit": max(runs.values()),
            "units_with_a_run": len(runs),
            "notes_left": notes,
            "state": job.state,
        }


def check(found: dict[str, Any]) -> None:
    units, kills = found["units"], found["kills"]
    assert found["state"] == "done"
    assert found["done"] + found["lost"] == units
    assert (found["units_with_a_run"], found["most_runs_of_a_unit"]) == (units, 1)
    assert found["paid_twice"] == 0
    assert 0 <= found["repeated"] <= kills * CONCURRENCY
    assert found["notes_left"] == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_units_survive_twenty_kills(few: Path, tmp_path: Path) -> None:
    found = survived(tmp_path / "home", few, 200, 20, seed=1)
    print(json.dumps(found))  # noqa: T201
    check(found)
    assert found["kills"] == 20
    assert found["done"] == 200


def test_ten_units_survive_two_kills(few: Path, tmp_path: Path) -> None:
    found = survived(tmp_path / "home", few, 10, 2, seed=2)
    print(json.dumps(found))  # noqa: T201
    check(found)
    assert found["kills"] == 2


@pytest.mark.slow
def test_twenty_units_survive_five_kills_in_postgresql(
    few: Path, tmp_path: Path, postgres_url: str
) -> None:
    found = survived(tmp_path / "home", few, 20, 5, seed=3, database=postgres_url)
    print(json.dumps(found))  # noqa: T201
    check(found)
    assert found["kills"] == 5
    assert not (tmp_path / "home" / "neuroscribe.db").exists()
    assert checkpoints_left(postgres_url) == 0


def shared(home: Path, corpus: Path, units: int, database: str, **more: str) -> None:
    """Sweep ``units`` by two processes at once, and look at what they left in ``database``."""
    home.mkdir()
    server = FakeServer(model=tiny_model(context=8192), script=anything, latency=0.02)
    with (
        running(server) as url,
        nursery(home, 20, **more) as first,
        nursery(home, 20, **more) as second,
    ):
        words = command(corpus, url, units)
        first.start(*words)
        while not server.questions:
            time.sleep(0.001)
        second.start(*words)
        assert (first.ended(), second.ended()) == (0, 0), first.output + second.output
        asked = len(server.questions)
    with open_store(database) as store:
        (job,) = store.jobs.newest()
        items = store.jobs.items(job.id)
        calls = [call.key for call in store.calls(limit=10_000)]
        with store.engine.connect() as link:
            runs = list(link.execute(text("SELECT key FROM runs WHERE status = 'done'")).scalars())
            notes = link.execute(text("SELECT count(*) FROM run_notes")).scalar_one()
    assert [item.state for item in items] == ["done"] * units
    assert len({item.worker for item in items}) == 2
    assert len(calls) == asked == len(set(calls))
    assert all(item.attempts == 1 for item in items)
    assert len(runs) == len(set(runs)) == units
    assert notes == 0


@pytest.mark.slow
def test_two_processes_share_a_job_and_its_answers(few: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shared(home, few, 16, f"sqlite:///{home / 'neuroscribe.db'}")


def test_two_processes_share_a_job_in_postgresql(
    few: Path, tmp_path: Path, postgres_url: str
) -> None:
    shared(tmp_path / "home", few, 8, postgres_url, NEUROSCRIBE_DATABASE_URL=postgres_url)
    assert not (tmp_path / "home" / "neuroscribe.db").exists()
    assert not (tmp_path / "home" / "checkpoints.db").exists()
    assert checkpoints_left(postgres_url) == 0


def checkpoints_left(url: str) -> int:
    """Rows that investigations left in the tables of their checkpoints."""
    with open_store(url) as store, store.engine.connect() as link:
        return sum(
            link.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
        )
