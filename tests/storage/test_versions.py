"""Everything ever said of a unit, with the run that said it."""

from __future__ import annotations

from storage_examples import NOTHING, RUNNING, UNIT, explanation, run, score

from storage import Store


def test_versions_name_their_run_newest_first(store: Store) -> None:
    tested = {"unit": str(UNIT), "mode": "one-shot"}
    main = score("ex-2", mode="corpus", value=0.8, low=0.7, high=0.9)
    store.save_run(run("run-1"))
    store.save_run(run("run-2", 2, key="key-2", document=tested, scores=(main,)))
    newer, older = store.documents.versions(UNIT, 10)
    assert (newer.explanation, newer.run, newer.mode) == ("ex-2", "run-2", "one-shot")
    assert (newer.value, newer.low, newer.high, newer.null_p95) == (0.8, 0.7, 0.9, 0.04)
    assert (older.run, older.mode, older.value) == ("run-1", "agent", None)
    assert [v.run for v in store.documents.versions(UNIT, 1)] == ["run-2"]


def test_a_sentence_that_no_investigation_wrote_has_no_mode(store: Store) -> None:
    changes = {"status": "failed", "verdict": None, "document": None}
    said = (explanation(method="imported:neuronpedia"),)
    store.save_run(run(**NOTHING | changes | {"explanations": said}))
    (version,) = store.documents.versions(UNIT, 10)
    assert (version.mode, version.verdict, version.finished) == (None, None, None)
    assert version.method == "imported:neuronpedia"


def test_a_run_that_goes_on_has_said_nothing_yet(store: Store) -> None:
    store.save_run(run(**RUNNING))
    assert store.documents.versions(UNIT, 10) == []
