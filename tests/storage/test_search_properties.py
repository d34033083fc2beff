"""Whatever is typed, every database finds what reading all texts one by one would find."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from storage_examples import SPEC, explanation, run

from core.errors import InvalidSetting
from core.ids import UnitId
from storage import Store, open_store
from storage.found import snippet
from storage.search_query import SearchQuery, read_query
from storage.words import words_of
from tests.postgres_server import SERVER, postgres_database

WORDS = (
    "def",
    "defs",
    "name",
    "café",
    "CAFE",
    "Straße",
    "snake_case",
    "don't",
    "é",
    "主语",
    "🙂",
    "a",
)
TEXTS = tuple(
    " ".join(WORDS[(start * step + i * step) % len(WORDS)] for i in range(length))
    for start in range(5)
    for step, length in ((1, 3), (5, 4), (7, 6), (11, 1))
)
ROOM = 60

word = st.sampled_from(WORDS)
phrase = st.lists(word, min_size=1, max_size=3).map(lambda words: '"' + " ".join(words) + '"')
beginning = word.map(lambda w: w[:2] + "*")
term = st.builds(str.__add__, st.sampled_from(["", "", "-"]), word | phrase | beginning)
likely = st.lists(term, max_size=4).map(" ".join)
typed = likely | st.text(max_size=30) | st.builds(str.__add__, likely, st.text(max_size=6))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    """One of each kind that there is, with the same texts."""
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('search')}/a.db") as first:
        fill(first)
        if not SERVER:
            yield [first]
            return
        with postgres_database() as url, open_store(url) as second:
            fill(second)
            yield [first, second]


def fill(store: Store) -> None:
    for index, text in enumerate(TEXTS):
        unit, id = UnitId("demo", "mlp.2", index), f"ex-{index}"
        said = explanation(id, text=text, unit=unit)
        nothing = {"scores": (), "experiments": (), "openings": ()}
        record = run(f"run-{index}", unit=unit, spec_hash=SPEC, explanations=(said,), **nothing)
        store.save_run(record)


def fits(query: SearchQuery, text: str) -> bool:
    words = words_of(text)
    held = all(list(term.places(words)) for term in query.required)
    return held and not any(list(term.places(words)) for term in query.excluded)


def order(query: SearchQuery, index: int) -> tuple[bool, int, int]:
    if not query.required:
        return False, 0, -index
    words = words_of(TEXTS[index])
    apart = query.together is not None and not list(query.together.places(words))
    return apart, len(words), -index


@settings(max_examples=150)
@given(typed)
@example("")
@example('"')
@example("-")
@example('"def name')
@example("*")
@example("x\x00y")
@example("\ud800")
def test_every_database_finds_what_reading_finds_in_one_order(
    stores: list[Store], text: str
) -> None:
    try:
        query = read_query(text)
    except InvalidSetting:
        for store in stores:
            with pytest.raises(InvalidSetting):
                store.search(text)
        return
    wanted = [index for index, said in enumerate(TEXTS) if fits(query, said)]
    wanted.sort(key=lambda index: order(query, index))
    for store in stores:
        hits = store.search(text, limit=ROOM).hits
        assert [hit.unit.index for hit in hits] == wanted
        for hit in hits:
            assert "".join(piece for piece, _ in hit.snippet) == hit.text
            assert any(matched for _, matched in hit.snippet) == bool(query.required)


@settings(max_examples=60)
@given(likely, st.integers(1, 7))
def test_pages_joined_are_the_whole(stores: list[Store], text: str, limit: int) -> None:
    for store in stores:
        whole = store.search(text, limit=ROOM).hits
        joined, after = [], None
        while True:
            page = store.search(text, limit=limit, after=after)
            joined += page.hits
            if (after := page.after) is None:
                break
            assert len(page.hits) == limit
        assert tuple(joined) == whole


@given(st.text())
@example("e\u0301a \u0301 か゛")
def test_words_lie_in_the_text_in_order_and_are_safe_codes(text: str) -> None:
    at = 0
    for found in words_of(text):
        assert at <= found.start < found.end <= len(text)
        at = found.end
        assert set(found.code) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
        assert found.code != "_"


@given(st.text(min_size=1, max_size=40))
def test_accents_may_be_written_in_either_way(text: str) -> None:
    codes = [found.code for found in words_of(text)]
    assert [found.code for found in words_of(unicodedata.normalize("NFC", text))] == codes
    assert [found.code for found in words_of(unicodedata.normalize("NFD", text))] == codes


@given(st.text(max_size=600), likely)
def test_a_snippet_is_a_part_of_the_text(text: str, query: str) -> None:
    terms = read_query(query).required
    pieces = snippet(text, terms)
    shown = "".join(piece for piece, _ in pieces)
    if len(text) <= 200:
        assert shown == text
    else:
        assert len(shown) <= 202
        assert shown.strip("…") in text
    assert all(piece for piece, _ in pieces)
