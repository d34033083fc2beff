"""``neuroscribe jobs``: how a job stands, for people and as JSON, and what may be done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.ids import UnitId
from core.settings import load_settings
from neuroscribe.render.jobs import duration
from storage import CallRecord, JobRecord, Store, open_store
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]
JOB = "f00dfeed01234567"
MADE = datetime(2025, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def store(begun_home: Path, database: str | None) -> Iterator[Store]:
    with open_store(load_settings().database) as opened:
        yield opened


def make(store: Store, id: str = JOB, count: int = 6, **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": id,
        "subject": "demo",
        "site": "mlp.2",
        "parameters": {"seed": 7},
        "concurrency": 2,
        "created": MADE,
    }
    named = [UnitId("demo", "mlp.2", index) for index in range(count)]
    keys = {unit: f"key-{unit.index}" for unit in named}
    store.jobs.create(JobRecord(**(values | changes)), named, keys)


def work(store: Store) -> None:
    """Two units done, one failed, one in hand; 4 s a unit; one call each."""
    jobs = store.jobs
    taken = jobs.claim(JOB, "ada", limit=4, lease_seconds=600)
    jobs.finish(taken[0], "ada", run_id="r0", verdict="explained", score=0.5, seconds=2.0)
    jobs.finish(taken[1], "ada", run_id="r1", verdict="dead", seconds=4.0)
    jobs.fail(taken[2], "ada", "model_unavailable", "'tiny' said\x1b[31m [bold]no", seconds=6.0)
    started = MADE + timedelta(minutes=1)
    store.save_calls(
        [
            CallRecord(
                id=f"call-{n}", key=f"k{n}", run=f"key-{n}", role="explainer", model="openai:tiny",
                request={}, response={}, status="ok", started=started, finished=started,
                seconds=1.0, input_tokens=100, cached_tokens=0, output_tokens=10, usd=0.25,
            )
            for n in range(3)
        ]
    )  # fmt: skip


def test_show_prints_the_promised_document(run: Run, store: Store) -> None:
    make(store, budget_usd=5.0)
    work(store)
    shown = run("jobs", "show", JOB[:6], "--json")
    assert shown.code == 0
    document = shown.json
    assert (document["id"], document["state"]) == (JOB, "running")
    assert document["items"] == {"queued": 2, "running": 1, "done": 2, "failed": 1, "cancelled": 0}
    assert document["usage"] == {
        "requests": 3, "input_tokens": 300, "output_tokens": 30, "usd": 0.75,
    }  # fmt: skip
    assert document["eta_seconds"] == 6.0, "three units, two at a time, four seconds each"
    assert document["created"] == "2025-01-31T12:00:00.000000Z"
    assert document["updated"] > document["created"]
    assert document["verdicts"] == {"explained": 1, "dead": 1}
    assert document["failures"] == {"model_unavailable": 1}
    assert document["failed_units"][0]["unit"] == "demo/mlp.2/2"
    assert document["spent"]["by_role"]["explainer"]["calls"] == 3
    assert (document["workers"], document["parameters"]) == (1, {"seed": 7})


def test_show_prints_for_people_what_failed_and_why(run: Run, store: Store) -> None:
    make(store, budget_usd=5.0, max_calls=100)
    work(store)
    shown = run("jobs", "show", JOB)
    assert f"{JOB}  explain-layer demo/mlp.2  running" in shown.out
    assert "6 units: 2 queued, 1 running, 2 done, 1 failed" in shown.out
    assert "about 6 s left" in shown.out
    assert "demo/mlp.2/2  model_unavailable: 'tiny' said" in shown.out
    assert "[bold]no" in shown.out, "what a server said is no markup"
    assert "\x1b" not in shown.out
    assert "3 calls, 300 tokens in, 30 out, $0.7500 (limit $5 and 100 calls)" in shown.out


def test_a_job_whose_process_died_says_so_and_promises_no_end(run: Run, store: Store) -> None:
    make(store)
    store.jobs.claim(JOB, "dead", limit=2, lease_seconds=60, now=MADE)
    assert "nobody works on it" in run("jobs", "show", JOB).out
    assert run("jobs", "show", JOB, "--json").json["eta_seconds"] is None


def test_list_is_newest_first(run: Run, store: Store) -> None:
    assert run("jobs", "list").out == "no jobs\n"
    make(store)
    make(store, "0123456789abcdef", 3, site="mlp.1", created=MADE + timedelta(hours=1))
    listed = run("jobs", "list", "--json").json["jobs"]
    assert [job["id"] for job in listed] == ["0123456789abcdef", JOB]
    assert [job["items"]["queued"] for job in listed] == [3, 6]
    assert len(run("jobs", "list", "--limit", 1, "--json").json["jobs"]) == 1
    lines = run("jobs", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "0123456789", JOB[:10]]


def test_pause_and_cancel_change_the_state(run: Run, store: Store) -> None:
    make(store)
    paused = run("jobs", "pause", JOB, "--json").json
    assert (paused["state"], paused["reason"]) == ("paused", "paused by request")
    cancelled = run("jobs", "cancel", JOB, "--json").json
    assert (cancelled["state"], cancelled["items"]["cancelled"]) == ("cancelled", 6)
    assert "cancelled" in run("jobs", "show", JOB).out


def test_retry_failed_queues_failed_units_again(run: Run, store: Store) -> None:
    make(store)
    work(store)
    again = run("jobs", "retry-failed", JOB, "--json").json
    assert (again["requeued"], again["items"]["failed"], again["items"]["queued"]) == (1, 0, 3)
    assert run("jobs", "retry-failed", JOB).out.startswith("0 units queued again\n")


def test_what_does_not_fit_the_state_is_misuse(run: Run, store: Store) -> None:
    make(store)
    run("jobs", "cancel", JOB)
    for command in ("pause", "retry-failed"):
        refused = run("jobs", command, JOB, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (2, "job_state")
    said = run("jobs", "pause", JOB)
    assert said.code == 2
    assert said.err.startswith(f"neuroscribe: job '{JOB}' is cancelled, so it cannot be paused (")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "pause", "cancel", "retry-failed"])
def test_an_unknown_job_is_named(run: Run, store: Store, command: str) -> None:
    answer = run("jobs", command, "nothing-like-it", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "not_stored")
    assert "'nothing-like-it'" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "?"), (0, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (7300, "2 h 1 min")],
)
def test_durations_are_short(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
