"""Explanations are found by their words, the same on every database, and by what is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from storage_examples import SPEC, explanation, run, score
from storage_trouble import full_disk, store_of_version

from core.errors import DiskFull, InvalidSetting, StorageError
from core.ids import UnitId
from storage import SearchPage, Store, open_store
from tests.postgres_server import QUICK_ON_SQLITE

TEXTS = (
    "fires on the name right after 'def'",
    "the name of a class, after the word class",
    "def after any name",
    "Fires on café names and on snake_case_words",
    "any token inside a docstring",
    "near-miss: don't say def",
)


def save(store: Store, text: str, index: int = 0, number: int = 1, **changes: Any) -> str:
    """A run about unit ``index`` that said ``text``; the id of the explanation."""
    unit, id = UnitId("demo", "mlp.2", index), f"ex-{index}-{number}"
    said = explanation(id, number, text=text, unit=unit, **changes.pop("said", {}))
    scored = {"mode": "corpus", "value": 0.5, "low": 0.4, "high": 0.6} | changes.pop("scored", {})
    values: dict[str, Any] = {
        "unit": unit,
        "key": f"key-{index}",
        "explanations": (said,),
        "scores": (score(id, **scored),),
        "experiments": (),
        "openings": (),
    }
    store.save_run(run(f"run-{index}-{number}", **(values | changes)))
    return id


@pytest.fixture
def filled(store: Store) -> Store:
    for index, text in enumerate(TEXTS):
        save(store, text, index)
    return store


def found(page: SearchPage) -> list[int]:
    return [hit.unit.index for hit in page.hits]


@pytest.mark.parametrize(
    ("typed", "units"),
    [
        ("def", [2, 5, 0]),
        ("name after", [2, 0, 1]),
        ("after name", [2, 0, 1]),
        ('"after def"', [0]),
        ('"name after"', []),
        ("def -name", [5]),
        ('name -"right after"', [2, 1]),
        ("doc*", [4]),
        ("na*", [2, 0, 3, 1]),
        ("fires na* -café", [0]),
        ("CAFE", [3]),
        ("snake_case_words", [3]),
        ("words", [3]),
        ("case_snake", []),
        ("don’t say", [5]),
        ("near-miss", [5]),
        ('"near miss', [5]),
        ("“after def”", [0]),
        ("AND", [3]),
        ("nowhere", []),
        ("name OR class", []),
        ("-name -docstring", [5, 3]),
    ],
)
def test_words_phrases_exclusions_and_beginnings(
    filled: Store, typed: str, units: list[int]
) -> None:
    assert found(filled.search(typed)) == units


def test_what_stands_side_by_side_comes_first_then_what_says_less_beside_it(
    store: Store,
) -> None:
    save(store, "red things that are far from a car", 0)
    save(store, "car, red", 1)
    save(store, "a thing such as a red car in any street of the city", 2)
    save(store, "car red", 3)
    assert found(store.search("red car")) == [2, 3, 1, 0]


def test_a_hit_says_all_that_is_known(filled: Store) -> None:
    (hit,) = filled.search('"after def"').hits
    assert (str(hit.unit), hit.explanation, hit.run) == ("demo/mlp.2/0", "ex-0-1", "run-0-1")
    assert (hit.text, hit.method, hit.verdict) == (TEXTS[0], "pattern", "explained")
    assert hit.score is not None
    assert (hit.score.value, hit.score.low, hit.score.high) == (0.5, 0.4, 0.6)
    assert (hit.score.null_p95, hit.score.n_excerpts) == (0.04, 20)
    assert hit.snippet == (
        ("fires on the name right ", False), ("after", True), (" '", False), ("def", True),
        ("'", False),
    )  # fmt: skip


def test_a_score_that_is_missing_says_why_or_is_none(store: Store) -> None:
    undefined = {"value": None, "low": None, "high": None, "status": "undefined", "reason": "flat"}
    save(store, "one", 0, scored=undefined)
    save(store, "two", 1, scores=())
    (one,), (two,) = store.search("one").hits, store.search("two").hits
    assert one.score is not None
    assert (one.score.value, one.score.reason) == (None, "flat")
    assert two.score is None
    assert store.search(min_score=-1.0).hits == ()


def test_without_words_the_filters_act_and_the_newest_come_first(store: Store) -> None:
    save(store, "a", 0, scored={"value": 0.1, "low": 0.0, "high": 0.2})
    save(store, "b", 1, verdict="abstained")
    save(store, "c", 2, said={"method": "person"})
    assert found(store.search()) == [2, 1, 0]
    assert found(store.search("  ")) == [2, 1, 0]
    assert found(store.search(min_score=0.5)) == [2, 1]
    assert found(store.search(verdict="abstained")) == [1]
    assert found(store.search(method="person")) == [2]
    assert found(store.search(subject="demo", site="mlp.2")) == [2, 1, 0]
    assert found(store.search(site="mlp.3")) == []
    assert found(store.search("a", subject="another")) == []


def test_what_was_said_before_is_left_out_unless_asked_for(store: Store) -> None:
    save(store, "old words", 0, finished="2025-01-31T12:00:01Z")
    save(store, "new words", 0, 2, finished="2025-01-31T12:00:02Z")
    assert [hit.text for hit in store.search("words").hits] == ["new words"]
    assert store.search("old").hits == ()
    every = store.search("words", only_newest=False).hits
    assert [hit.text for hit in every] == ["new words", "old words"]


def test_a_failed_run_says_nothing_and_imports_are_found(store: Store) -> None:
    save(store, "words of a failure", 0, status="failed", verdict="failed")
    save(store, "words from elsewhere", 1, status="failed", verdict=None, key="import/x")
    save(store, "words from here", 1, 2)
    assert [hit.text for hit in store.search("words").hits] == [
        "words from here", "words from elsewhere"
    ]  # fmt: skip
    assert store.search("elsewhere").hits[0].verdict is None


def pages(store: Store, text: str, **asked: Any) -> Iterator[list[int]]:
    after = None
    while True:
        page = store.search(text, after=after, **asked)
        yield found(page)
        if (after := page.after) is None:
            return


def test_pages_follow_each_other_also_while_others_write(store: Store) -> None:
    for index in range(7):
        save(store, "a red car" + " indeed" * (index % 2), index)
    whole = found(store.search("red car"))
    assert whole == [6, 4, 2, 0, 5, 3, 1]
    assert list(pages(store, "red car", limit=3)) == [whole[:3], whole[3:6], whole[6:]]
    assert list(pages(store, "red", limit=7)) == [whole]
    assert list(pages(store, "", limit=4)) == [[6, 5, 4, 3], [2, 1, 0]]
    first = store.search("red car", limit=3)
    save(store, "red car", 7)
    save(store, "red car at the very end", 8)
    rest = store.search("red car", limit=10, after=first.after)
    assert found(rest) == [*whole[3:], 8]


def test_a_place_in_another_search_is_refused(filled: Store) -> None:
    after = filled.search("name", limit=1).after
    assert after is not None
    name = after.split("-")[0]
    for text, given in (
        ("def", after), ("name", "x"), ("name", ""), ("name", "\x00"), ("name", name + "-1"),
        ("name", name + "-1-2-3"), ("name", name + "-1-9999999999"),
    ):  # fmt: skip
        with pytest.raises(InvalidSetting, match="is not where a page"):
            filled.search(text, after=given)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("!?.,-*\"'", {}),
        ("\x00", {}),
        ("-", {}),
        ("x " * 65, {}),
        ("x" * 10_001, {}),
        ("", {"verdict": "perhaps"}),
        ("", {"min_score": float("nan")}),
        ("", {"limit": 0}),
        ("", {"limit": 1001}),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(
    store: Store, text: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        store.search(text, **asked)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "🙂"},
        {"text": "'; DROP TABLE explanations; --"},
        {"text": "NEAR(a b) AND words : {x} ^y"},
        {"text": "a & b | !c <-> d:* \\"},
        {"text": "%_%"},
        {"text": "\ud800q"},
        {"text": "a\x00b"},
        {"text": "z" * 10_000},
        {"text": "é" * 10_000},
        {"text": '"' * 9_999 + "q"},
        {"subject": "\x00"},
        {"site": "\ud800"},
        {"method": "%"},
        {"min_score": 1e308},
    ],
)
def test_anything_that_can_be_typed_is_answered(filled: Store, asked: dict[str, Any]) -> None:
    with suppress(InvalidSetting):
        assert filled.search(**asked).hits == ()


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("smiles 🙂🙃 and more", "🙃"),
        ("动词的主语", "主语"),
        ("Straße", "STRASSE"),
        ("x\x00y \ud800 z", "y z"),
        ("word " * 300 + "end", "end"),
        ("ab " + "z" * 500, "z" * 200),
        ("Ñandú", "nandu"),
        ("नमस्ते दुनिया", "दुनिया"),
    ],
)
def test_every_script_is_searched(store: Store, text: str, typed: str) -> None:
    save(store, text)
    (hit,) = store.search(typed).hits
    assert hit.text == text
    assert any(matched for _, matched in hit.snippet) or len(text) > 200


@QUICK_ON_SQLITE
def test_texts_of_any_size_are_kept_and_found(store: Store) -> None:
    save(store, " ".join(f"w{n}" for n in range(20_000)), 0)
    save(store, "same " * 20_000, 1)
    save(store, "".join(chr(0x4E00 + n % 20_000) for n in range(200_000)), 2)
    save(store, " ".join("é" * 90 + str(n) for n in range(2_000)), 3)
    save(store, "", 4)
    assert found(store.search("w9998 w9999")) == [0]
    assert found(store.search("w10001")) == []
    assert found(store.search("same")) == [1]
    assert found(store.search(f"{'é' * 90}1")) == [3]
    assert found(store.search()) == [4, 3, 2, 1, 0]
    assert all(sum(len(t) for t, _ in h.snippet) <= 202 for h in store.search().hits)


def test_explanations_of_an_older_store_are_taken_up(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0008") as old:
        for index, text in enumerate(TEXTS):
            save(old, text, index)
        many = (explanation(f"many-{n}", n, text=f"reading number {n}") for n in range(1, 1102))
        old.save_run(run("many", key="many", scores=(), openings=(), explanations=tuple(many)))
    with open_store(fresh_url) as store:
        assert found(store.search("name after")) == [2, 0, 1]
        assert len(store.search("reading", limit=1000).hits) == 1000
        assert [hit.version for hit in store.search("reading number 1101").hits] == [1101]
        save(store, "after name", 7)
        assert found(store.search("name after")) == [7, 2, 0, 1]


def test_a_full_disk_leaves_no_words_behind(file_store: Store) -> None:
    save(file_store, "kept")
    with full_disk(file_store), pytest.raises(DiskFull):
        save(file_store, "lost " * 50_000, 1)
    assert found(file_store.search("lost")) == []
    assert found(file_store.search("kept")) == [0]
    with file_store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO explanation_search (explanation_search) VALUES ('integrity-check')"
        )


def test_a_damaged_index_is_an_error_of_storage(fresh_url: str) -> None:
    with open_store(fresh_url) as store:
        on_file = store.engine.dialect.name == "sqlite"
        index = "explanation_search" if on_file else "explanation_words"
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE {index}")
        with pytest.raises(StorageError, match=index):
            store.search("def")


def test_a_closed_store_is_not_searched(store: Store) -> None:
    store.close()
    with pytest.raises(StorageError, match="was closed"):
        store.search("def")


def test_what_is_not_stored_is_not_found(store: Store) -> None:
    save(store, "kept")
    twice = run("other", explanations=(explanation("ex-0-1", text="lost"),), scores=())
    with pytest.raises(Exception, match="holds such a record already"):
        store.save_run(twice)
    assert store.search("lost").hits == ()
    assert found(store.search("kept")) == [0]
    assert store.explanations(UnitId("demo", "mlp.2", 0), SPEC)[0].text == "kept"
