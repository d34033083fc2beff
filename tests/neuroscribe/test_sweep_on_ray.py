"""A sweep on Ray: what the local engine finds, and nothing lost when a worker dies."""

from __future__ import annotations

import builtins
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_model import tiny_model
from fake_server import FakeServer, running
from sweep_server import anything

from core.errors import EngineUnavailable, MissingExtra
from core.settings import Settings
from neuroscribe.engines.choice import EngineChoice
from neuroscribe.engines.ray import RayCluster
from neuroscribe.engines.sweeps import SweepSpec
from neuroscribe.models import ModelChoice
from neuroscribe.sweeping import SweepOptions, SweepRequest, Swept, explain_layer
from neuroscribe.sweeps.work import Pace
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import Store
from tests.neuroscribe.ray_workers import ray_cluster

pytest.importorskip("ray", reason="Ray is not installed")
ON_RAY = EngineChoice("ray", workers=2)
ENGINES = {"local": EngineChoice(), "ray": ON_RAY}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[RayCluster]:
    """Ray, started once."""
    with ray_cluster(cpus=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[FakeServer, str]]:
    server = FakeServer(model=tiny_model(context=8192), script=anything)
    with running(server) as url:
        yield server, f"openai:tiny@{url}/v1"


def workspace(home: Path) -> Workspace:
    return Workspace(Settings(home=home, threads=1, llm_first_wait=0.01, job_lease=2.0))


def request(corpus: Path, model: str, **changes: Any) -> SweepRequest:
    values: dict[str, Any] = {
        "units": "0-3",
        "mode": "one-shot",
        "corpus": CorpusChoice(str(corpus), window=16),
        "models": ModelChoice(model, strategy="indexed", candidates=1, scored=3),
    }
    return SweepRequest("demo-tiny", "mlp.1", **(values | changes))


def answers(home: Workspace, swept: Swept) -> dict[str, Any]:
    """What was said of each unit and how it scored, without IDs and times."""
    found = {}
    with home.store() as store:
        for item in store.jobs.items(swept.document.id):
            assert item.run_id is not None
            document = store.run(item.run_id).document
            assert isinstance(document, dict)
            names = {e["id"]: n for n, e in enumerate(document["explanations"])}
            found[str(item.unit)] = {
                "verdict": document["verdict"],
                "texts": [e["text"] for e in document["explanations"]],
                "scores": [
                    {**s, "explanation_id": names[s["explanation_id"]]} for s in document["scores"]
                ],
                "kept": (item.verdict, item.score, item.null_p95),
            }
    return found


def test_both_engines_find_the_same_with_a_model(
    few: Path, tmp_path: Path, fake: tuple[FakeServer, str]
) -> None:
    server, model = fake
    requests: list[int] = []

    def found(name: str) -> dict[str, Any]:
        server.requests.clear()
        answered = swept_by(name, tmp_path, request(few, model))
        requests.append(len(server.questions))
        return answered

    local = found("local")
    assert found("ray") == local
    assert requests[0] == requests[1] > 0
    assert len(local) == 4
    assert len({each["texts"][0] for each in local.values()}) > 1


@pytest.mark.slow
def test_both_engines_find_the_same_without_a_model(few: Path, tmp_path: Path) -> None:
    asked = request(few, "pattern", units="3,5", models=ModelChoice())
    local = swept_by("local", tmp_path, asked)
    assert swept_by("ray", tmp_path, asked) == local
    assert len(local) == 2


def swept_by(name: str, folder: Path, asked: SweepRequest) -> dict[str, Any]:
    """What the engine of that name finds, in a home of its own."""
    home = workspace(folder / name)
    told: list[int] = []
    swept = explain_layer(
        home,
        asked,
        SweepOptions(concurrency=2, engine=ENGINES[name]),
        progress=lambda p: told.append(p.done),
    )
    assert swept.exit_code == 0
    assert swept.document.engine == name
    assert told
    return answers(home, swept)


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_unit(
    few: Path, tmp_path: Path, fake: tuple[FakeServer, str]
) -> None:
    server, model = fake
    home = workspace(tmp_path / "home")
    killed: list[int] = []

    def kill() -> None:
        with home.store() as store:
            while not killed:
                time.sleep(0.02)
                killed.extend(pids(store)[:1])
        os.kill(killed[0], signal.SIGKILL)

    server.latency, server.requests[:] = 0.05, []
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        asked = request(few, model, units="0-11", seed=1)
        swept = explain_layer(home, asked, SweepOptions(concurrency=4, engine=ON_RAY))
    finally:
        server.latency = 0.0
        killer.join()
    assert swept.document.items.done == 12
    with home.store() as store:
        items = store.jobs.items(swept.document.id)
        calls = [call.key for call in store.calls(limit=10_000)]
    assert any(item.attempts == 2 for item in items)
    assert len(calls) == len(set(calls)), "nothing that was answered was paid for again"
    assert len(server.questions) <= len(calls) + 2, "but for what was under way"


def pids(store: Store) -> list[int]:
    """The processes that hold units, once some unit of them was answered in part."""
    jobs = store.jobs.newest(1)
    held = store.jobs.items(jobs[0].id, "running") if jobs else []
    workers = {item.worker or "" for item in held}
    return [int(worker.rsplit("-", 2)[1]) for worker in sorted(workers)]


def test_without_ray_no_job_is_made(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *given: Any, **named: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return whole(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "ray")
    home = workspace(tmp_path / "home")
    with pytest.raises(MissingExtra, match="ray"):
        explain_layer(home, request(few, "pattern"), SweepOptions(engine=ON_RAY))
    with home.store() as store:
        assert store.jobs.newest() == []


def test_a_sqlite_file_of_another_machine_is_refused(tmp_path: Path) -> None:
    from core.version import code_version

    spec = SweepSpec(
        Settings(home=tmp_path), False, Pace(1, 2.0), code_version(), "some-other-host"
    )
    with pytest.raises(EngineUnavailable, match="cannot share a SQLite file"):
        spec.open()
