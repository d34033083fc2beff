"""Vectors of explanations are kept once for each embedder, and read with what a search filters."""

from __future__ import annotations

import pytest
from storage_asked import asked
from storage_examples import explanation, run, score

from core.errors import StorageError
from core.ids import UnitId
from storage import Store
from storage.search_rows import Search

A, B = b"\x00\x00\x80?" * 2, b"\x00\x00\x00@" * 2
EVERY = Search(only_newest=False)


def save(store: Store, index: int, number: int = 1, **changes: object) -> str:
    """A run about unit ``index``; the id of its explanation."""
    unit, id = UnitId("demo", "mlp.2", index), f"ex-{index}-{number}"
    values = {
        "unit": unit,
        "key": f"key-{index}",
        "explanations": (explanation(id, number, text=f"text {index}", unit=unit),),
        "scores": (score(id, mode="corpus", value=0.5, low=0.4, high=0.6),),
        "experiments": (),
        "openings": (),
    }
    store.save_run(run(f"run-{index}-{number}", **(values | changes)))
    return id


def test_a_vector_is_missing_until_it_is_kept_and_then_stays(store: Store) -> None:
    first, second = save(store, 0), save(store, 1)
    assert store.vectors.missing("e1", EVERY) == [(first, "text 0"), (second, "text 1")]
    store.vectors.save("e1", {first: A})
    store.vectors.save("e1", {first: B, second: B})
    assert store.vectors.missing("e1", EVERY) == []
    assert store.vectors.kept("e1") == [(1, A), (2, B)]
    assert store.vectors.kept("e1", 2) == [(2, B)]
    assert store.vectors.kept("e2") == store.vectors.kept("e1", 3) == []
    assert [id for id, _ in store.vectors.missing("e2", EVERY)] == [first, second]
    store.vectors.save("e1", {})


def test_filters_hold_for_vectors_and_for_what_lacks_them(store: Store) -> None:
    old = save(store, 0)
    new = save(store, 0, 2, finished="2026-01-31T12:00:09Z")
    failed = save(store, 1, verdict="abstained")
    assert {id for id, _ in store.vectors.missing("e", EVERY)} == {old, new, failed}
    assert {id for id, _ in store.vectors.missing("e", Search())} == {new, failed}
    assert store.vectors.numbers(EVERY) == [1, 2, 3]
    assert store.vectors.numbers(Search()) == [2, 3]
    assert store.vectors.numbers(Search(verdict="abstained")) == [3]
    hits = store.vectors.found([3, 2])
    assert {n: hit.explanation for n, hit in hits.items()} == {3: failed, 2: new}
    assert hits[2].snippet == (("text 0", False),)
    assert store.vectors.found([]) == {}


def test_scores_are_looked_up_only_for_a_search_that_filters_by_them(store: Store) -> None:
    save(store, 0)
    save(store, 1, scores=())
    with asked(store) as sent:
        assert store.vectors.numbers(Search()) == [1, 2]
        assert len(store.vectors.missing("e", Search())) == 2
    assert not any("scores" in statement for statement in sent)
    assert store.vectors.numbers(Search(min_score=0.5)) == [1]
    assert store.vectors.numbers(Search(min_score=0.6)) == []


def test_a_vector_of_nothing_is_refused(store: Store) -> None:
    with pytest.raises(StorageError):
        store.vectors.save("e", {"nobody": A})
