"""The store gives back what it was given, answers by key, and never overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from storage_examples import NOTHING, RUNNING, SPEC, UNIT, explanation, run, score

from core.errors import NotStored, StorageError
from core.ids import UnitId
from core.results import Score
from storage import ExperimentRecord, Opening, Store, StoredRun, open_store
from storage.columns import escape, unescape


def test_a_run_comes_back_whole(store: Store) -> None:
    saved = run()
    store.save_run(saved)
    found = store.find_run("key-1")
    assert found == StoredRun(**saved.model_dump(exclude=set(NOTHING)))
    assert found.document == saved.document
    assert list(found.document or {}) == list(saved.document or {})
    assert store.explanations(UNIT) == list(saved.explanations)
    assert store.scores("ex-1") == list(saved.scores)
    assert store.experiments("run-1") == list(saved.experiments)
    assert store.openings(UNIT) == list(saved.openings)


def test_what_was_stored_is_there_after_reopening(url: str) -> None:
    with open_store(url) as first:
        first.save_run(run())
    with open_store(url) as second:
        assert second.find_run("key-1") is not None
        assert len(second.scores("ex-1")) == 2


def test_missing_folders_are_created(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/100%/a b/store.db"):
        assert (tmp_path / "100%" / "a b" / "store.db").is_file()


def test_find_run_takes_the_one_that_finished_last(store: Store) -> None:
    early = run("early", 1, finished="2025-01-31T13:00:00+02:00")
    late = run("late", 2, finished="2025-01-31T11:30:00Z")
    store.save_run(late)
    store.save_run(early)
    found = store.find_run("key-1")
    assert found is not None
    assert found.id == "late"


def test_of_two_runs_that_finished_together_the_later_one_written_counts(store: Store) -> None:
    for n in (1, 2, 3):
        store.save_run(run(f"run-{n}", n))
    found = store.find_run("key-1")
    assert found is not None
    assert found.id == "run-3"


def test_running_and_failed_runs_do_not_answer(store: Store) -> None:
    store.save_run(run("begun", **RUNNING))
    store.save_run(run("broken", status="failed", verdict=None, document=None, **NOTHING))
    assert store.find_run("key-1") is None
    assert store.find_run("another key") is None


def test_a_running_run_is_completed_under_its_id(store: Store) -> None:
    store.save_run(run(**RUNNING))
    store.save_run(run())
    found = store.find_run("key-1")
    assert found is not None
    assert found.status == "done"
    assert len(store.experiments("run-1")) == 1


@pytest.mark.parametrize("changes", [{}, RUNNING, {"status": "failed"}])
def test_a_finished_run_is_never_overwritten(store: Store, changes: dict[str, object]) -> None:
    store.save_run(run())
    with pytest.raises(StorageError, match="holds such a record already"):
        store.save_run(run(**({"explanations": (), "scores": (), "openings": ()} | changes)))
    found = store.find_run("key-1")
    assert found is not None
    assert found.status == "done"


def test_a_run_cannot_be_completed_as_another_request(store: Store) -> None:
    store.save_run(run(**RUNNING))
    with pytest.raises(StorageError):
        store.save_run(run(key="key-2"))


def test_a_contradiction_leaves_nothing_behind(store: Store) -> None:
    lost = run(scores=(score("ex-1"), score("nowhere")))
    with pytest.raises(StorageError, match="lacks one that is referred to"):
        store.save_run(lost)
    assert store.find_run("key-1") is None
    assert store.explanations(UNIT) == []
    assert store.openings(UNIT) == []
    store.save_run(run())


def test_explanations_are_never_overwritten(store: Store) -> None:
    store.save_run(run())
    same_id = run("run-2", explanations=(explanation("ex-1", 2, text="other"),), scores=())
    same_version = run("run-2", explanations=(explanation("ex-2", 1, text="other"),), scores=())
    for again in (same_id, same_version):
        with pytest.raises(StorageError, match="never overwritten"):
            store.save_run(again)
    assert [e.text for e in store.explanations(UNIT)] == [explanation().text]


def test_later_runs_may_score_earlier_explanations(store: Store) -> None:
    store.save_run(run())
    opening = Opening(explanation_id="ex-1", reason="again", time="2025-02-01T00:00:00Z")
    store.save_run(run("run-2", **(NOTHING | {"scores": (score(),), "openings": (opening,)})))
    assert len(store.scores("ex-1")) == 3
    assert len(store.openings(UNIT)) == 3


def test_versions_count_up_per_unit_and_spec(store: Store) -> None:
    other = UnitId("demo", "mlp.2", 118)
    assert [store.next_version(UNIT, SPEC) for _ in range(3)] == [1, 2, 3]
    assert store.next_version(other, SPEC) == 1
    assert store.next_version(UNIT, "another spec") == 1


def test_a_version_that_was_not_reserved_is_not_given_out_again(store: Store) -> None:
    store.save_run(run(explanations=(explanation(version=4),), scores=(), openings=()))
    assert store.next_version(UNIT, SPEC) == 5


def test_variants_of_a_subject_are_kept_apart(store: Store) -> None:
    store.save_run(run("plain", 1))
    store.save_run(run("edited", 2, spec_hash="edited spec"))
    assert [e.id for e in store.explanations(UNIT, SPEC)] == ["ex-1"]
    assert [e.id for e in store.explanations(UNIT, "edited spec")] == ["ex-2"]
    assert [e.id for e in store.explanations(UNIT)] == ["ex-1", "ex-2"]
    assert len(store.openings(UNIT)) == 4
    assert len(store.openings(UNIT, SPEC)) == 2


def test_experiments_keep_their_order_and_ids_belong_to_a_run(store: Store) -> None:
    def made(id: str) -> ExperimentRecord:
        return ExperimentRecord(id=id, kind="k", description="d", input={}, outcome={})

    tests = tuple(made(id) for id in ("e2", "e10", "e1"))
    store.save_run(run("run-1", 1, experiments=tests))
    store.save_run(run("run-2", 2, experiments=tests))
    assert [e.id for e in store.experiments("run-1")] == ["e2", "e10", "e1"]
    with pytest.raises(StorageError):
        store.save_run(run("run-3", 3, experiments=(made("e1"), made("e1"))))


def test_what_is_unknown_is_not_stored(store: Store) -> None:
    assert store.explanations(UNIT) == []
    assert store.openings(UNIT) == []
    with pytest.raises(NotStored, match="'ex-9'"):
        store.scores("ex-9")
    with pytest.raises(NotStored, match="'run-9'"):
        store.experiments("run-9")
    store.save_run(run(scores=(), experiments=()))
    assert store.scores("ex-1") == []
    assert store.experiments("run-1") == []


def test_times_are_utc_text_that_sorts() -> None:
    made = run(started="2025-01-31T14:00:00+02:00")
    assert made.started == "2025-01-31T12:00:00.000000Z"
    for wrong in ("2025-01-31T14:00:00", "yesterday"):
        with pytest.raises(ValidationError):
            run(started=wrong)


@pytest.mark.parametrize(
    "changes",
    [
        RUNNING | {"status": "done"},
        RUNNING | {"finished": "2025-01-31T12:00:00Z"},
        RUNNING | {"document": {}},
        RUNNING | {"openings": (Opening(reason="r", time="2025-01-31T12:00:00Z"),)},
        {"verdict": None},
        {"document": None},
        {"seed": 2**63},
        {"unit": UnitId("demo", "mlp.2", 118)},
    ],
)
def test_records_that_contradict_themselves_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        run(**changes)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_nan_is_refused_at_the_boundary(number: float) -> None:
    with pytest.raises(ValidationError, match="not values"):
        run(document={"a": [{"b": number}]})
    with pytest.raises(ValidationError, match="not values"):
        run(seconds=number)


def test_nan_that_slips_past_the_boundary_is_refused_by_the_store(store: Store) -> None:
    nan = float("nan")
    parameters = {"price": nan}
    provenance = explanation().provenance.model_copy(update={"parameters": parameters})
    unchecked = Score.model_construct(**(score().model_dump() | {"value": nan}))
    for wrong in (
        run(explanations=(explanation(provenance=provenance),)),
        run().model_copy(update={"scores": (unchecked,)}),
        run().model_copy(update={"document": {"a": nan}}),
    ):
        with pytest.raises(StorageError, match="cannot be stored"):
            store.save_run(wrong)
    assert store.explanations(UNIT) == []


BROKEN = "naïve \ud83d token\x00 \udcff\ud800 \x1a1a2b 😀 \n"


def test_broken_tokens_survive(store: Store) -> None:
    document = {BROKEN: [BROKEN, {"tokens": ["\ud83d", "\ude00", "\ud83d\ude00"]}]}
    test = ExperimentRecord(
        id="e1", kind="k", description=BROKEN, input={"text": BROKEN}, outcome={"t": BROKEN}
    )
    opening = Opening(reason=BROKEN, time="2025-01-31T12:00:00Z")
    saved = run(
        reason=BROKEN,
        document=document,
        explanations=(explanation(text=BROKEN),),
        scores=(score(reason=BROKEN),),
        experiments=(test,),
        openings=(opening,),
    )
    store.save_run(saved)
    found = store.find_run("key-1")
    assert found is not None
    assert found.document == document
    assert found.reason == BROKEN
    assert store.explanations(UNIT)[0].text == BROKEN
    assert store.scores("ex-1")[0].reason == BROKEN
    assert store.experiments("run-1") == [test]
    assert store.openings(UNIT) == [opening]


def test_a_broken_id_is_refused_clearly(store: Store) -> None:
    with pytest.raises(StorageError, match="cannot be stored"):
        store.save_run(run("\ud800"))


any_text = st.text(st.characters(codec=None, exclude_categories=()))


@given(any_text)
def test_escaping_is_reversible_and_safe(text: str) -> None:
    safe = escape(text)
    assert unescape(safe) == text
    assert "\x00" not in safe
    safe.encode("utf-8")


@given(st.text(st.characters(min_codepoint=32, codec="utf-8")))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=st.dictionaries(any_text, json_values, max_size=4))
def test_any_json_document_survives(store: Store, document: dict[str, object]) -> None:
    count = store.next_version(UNIT, "counter")
    store.save_run(run(f"run-{count}", key=f"key-{count}", document=document, **NOTHING))
    found = store.find_run(f"key-{count}")
    assert found is not None
    assert found.document == document


def test_a_closed_store_says_so(url: str) -> None:
    store = open_store(url)
    store.close()
    store.close()
    with pytest.raises(StorageError, match="was closed"):
        store.explanations(UNIT)
    with pytest.raises(StorageError, match="was closed"):
        store.save_run(run())


def test_answered_units_of_a_site_come_with_their_newest_run(store: Store) -> None:
    other = UnitId(UNIT.subject, UNIT.site, 3)
    early = run("early", 1, finished="2025-01-31T12:00:00Z")
    late = run("late", 2, finished="2025-01-31T13:00:00Z")
    failed = run("failed", 3, status="failed", finished="2025-01-31T14:00:00Z")
    for saved in (late, early, failed):
        store.save_run(saved)
    store.save_run(run("lower", unit=other, **NOTHING))
    assert store.answered(UNIT.subject, UNIT.site) == [(other, "lower"), (UNIT, "late")]
    assert store.answered(UNIT.subject, UNIT.site, UNIT.index) == [(UNIT, "late")]
    assert store.answered(UNIT.subject, "mlp.3") == []
    assert store.run("late") == StoredRun(**late.model_dump(exclude=set(NOTHING)))
    with pytest.raises(NotStored, match="'nowhere'"):
        store.run("nowhere")


def test_runs_written_together_get_versions_in_their_order(store: Store) -> None:
    store.save_run(run("first", 1))
    found = [run(f"run-{n}", n, explanations=(explanation(f"ex-{n}", 1),)) for n in (2, 3)]
    store.save_runs(found)
    assert [(e.id, e.version) for e in store.explanations(UNIT)] == [
        ("ex-1", 1),
        ("ex-2", 2),
        ("ex-3", 3),
    ]
    assert store.known_explanations(["ex-3", "ex-9", "ex-1"]) == {"ex-1", "ex-3"}


def test_runs_written_together_are_written_all_or_none(store: Store) -> None:
    store.save_run(run("first", 1))
    with pytest.raises(StorageError):
        store.save_runs([run("new", 2), run("twice", 1)])
    assert [e.id for e in store.explanations(UNIT)] == ["ex-1"]
    assert store.next_version(UNIT, SPEC) == 2


def test_a_site_gives_the_newest_answer_of_each_unit_with_its_scores(store: Store) -> None:
    other = UnitId(UNIT.subject, UNIT.site, 3)
    late = run("late", 2, finished="2025-01-31T13:00:00Z")
    for saved in (
        late,
        run("early", 1, finished="2025-01-31T12:00:00Z"),
        run("failed", 3, status="failed", finished="2025-01-31T14:00:00Z", **NOTHING),
        run("lower", unit=other, verdict="dead", **NOTHING),
        run("elsewhere", unit=UnitId(UNIT.subject, "mlp.3", 3), **NOTHING),
    ):
        store.save_run(saved)
    found = store.site_answers(UNIT.subject, UNIT.site)
    assert [(a.unit, a.run, a.verdict) for a in found.answers] == [
        (other, "lower", "dead"),
        (UNIT, "late", "explained"),
    ]
    assert found.answers[1].explanations == late.explanations
    assert found.answers[1].scores == late.scores
    assert (found.answers[0].explanations, found.unanswered) == ((), ())


def test_units_without_an_answer_say_what_became_of_them(store: Store) -> None:
    failed = {"status": "failed", "verdict": None, "document": None, **NOTHING}
    units = [UnitId(UNIT.subject, UNIT.site, n) for n in range(3)]
    store.save_run(run("tried", unit=units[0], reason="no key", **failed))
    store.save_run(run("shown", unit=units[1], key=f"show/{units[1]}", **failed))
    store.save_run(run("taken", unit=units[2], key=f"import/{units[2]}", **failed))
    found = store.site_answers(UNIT.subject, UNIT.site)
    assert found.answers == ()
    assert [(u.unit, u.run, u.reason) for u in found.unanswered] == [(units[0], "tried", "no key")]
