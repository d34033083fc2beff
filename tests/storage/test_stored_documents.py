"""What is read beside runs: whole documents, what units cost, what is put away between steps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sqlalchemy import func, insert, select
from storage_asked import asked, steps
from storage_examples import (
    FAILED,
    NOTHING,
    RUNNING,
    UNIT,
    call,
    explanation,
    job,
    run,
    score,
    units,
)

from core.ids import UnitId
from storage import Ending, Store, schema
from storage.notes import NoteBook

BROKEN = "half \ud83d a character, \x00 and \x1a1a2b"


def test_a_document_is_given_as_text_that_any_encoding_can_hold(store: Store) -> None:
    document = {"b": BROKEN, "a": [1.5, None]}
    store.save_run(run(document=document))
    (by_unit, by_run, by_key) = (
        store.documents.newest(UNIT),
        store.documents.of_run("run-1"),
        store.documents.of_key("key-1"),
    )
    assert by_unit is not None
    assert by_unit == by_run == by_key
    by_unit.text.encode("utf-8")
    assert json.loads(by_unit.text) == document
    assert list(json.loads(by_unit.text)) == ["b", "a"]


def test_what_has_not_ended_or_failed_is_no_answer(store: Store) -> None:
    store.save_run(run("begun", **RUNNING))
    store.save_run(run("failed", key="key-2", verdict="failed", **NOTHING))
    assert store.documents.of_run("begun") is None
    assert store.documents.of_key("key-1") is None
    assert store.documents.of_key("key-2") is None
    assert store.documents.newest(UnitId("demo", "mlp.2", 1)) is None


def test_a_site_is_told_a_line_a_unit_with_its_main_score(store: Store) -> None:
    for number, unit in enumerate(units(3)):
        said = explanation(f"ex-{number}", unit=unit, text=f"unit {number}")
        main = score(said.id, mode="corpus", value=number / 10, low=0.0, high=1.0)
        found = {"explanations": (said,), "scores": (score(said.id), main)}
        store.save_run(run(f"run-{number}", unit=unit, **(NOTHING | found)))
    lines = store.documents.lines("demo", "mlp.2", -1, 2)
    assert [(line.unit.index, line.run, line.text) for line in lines] == [
        (0, "run-0", "unit 0"),
        (1, "run-1", "unit 1"),
    ]
    (last,) = store.documents.lines("demo", "mlp.2", 1, 9)
    assert (last.unit.index, last.value, last.null_p95) == (2, 0.2, 0.04)


def test_named_units_are_told_by_one_question_whatever_their_sites(store: Store) -> None:
    here, there, never = (UnitId("demo", f"mlp.{n}", n) for n in (2, 3, 4))
    for number, unit in enumerate((here, there)):
        said = (explanation(f"ex-{number}", unit=unit, text=f"unit {number}"),)
        store.save_run(run(f"run-{number}", unit=unit, **(NOTHING | {"explanations": said})))
    store.save_run(run("again", unit=here, finished="2026-01-31T12:00:09Z", **NOTHING))
    store.save_run(run("begun", unit=never, **RUNNING))
    with asked(store) as one:
        told = store.documents.lines_of([there])
    assert told == {there: store.documents.lines("demo", "mlp.3", -1, 1)[0]}
    with asked(store) as three:
        told = store.documents.lines_of([never, here, there, here])
    assert {unit: line.run for unit, line in told.items()} == {here: "again", there: "run-1"}
    assert len(three) == len(one)
    assert store.documents.lines_of([]) == {}


def test_a_page_of_a_site_costs_the_same_however_many_units_follow(file_store: Store) -> None:
    def cost(units_there: int) -> int:
        fill(file_store, units_there)
        with steps(file_store) as taken:
            assert len(file_store.documents.lines("demo", "mlp.2", 4, 5)) == 5
        return len(taken)

    few, many = cost(20), cost(2000)
    assert many < 2 * few


def fill(store: Store, count: int) -> None:
    """Units of a site and a finished run of each, up to ``count`` of them, as rows."""
    with store.engine.begin() as connection:
        begin = connection.scalar(select(func.count()).select_from(schema.units)) or 0
        numbers = range(begin, count)
        unit = {"subject": "demo", "spec_hash": "s", "site": "mlp.2", "last_version": 0}
        connection.execute(
            insert(schema.units), [unit | {"number": n + 1, "unit_index": n} for n in numbers]
        )
        ended = {"seed": 0, "code_version": "0", "status": "done", "verdict": "abstained"}
        times = {"started": "2025-01-31T12:00:00Z", "finished": "2025-01-31T12:00:09Z"}
        connection.execute(
            insert(schema.runs),
            [
                {"id": f"r{n}", "key": f"k{n}", "unit_number": n + 1, "document": {}}
                | ended
                | times
                for n in numbers
            ],
        )


def test_units_of_a_job_are_told_by_what_they_cost(store: Store) -> None:
    named = units(3)
    store.jobs.create(job(), named, {unit: f"key-{unit.index}" for unit in named})
    taken = store.jobs.claim("job-0001", "ada", limit=3, lease_seconds=60)
    store.jobs.end("ada", [Ending(item=i, run_id="r", seconds=i.position + 1.0) for i in taken])
    store.save_calls(
        [
            call("a", run="key-1", usd=0.5),
            call("b", run="key-1", usd=0.5),
            call("c", run="key-0", usd=None),
        ]
    )
    dearest = store.dearest("job-0001", 9)
    assert [(u.unit.index, u.calls, u.usd) for u in dearest] == [
        (1, 2, 1.0),
        (0, 1, None),
        (2, 0, 0.0),
    ]


def test_what_was_paid_before_is_told_newest_first(store: Store) -> None:
    store.save_run(run("early", 1, key="one"))
    store.save_run(run("late", 2, key="two", seconds=3.0))
    store.save_run(run("imported", 3, key="import/x"))
    store.save_calls([call("a", run="two"), call("b", run="two", **FAILED)])
    past = store.past_runs("demo", "mlp.2", 9)
    assert sorted((p.seconds, p.spent.calls) for p in past) == [(3.0, 2), (9.5, 0)]
    assert store.past_runs("demo", "mlp.3", 9) == []


def test_notes_are_written_once_and_dropped_together(store: Store) -> None:
    async def scene() -> tuple[dict[str, Any], bool, dict[str, Any]]:
        book = NoteBook(store)
        mine, other = book.of("run-1"), book.of("run-2")
        await asyncio.gather(
            mine.put({"step": {"text": BROKEN}}), mine.put({"more": [1]}), other.put({"step": 2})
        )
        await mine.put({"step": "again"})
        kept = await mine.get(["step", "more", "none"])
        await mine.drop()
        return kept, await mine.any(), await other.get(["step"])

    kept, left, others = asyncio.run(scene())
    assert kept == {"step": {"text": BROKEN}, "more": [1]}
    assert not left
    assert others == {"step": 2}
