"""``explain-layer``: which units, at what cost, what stops it and what does not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_faults import Fault
from fake_model import tiny_model
from fake_server import FakeServer, running
from sweep_server import anything

import neuroscribe
from core.errors import StorageError
from core.ids import UnitId
from core.settings import Settings, load_settings
from neuroscribe.investigating import Investigator
from neuroscribe.models import ModelChoice
from neuroscribe.sweeping import SweepOptions, SweepRequest, explain_layer, resume_sweep
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import Store, open_store
from tests.neuroscribe.conftest import Ran
from tests.postgres_server import QUICK_ON_SQLITE

Run = Callable[..., Ran]
SITE = "demo-tiny/mlp.1"


class Fake:
    """A server of its own for each test, and the words of a sweep that asks it."""

    def __init__(self, server: FakeServer, url: str, corpus: Path) -> None:
        self.server = server
        self.model = f"openai:tiny@{url}/v1"
        self.corpus = corpus

    def words(self, *more: str | int) -> list[str]:
        given = (
            "explain-layer", SITE, "--corpus", self.corpus, "--window", 16, "--mode", "one-shot",
            "--explainer", self.model, "--strategy", "indexed", "--candidates", 1,
            "--score-excerpts", 3, "--concurrency", 3, *more, "--json",
        )  # fmt: skip
        return [str(word) for word in given]

    def request(self, **changes: Any) -> SweepRequest:
        values: dict[str, Any] = {
            "units": "0-5",
            "mode": "one-shot",
            "corpus": CorpusChoice(str(self.corpus), window=16),
            "models": ModelChoice(self.model, strategy="indexed", candidates=1, scored=3),
        }
        return SweepRequest("demo-tiny", "mlp.1", **(values | changes))


@pytest.fixture
def fake(few: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("NEUROSCRIBE_LLM_FIRST_WAIT", "0.01")
    monkeypatch.setenv("NEUROSCRIBE_JOB_LEASE", "2")
    server = FakeServer(model=tiny_model(context=8192), script=anything)
    with running(server) as url:  # another port, hence another model: nothing is stored for it
        yield Fake(server, url, few)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with open_store(load_settings().database) as opened:
        yield opened


@pytest.mark.parametrize("said", ["", "a", "3-1", "1-", "-4", "1,,2", "1.5"])
def test_what_is_no_number_is_refused_before_anything_is_loaded(
    run: Run, few: Path, home: Path, said: str
) -> None:
    answer = run("explain-layer", SITE, "--corpus", few, "--units", said, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (2, "invalid_setting")


def test_unknown_units_are_named_in_one_error_and_nothing_is_created(
    run: Run, few: Path, own_home: Path
) -> None:
    answer = run("explain-layer", SITE, "--corpus", few, "--units", "0-3,300,998-1000")
    assert answer.code == 2
    assert "has no units 300, 998-1000" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not (own_home / "neuroscribe.db").exists()
    assert run("jobs", "list", "--json").json["jobs"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("demo-tiny",), "invalid_setting"),
        (("demo-tiny/mlp.1/3",), "invalid_setting"),
        (("demo-tiny/mlp.9",), "unknown_site"),
        (("nobody/mlp.1",), "unknown_subject"),
        ((SITE, "--mode", "guess"), "invalid_setting"),
        ((SITE, "--engine", "slurm"), "invalid_setting"),
        ((SITE, "--workers", "2"), "invalid_setting"),
        ((SITE, "--units", "1", "--sample", "3"), "invalid_setting"),
        ((SITE, "--explainer", "gpt-4"), "invalid_setting"),
    ],
)
def test_what_cannot_be_is_refused(
    run: Run, few: Path, home: Path, words: tuple[str, ...], code: str
) -> None:
    answer = run("explain-layer", *words, "--corpus", few, "--window", "16", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (2, code)


def test_a_sweep_without_a_model_ends_with_a_summary_and_is_answered_once(
    run: Run, few: Path, home: Path
) -> None:
    words = ("explain-layer", SITE, "--corpus", few, "--window", 16, "--mode", "one-shot")
    first = run(*words, "--units", "3,5", "--json")
    assert first.code == 0
    told = first.json
    assert {"id", "state", "items", "usage", "eta_seconds", "created", "updated"} <= set(told)
    assert (told["state"], told["items"]["done"]) == ("done", 2)
    assert sum(told["summary"]["verdicts"].values()) == 2
    assert told["summary"]["dead"] == 0
    assert "2 units" in first.err
    again = run(*words, "--units", "3,5", "--json").json
    assert again["id"] != told["id"]
    assert again["items"]["done"] == 2
    explained = run("explain", f"{SITE}/3", *words[2:], "--no-arms", "--json").json
    assert explained["verdict"] in told["summary"]["verdicts"]
    plan = run(*words, "--units", "3,5,8", "--dry-run", "--json").json["estimate"]
    assert (plan["units"], plan["answered"], plan["basis"]) == (1, 2, "site")
    assert plan["calls"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert plan["seconds"]["low"] <= plan["seconds"]["value"] <= plan["seconds"]["high"]
    assert "dearest" not in run(*words, "--units", "3,5").out


@QUICK_ON_SQLITE
def test_the_cost_is_unknown_until_units_were_asked_like_this(
    run: Run, database: str | None, fake: Fake
) -> None:
    plan = run(*fake.words("--units", "0-3", "--dry-run")).json
    assert plan["estimate"]["reason"] == "no unit of this subject was asked like this before"
    assert [plan["estimate"][n] for n in ("calls", "tokens", "usd", "seconds")] == [None] * 4
    done = run(*fake.words("--units", "0-1")).json
    plan = run(*fake.words("--units", "0-3", "--dry-run")).json["estimate"]
    assert (plan["units"], plan["answered"], plan["runs"]) == (2, 2, 2)
    assert plan["calls"]["value"] == pytest.approx(done["usage"]["requests"], rel=0.01)
    assert plan["calls"]["low"] <= plan["calls"]["value"] <= plan["calls"]["high"]
    assert plan["usd"] is None, "the price is not known"
    refused = run(*fake.words("--units", "0-3", "--max-calls", "1"))
    assert (refused.code, refused.json["error"]["code"]) == (2, "invalid_setting")
    assert "one unit takes about" in refused.json["error"]["message"]
    assert len(run("jobs", "list", "--json").json["jobs"]) >= 1
    assert run("jobs", "list", "--json").json["jobs"][0]["id"] == done["id"]


def test_a_budget_pauses_the_job_and_a_larger_one_goes_on_without_paying_twice(
    run: Run, database: str | None, fake: Fake
) -> None:
    stopped = run(*fake.words("--units", "0-3", "--max-calls", "12"))
    assert stopped.code == 3
    told = stopped.json
    assert told["state"] == "paused"
    assert told["reason"].startswith("budget reached")
    assert f"neuroscribe jobs resume {told['id']}" in stopped.err
    assert told["usage"]["requests"] == len(fake.server.questions) == 12
    same = run(*fake.words("--units", "0-3", "--max-calls", "12"))
    assert (same.code, same.json["id"]) == (3, told["id"])
    done = run("jobs", "resume", told["id"][:8], "--max-calls", "1000", "--json")
    assert (done.code, done.json["items"]["done"]) == (0, 4)
    assert done.json["max_calls"] == 1000
    asked = [json.dumps(question.body) for question in fake.server.questions]
    assert len(asked) == len(set(asked)) == done.json["usage"]["requests"]
    dearest = done.json["summary"]["dearest"]
    assert [d["calls"] for d in dearest] == sorted((d["calls"] for d in dearest), reverse=True)
    ended = run("jobs", "resume", told["id"], "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "job_state")


def test_money_cannot_be_limited_where_prices_are_unknown_and_no_job_is_made(
    run: Run, database: str | None, fake: Fake, store: Store
) -> None:
    before = len(store.jobs.newest(1000))
    answer = run(*fake.words("--units", "0-5", "--budget-usd", "1"))
    assert answer.code == 2
    assert "price" in answer.json["error"]["message"]
    assert len(store.jobs.newest(1000)) == before


FAULTS = [
    ("refusal", {"refused"}, 0),
    ("wrong_schema", set(), 2),
    ("empty", set(), 2),
    ("server_error", set(), 2),
]


@pytest.mark.parametrize(("kind", "verdicts", "failed"), FAULTS)
def test_a_model_that_never_answers_well_stops_no_sweep(
    run: Run,
    database: str | None,
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    verdicts: set[str],
    failed: int,
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_LLM_ATTEMPTS", "2")
    fake.server.faults = lambda _: Fault(kind)  # type: ignore[arg-type]
    answer = run(*fake.words("--units", "0-1"))
    told = answer.json
    assert told["state"] == "done"
    assert told["items"]["failed"] == failed
    assert set(told["summary"]["verdicts"]) <= verdicts
    assert answer.code == (1 if failed else 0)
    if failed:
        (kind_of,) = told["summary"]["failures"]
        assert (kind_of["code"], kind_of["units"]) == ("model", 2)
        fake.server.faults = ()
        assert run("jobs", "retry-failed", told["id"], "--json").json["requeued"] == 2
        again = run("jobs", "resume", told["id"], "--json").json["items"]
        # nonsense is an answer: it was paid for, and is not asked for again
        assert again["done"] == (0 if kind == "wrong_schema" else 2)


def test_a_model_that_never_answers_at_all_fails_its_units_by_the_timeout(
    run: Run, fake: Fake
) -> None:
    fake.server.latency = 60.0
    answer = run(*fake.words("--units", "0-2", "--timeout", "0.5"))
    assert answer.code == 1
    assert answer.json["summary"]["failures"][0]["code"] == "timeout"


def test_one_unit_that_fails_stops_no_other(
    run: Run, database: str | None, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Investigator.answer

    async def answer(self: Investigator, request: Any, **given: Any) -> Any:
        if request.unit.index == 1:
            raise ZeroDivisionError("a defect")
        return await whole(self, request, **given)

    monkeypatch.setattr(Investigator, "answer", answer)
    told = run(*fake.words("--units", "0-2"))
    assert told.code == 0
    assert told.json["items"] == {
        "queued": 0, "running": 0, "done": 2, "failed": 1, "cancelled": 0
    }  # fmt: skip
    (failure,) = told.json["summary"]["failures"]
    assert failure == {
        "code": "internal", "units": 1, "unit": f"{SITE}/1",
        "message": "ZeroDivisionError: a defect",
    }  # fmt: skip


def test_a_database_that_is_locked_for_a_while_fails_no_unit(
    fake: Fake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, refused = Investigator.answer, set()

    async def answer(self: Investigator, request: Any, **given: Any) -> Any:
        if request.unit not in refused:
            refused.add(request.unit)
            raise StorageError("'a.db' is locked by another process", "wait")
        return await whole(self, request, **given)

    monkeypatch.setattr(Investigator, "answer", answer)
    swept = explain_layer(Workspace(), fake.request(units="0-1"), SweepOptions(concurrency=2))
    assert swept.document.items.done == 2
    assert len(refused) == 2


def test_a_checkpoint_file_that_cannot_be_used_is_said_once(
    run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "checkpoints.db"
    broken.write_bytes(b"this is no database" * 100)
    monkeypatch.setattr(Settings, "checkpoints", property(lambda _: str(broken)))
    answer = run(*fake.words("--units", "0-1"))
    assert (answer.code, answer.json["error"]["code"]) == (1, "storage")
    assert "begin again" in answer.json["error"]["hint"]


def test_checkpoints_of_an_older_version_are_dropped_and_begun_anew(
    fake: Fake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = fake.request(units="0-2")
    with monkeypatch.context() as older:
        older.setattr("agent.graph.VERSION", 0)
        options = SweepOptions(max_calls=12, concurrency=3)
        assert explain_layer(Workspace(), request, options).exit_code == 3
    with sqlite3.connect(home / "checkpoints.db") as kept:
        assert kept.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
    kept.close()
    swept = explain_layer(Workspace(), request, SweepOptions(max_calls=1000))
    assert (swept.exit_code, swept.document.items.done) == (0, 3)
    asked = [json.dumps(question.body) for question in fake.server.questions]
    assert len(asked) == len(set(asked))


def test_ctrl_c_gives_back_what_was_held(
    database: str | None, fake: Fake, store: Store, monkeypatch: pytest.MonkeyPatch, ctrl_c: None
) -> None:
    async def answer(*_: Any, **__: Any) -> Any:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    request = fake.request(units="0-2")
    with monkeypatch.context() as stuck:
        stuck.setattr(Investigator, "answer", answer)
        with pytest.raises(KeyboardInterrupt):
            explain_layer(Workspace(), request, SweepOptions(concurrency=2))
    job = store.jobs.newest(1)[0]
    assert (job.state, store.jobs.counts(job.id).queued) == ("queued", 3)
    assert resume_sweep(Workspace(), job.id, SweepOptions()).document.items.done == 3


def test_memory_that_runs_out_halves_the_batch_then_fails_that_unit_alone(
    few: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from subjects.memory import in_parts

    sizes: list[int] = []

    def small(ids: Any) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 5:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return torch.from_numpy(ids)

    ids = torch.arange(24).reshape(12, 2).numpy()
    parts = list(in_parts(small, ids, 8, subject="s"))
    assert sizes == [8, 4, 4, 4]
    assert torch.equal(torch.cat([p for _, p in parts]), torch.from_numpy(ids))
    assert [start for start, _ in parts] == [0, 4, 8]

    workspace = Workspace()
    request = SweepRequest(
        "demo-tiny", "mlp.1", units="11,12", mode="one-shot",
        corpus=CorpusChoice(str(few), window=16),
    )  # fmt: skip
    index = workspace.index("demo-tiny", "mlp.1", request.corpus)
    evidence = type(index).evidence

    def full(self: Any, unit: UnitId) -> Any:
        if unit.index == 11:
            whole = self.subject.activations
            with monkeypatch.context() as short:
                short.setattr(self.subject, "activations", out_of_memory)
                found = evidence(self, unit)
            self.subject.activations = whole
            return found
        return evidence(self, unit)

    def out_of_memory(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(index), "evidence", full)
    told = explain_layer(workspace, request, SweepOptions()).document
    assert (told.items.done, told.items.failed) == (1, 1)
    assert told.failures == {"subject_out_of_memory": 1}


def test_python_sweeps_too(few: Path, home: Path) -> None:
    document = neuroscribe.explain_layer(
        SITE, units="3", corpus=str(few), mode="one-shot", concurrency=1
    )
    assert (document.state, document.items.done) == ("done", 1)


@QUICK_ON_SQLITE
def test_a_finding_says_which_units(
    run: Run, home: Path, database: str | None, store: Store, few: Path
) -> None:
    from core.findings import Finding, FoundUnit

    named = [UnitId("demo-tiny", "mlp.1", n) for n in (5, 2)]
    store.findings.save(
        Finding(
            id="f" * 16,
            method="test",
            subject="demo-tiny",
            question="which?",
            units=tuple(FoundUnit(unit=unit, weight=1.0) for unit in named),
            seed=0,
            data="x",
        )
    )
    asked = ("--corpus", few, "--window", "16", "--mode", "one-shot", "--json")
    swept = run("explain-layer", "demo-tiny/mlp.1", "--finding", "ffffff", *asked)
    assert swept.code == 0
    assert swept.json["items"]["done"] == 2
    items = store.jobs.items(swept.json["id"])
    assert [item.unit.index for item in items] == [2, 5]
    elsewhere = run("explain-layer", "demo-tiny/mlp.0", "--finding", "ffffff", *asked)
    assert elsewhere.code == 2
    assert "demo-tiny/mlp.1" in elsewhere.json["error"]["hint"]
    both = run("explain-layer", "demo-tiny/mlp.1", "--finding", "f" * 16, "--sample", "1", *asked)
    assert (both.code, both.json["error"]["code"]) == (2, "invalid_setting")
    assert run("explain-layer", "demo-tiny/mlp.1", "--finding", "none", *asked).code == 1
