"""Ratings: kept with what was shown, never overwritten, refused when they contradict the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from storage_examples import NOTHING, SPEC, explanation, rating, run
from storage_trouble import store_of_version

from core.errors import NotStored, StorageError
from core.ids import UnitId
from storage import RatingRecord, Store, open_store

OTHER = UnitId("demo", "mlp.2", 118)
AWKWARD = "naïve \ud83d token\x00 \udcff \x1a1a2b 😀"


def explained(store: Store) -> None:
    """``ex-1`` about ``UNIT`` and ``ex-2`` about ``OTHER``."""
    store.save_run(run())
    about_other = explanation("ex-2", 1, unit=OTHER)
    store.save_run(run("run-2", **(NOTHING | {"unit": OTHER, "explanations": (about_other,)})))


def test_a_rating_comes_back_whole(store: Store) -> None:
    explained(store)
    given = [
        rating(comment="mostly"),
        rating(unit=OTHER, control=True, rating=1, seed=-(2**63), time="2025-02-01T12:01:00Z"),
    ]
    assert store.ratings.save(given) == 2
    assert store.ratings.of("demo", "mlp.2") == given
    assert store.ratings.of("demo", "mlp.2", OTHER.index) == given[1:]
    assert store.ratings.of("demo", "mlp.1") == []


def test_what_a_person_writes_survives(store: Store) -> None:
    explained(store)
    store.ratings.save([rating(rater=AWKWARD, comment=AWKWARD)])
    (kept,) = store.ratings.of("demo", "mlp.2")
    assert (kept.rater, kept.comment) == (AWKWARD, AWKWARD)


def test_the_same_rating_is_stored_once(store: Store) -> None:
    explained(store)
    assert store.ratings.save([rating(), rating()]) == 1
    assert store.ratings.save([rating()]) == 0
    assert len(store.ratings.of("demo", "mlp.2")) == 1


def test_a_second_opinion_of_the_same_rater_is_kept_after_the_first(store: Store) -> None:
    explained(store)
    first, later = rating(rating=5), rating(rating=2, time="2025-02-01T11:59:59-01:00")
    store.ratings.save([later, first])
    assert store.ratings.of("demo", "mlp.2") == [first, later]


def test_one_bad_rating_keeps_all_out(store: Store) -> None:
    explained(store)
    nobody = UnitId("demo", "mlp.2", 9)
    for bad, error, says in (
        (rating("ex-9"), NotStored, "explanation 'ex-9' is not in the store"),
        (rating(unit=nobody, control=True), NotStored, "unit 'demo/mlp.2/9' is not in the store"),
        (rating(control=True), StorageError, "marked as a control"),
        (rating(unit=OTHER), StorageError, "marked as no control"),
    ):
        with pytest.raises(error, match=says):
            store.ratings.save([rating(), bad])
        assert store.ratings.of("demo", "mlp.2") == []


def test_a_control_stays_within_one_variant_of_the_subject(store: Store) -> None:
    store.save_run(run())
    about_other = explanation("ex-2", 1, unit=OTHER)
    changes = {"unit": OTHER, "spec_hash": "edited spec", "explanations": (about_other,)}
    store.save_run(run("run-2", **(NOTHING | changes)))
    with pytest.raises(NotStored):
        store.ratings.save([rating(unit=OTHER, control=True)])


@pytest.mark.parametrize(
    "changes",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 3.0},
        {"rating": True},
        {"rater": "  "},
        {"rater": "a" * 81},
        {"rater": "sk-abcdefghijklmnop1234"},
        {"time": "2025-02-01T12:00:00"},
        {"comment": "a" * 10_001},
        {"seed": 2**63},
        {"method": "pattern"},
    ],
)
def test_what_is_no_rating_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rating(**changes)


def test_names_and_comments_are_trimmed() -> None:
    assert rating(rater=" Ada \n Lovelace ").rater == "Ada Lovelace"
    assert rating(comment="  \n ").comment is None


def test_the_database_refuses_a_sixth_star(store: Store) -> None:
    explained(store)
    store.ratings.save([rating()])
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ratings SET rating = 6")


def test_the_name_of_a_rating_depends_on_everything_in_it() -> None:
    changed = [
        rating(),
        rating(rating=5),
        rating(rater="ben"),
        rating(comment="x"),
        rating(seed=1),
        rating(seen=()),
        rating(time="2025-02-01T12:00:01Z"),
    ]
    assert len({each.id for each in changed}) == len(changed)
    assert rating(time="2025-02-01T13:00:00+01:00").id == rating().id
    written = json.loads(json.dumps(rating().model_dump(mode="json")))
    assert RatingRecord.model_validate(written).id == rating().id


def test_explanations_of_a_site_come_with_their_run(store: Store) -> None:
    explained(store)
    store.save_run(run("broken", 3, status="failed", verdict=None, document=None))
    found = store.ratings.explanations("demo", "mlp.2")
    assert [(e.explanation.id, e.run, e.spec_hash) for e in found] == [
        ("ex-1", "run-1", SPEC),
        ("ex-2", "run-2", SPEC),
    ]
    assert found[0].explanation == explanation()
    assert store.ratings.explanations("demo", "mlp.2", OTHER.index) == found[1:]
    assert store.ratings.explanations("demo", "mlp.20") == []
    assert store.run("run-2").unit == OTHER
    with pytest.raises(NotStored, match="run 'run-9' is not in the store"):
        store.run("run-9")


def test_a_store_without_ratings_is_brought_up_to_date(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0003") as old:
        explained(old)
    with open_store(fresh_url) as store:
        assert store.ratings.of("demo", "mlp.2") == []
        assert store.ratings.save([rating()]) == 1
