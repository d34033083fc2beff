"""The grid itself: shapes, padding, rows taken out, memory."""

from __future__ import annotations

import numpy as np
import pytest

from core.patterns import (
    CharClass,
    Clause,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    TokenGrid,
    Within,
    evaluate,
)

ANY = CharClass("any")
ROWS = [["(", "a", "a", ")"], ["a"], [], ["#", " a", "\n"]]
CONTEXTS = [
    RightAfter(ANY),
    Within(16, ANY),
    LineStartsWith(ANY),
    Inside("brackets"),
    Inside("comment", negated=True),
    SeenBefore(),
    FirstPosition(negated=True),
]


def test_rows_of_unequal_length_are_padded_at_the_right() -> None:
    grid = TokenGrid.from_tokens(ROWS)
    assert grid.shape == (4, 4)
    assert grid.known.sum(axis=1).tolist() == [4, 1, 0, 3]
    assert [
        [grid.strings[i] for i, known in zip(ids, knowns, strict=True) if known]
        for ids, knowns in zip(grid.ids, grid.known, strict=True)
    ] == ROWS


@pytest.mark.parametrize("context", CONTEXTS)
def test_nothing_holds_where_there_is_no_token(context) -> None:
    grid = TokenGrid.from_tokens(ROWS)
    assert not (grid.holds(context) & ~grid.known).any()
    assert (grid.matches(ANY) == grid.known).all()
    assert evaluate(Pattern((Clause(ANY),)), grid)[~grid.known].sum() == 0


@pytest.mark.parametrize("rows", [[], [[]], [[], []]])
def test_no_tokens_at_all(rows: list[list[str]]) -> None:
    grid = TokenGrid.from_tokens(rows)
    for context in CONTEXTS:
        assert grid.holds(context).shape == grid.shape
    assert evaluate(Pattern((Clause(Exact(("a",))),)), grid).shape == grid.shape


@pytest.mark.parametrize("chosen", [[3, 0, 0], [], np.array([True, False, False, True])])
@pytest.mark.parametrize("lexed_before", [True, False])
def test_rows_taken_out_answer_as_before(chosen, lexed_before: bool) -> None:
    grid = TokenGrid.from_tokens(ROWS)
    if lexed_before:
        grid.holds(Inside("quotes"))
    taken = grid.take(chosen)
    index = np.asarray(chosen, dtype=None if len(chosen) else np.intp)
    assert taken.strings is grid.strings
    for context in CONTEXTS:
        assert (taken.holds(context) == grid.holds(context)[index]).all()


def test_answers_are_shared_and_read_only() -> None:
    grid = TokenGrid.from_tokens(ROWS)
    mask = grid.matches(Exact(("a",)))
    assert grid.matches(Exact(("a",))) is mask
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = True


def test_kept_answers_stay_within_their_bound_and_the_oldest_leave() -> None:
    grid = TokenGrid.from_tokens([["a"] * 100], cache_bytes=250)
    first = grid.matches(Prefix("a"))
    second = grid.matches(Prefix("b"))
    assert grid.matches(Prefix("a")) is first
    grid.matches(Prefix("c"))
    assert grid.matches(Prefix("a")) is first
    assert grid.matches(Prefix("b")) is not second
    assert TokenGrid.from_tokens([["a"]], cache_bytes=0).matches(ANY).all()
