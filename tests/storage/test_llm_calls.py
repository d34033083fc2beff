"""Calls of language models: kept as they were, found again by what was asked, and added up."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from storage_examples import FAILED, call, run
from storage_trouble import full_disk, intact, store_of_version, together

from core.errors import DiskFull, NotStored, StorageError
from storage import Spent, Store, Totals, open_store

REFUSED = {"status": "refused"}
TRUNCATED = {"status": "truncated"}
AWKWARD = "naïve \ud83d token\x00 \udcff\ud800 \x1a1a2b 😀 \n"


def at(minute: int) -> str:
    return f"2025-01-31T12:{minute:02}:00Z"


def answer_id(store: Store, key: str = "key-1", run: str | None = None) -> str | None:
    found = store.find_answer(key, run)
    return found.id if found else None


# keeping


def test_calls_come_back_whole(store: Store) -> None:
    calls = [
        call("plain"),
        call("bare", run=None, prompt=None, usd=None, attempts=3, started=at(1)),
        call("failed", **FAILED, started=at(2)),
        call("failed after an answer", **(FAILED | {"response": {"text": ""}}), started=at(3)),
        call("empty", request={}, response={}, started=at(4)),
    ]
    store.save_calls(calls)
    assert [store.call(each.id) for each in calls] == calls
    assert store.calls() == calls[::-1]
    assert list(store.call("plain").request) == list(calls[0].request)


def test_awkward_text_survives(store: Store) -> None:
    document = {AWKWARD: [AWKWARD, {"tokens": ["\ud83d", "\ude00", "\ud83d\ude00", None, 1e300]}]}
    saved = [
        call("ok", request=document, response=document, model=AWKWARD),
        call("bad", **(FAILED | {"error": AWKWARD, "request": document})),
    ]
    store.save_calls(saved)
    assert [store.call("ok"), store.call("bad")] == saved


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_survives(store: Store, text: str) -> None:
    id = f"call-{store.spent().calls}"
    saved = call(id, request={text: text}, **(FAILED | {"error": text}))
    store.save_calls([saved])
    assert store.call(id) == saved


def test_a_megabyte_survives(store: Store) -> None:
    text = "word 😀\x00" * 200_000
    saved = call(request={"text": text}, response={"slots": [{"0": -0.1}] * 50_000})
    store.save_calls([saved])
    assert store.find_answer("key-1", None) == saved


def test_what_was_stored_is_there_after_reopening(url: str) -> None:
    with open_store(url) as first:
        first.save_calls([call()])
    with open_store(url) as second:
        assert second.calls() == [call()]


def test_saving_nothing_is_fine(store: Store) -> None:
    store.save_calls([])
    assert store.calls() == []


def test_a_stored_call_is_never_overwritten(store: Store) -> None:
    store.save_calls([call("call-1")])
    for again in (
        [call("call-2"), call("call-1", role="agent")],
        [call("call-2"), call("call-2", role="agent")],
    ):
        with pytest.raises(StorageError, match="holds such a record already"):
            store.save_calls(again)
    assert store.calls() == [call("call-1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"error": "there was none"},
        FAILED | {"error": None},
        {"response": None},
        {"status": "asleep"},
        {"attempts": 0},
        {"input_tokens": -1},
        {"output_tokens": 2**63},
        {"usd": float("nan")},
        {"seconds": float("inf")},
        {"request": {"temperature": float("nan")}},
        {"started": "2025-01-31T12:00:00"},
        {"cost": 1},
    ],
)
def test_calls_that_contradict_themselves_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        call(**changes)


def test_the_database_itself_refuses_impossible_calls(store: Store) -> None:
    store.save_calls([call()])
    for change in (
        "status = 'asleep'",
        "status = 'failed'",
        "error = 'there was none'",
        "response = NULL",
        "attempts = 0",
        "cached_tokens = -1",
        "request = NULL",
    ):
        with store.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.exec_driver_sql(f"UPDATE llm_calls SET {change}")


def test_a_stored_call_that_cannot_be_read(store: Store) -> None:
    store.save_calls([call()])
    with store.engine.begin() as other:
        other.exec_driver_sql("UPDATE llm_calls SET response = '{'")
    with pytest.raises(StorageError, match="stored record cannot be read"):
        store.find_answer("key-1", None)


# answering


def test_a_call_that_went_well_answers_every_run(store: Store) -> None:
    store.save_calls([call()])
    for asking in ("run-key-1", "another", None):
        assert store.find_answer("key-1", asking) == call()
    assert store.find_answer("key-2", "run-key-1") is None


def test_the_newest_call_answers(store: Store) -> None:
    store.save_calls([call("late", started=at(2)), call("early", started=at(1))])
    assert answer_id(store) == "late"
    store.save_calls([call("together", started=at(2))])
    assert answer_id(store) == "together", "of two that started at once the later one written"


@pytest.mark.parametrize("poor", [REFUSED, TRUNCATED])
def test_a_refused_or_truncated_call_answers_its_own_run_only(
    store: Store, poor: dict[str, Any]
) -> None:
    store.save_calls([call("mine", **poor), call("nobody's", run=None, **poor, started=at(9))])
    assert answer_id(store, run="run-key-1") == "mine"
    assert answer_id(store, run="another") is None
    assert answer_id(store, run=None) is None


def test_of_refused_and_truncated_calls_of_a_run_the_newest_answers(store: Store) -> None:
    store.save_calls(
        [
            call("1", **REFUSED, started=at(1)),
            call("2", **TRUNCATED, started=at(2)),
            call("3", **REFUSED, started=at(3), run="another"),
        ]
    )
    assert answer_id(store, run="run-key-1") == "2"


def test_a_call_that_went_well_comes_before_newer_refusals_of_the_run(store: Store) -> None:
    store.save_calls(
        [call("good", run="another", started=at(1)), call("poor", **REFUSED, started=at(2))]
    )
    assert answer_id(store, run="run-key-1") == "good"


def test_failed_calls_never_answer(store: Store) -> None:
    store.save_calls([call(**FAILED)])
    assert answer_id(store, run="run-key-1") is None
    assert answer_id(store) is None


# looking


def test_a_call_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    ids = ["abcdef01", "abcdef02", "abcdef02ff", "ABCDEF03", "abc%ef_1", "kürzer😀x"]
    store.save_calls([call(id) for id in ids])
    assert store.call("abcdef01").id == "abcdef01"
    assert store.call("abcdef02").id == "abcdef02", "an id that begins another one is still itself"
    assert store.call("abcdef02f").id == "abcdef02ff"
    assert store.call("ABCDEF").id == "ABCDEF03"
    assert store.call("abc%ef").id == "abc%ef_1"
    assert store.call("kürzer😀").id == "kürzer😀x"
    with pytest.raises(NotStored, match=r"several begin so: 'abcdef01', 'abcdef02', 'abcdef02ff'"):
        store.call("abcdef")
    for unknown in ("abcdef03", "abc%e", "______", "%", "", "bcdef01", "ABCDEF03x"):
        with pytest.raises(NotStored, match=repr(unknown)):
            store.call(unknown)


def test_a_short_id_is_found_whole(store: Store) -> None:
    store.save_calls([call("7")])
    assert store.call("7").id == "7"


def test_calls_are_listed_newest_first(store: Store) -> None:
    store.save_calls(
        [
            call("a", started=at(3)),
            call("b", started=at(1), role="simulator"),
            call("c", started=at(2), run=None),
            call("d", started=at(2), **FAILED),
        ]
    )

    def ids(**asked: Any) -> str:
        return "".join(each.id for each in store.calls(**asked))

    assert ids() == "adcb"
    assert ids(limit=2) == "ad"
    assert ids(limit=0) == ids(limit=-1) == ""
    assert ids(run="run-key-1") == "adb"
    assert ids(role="simulator") == "b"
    assert ids(status="failed") == "d"
    assert ids(run="run-key-1", role="explainer", status="ok") == "a"
    assert ids(run="another") == ""


def test_questions_use_the_indexes(file_store: Store) -> None:
    asked: list[tuple[str, Any]] = []

    @event.listens_for(file_store.engine, "before_cursor_execute")
    def _note(conn: object, cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    file_store.find_answer("key-1", "run-key-1")
    file_store.calls()
    file_store.calls(run="run-key-1")
    file_store.spent("run-key-1")
    with pytest.raises(NotStored):
        file_store.call("call-1")
    event.remove(file_store.engine, "before_cursor_execute", _note)
    plans = []
    with file_store.engine.connect() as connection:
        for statement, values in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans.append(" ".join(row.detail for row in plan))
    used = [
        "ix_llm_calls_key_started",
        "ix_llm_calls_started",
        "ix_llm_calls_run_started",
        "ix_llm_calls_run_started",
        "INDEX sqlite_autoindex_llm_calls_1 (id=?)",
        "COVERING INDEX sqlite_autoindex_llm_calls_1",
    ]
    for found, index in zip(plans, used, strict=True):
        assert index in found


# adding up


def test_nothing_was_spent(store: Store) -> None:
    assert store.spent() == Spent(usd=0.0)
    assert store.spent("run-key-1") == Spent(usd=0.0)


def test_totals_of_all_calls_and_of_a_run(store: Store) -> None:
    store.save_calls(
        [
            call("a"),
            call("b", **FAILED),
            call("c", role="simulator", usd=0.5, input_tokens=2**40),
            call("d", run="another", usd=1.0),
            call("e", run=None, usd=2.0),
        ]
    )
    explainer = Totals(calls=2, input_tokens=200, cached_tokens=80, output_tokens=10, usd=0.25)
    simulator = Totals(calls=1, input_tokens=2**40, cached_tokens=40, output_tokens=10, usd=0.5)
    assert store.spent("run-key-1") == Spent(
        calls=3,
        input_tokens=2**40 + 200,
        cached_tokens=120,
        output_tokens=20,
        usd=0.75,
        by_role={"explainer": explainer, "simulator": simulator},
    )
    assert (store.spent().calls, store.spent().usd) == (5, 3.75)
    assert store.spent("unknown") == Spent()


def test_an_unknown_price_makes_the_sum_unknown(store: Store) -> None:
    store.save_calls([call("a"), call("b", usd=None), call("c", role="agent"), call("d", run=None)])
    spent = store.spent("run-key-1")
    assert spent.usd is None
    assert spent.by_role["explainer"].usd is None
    assert spent.by_role["agent"].usd == 0.25
    assert spent.input_tokens == 300


# trouble


def test_processes_may_save_calls_at_once(url: str) -> None:
    ended = together(url, ["save calls"] * 2)
    assert [(code, errors) for code, _, errors in ended] == [(0, "")] * 2
    with open_store(url) as store:
        assert store.spent().calls == 40
        assert {each.id for each in store.calls()} == {
            f"worker-{w}-{n}-{part}" for w in range(2) for n in range(5) for part in range(4)
        }
    assert intact(url)


def test_a_writer_killed_in_the_middle_of_its_calls_leaves_none(url: str) -> None:
    with open_store(url) as store:
        store.save_calls([call()])
    [(code, output, _)] = together(url, ["die while saving calls"])
    assert (code, output) == (-signal.SIGKILL, "killed\n")
    assert intact(url)
    with open_store(url) as store:
        assert store.calls() == [call()]
        store.save_calls([call("doomed-0")])


def test_a_full_disk_loses_nothing_that_was_stored(file_store: Store, file: Path) -> None:
    file_store.save_calls([call()])
    more = [call("small"), call("big", request={"text": "x" * 500_000})]
    with full_disk(file_store):
        with pytest.raises(DiskFull, match=str(file)):
            file_store.save_calls(more)
        assert file_store.calls() == [call()]
    file_store.save_calls(more)
    assert file_store.spent().calls == 3


def test_a_store_of_the_first_version_is_upgraded_and_keeps_its_data(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0001") as old:
        old.save_run(run())
        with pytest.raises(StorageError, match="llm_calls"):
            old.calls()
    with open_store(fresh_url) as store:
        found = store.find_run("key-1")
        assert found is not None
        assert found.document == run().document
        assert store.explanations(run().unit) == list(run().explanations)
        assert store.scores("ex-1") == list(run().scores)
        assert store.experiments("run-1") == list(run().experiments)
        assert store.openings(run().unit) == list(run().openings)
        store.save_calls([call(run="key-1")])
        assert store.calls(run="key-1") == [call(run="key-1")]


def test_many_keys_are_answered_as_each_would_be_alone(store: Store) -> None:
    kept = [
        call(id=f"id-{key}-{status}", key=key, status=status, run=asked_in)
        for key, status, asked_in in (
            ("a", "ok", "one"),
            ("a", "refused", "two"),
            ("b", "refused", "one"),
            ("c", "truncated", "two"),
        )
    ]
    store.save_calls(kept)
    for asking in ("one", "two", None):
        many = store.find_answers(["a", "b", "c", "d"], asking)
        alone = {key: store.find_answer(key, asking) for key in "abcd"}
        assert many == {key: found for key, found in alone.items() if found is not None}
    assert store.find_answers([], None) == {}
