"""Units that fire for unrelated reasons: groups of excerpts, and sentences of several meanings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from made_up import Made, Rule, before, made, on

from agent.explainers.pattern import PatternExplainer
from agent.explainers.pattern.dividing import joined
from agent.explainers.proposal import Candidate, Proposed
from agent.investigate import Side, Work, divide, side_of
from agent.meanings import BACK, clusters, without
from agent.setup import Setup
from core.ids import UnitId
from core.patterns import MAX_CLAUSES, Clause, Exact, Pattern, TokenGrid, parse
from core.results import Polarity

UNIT = UnitId("planted", "made", 0)
CAT = 'Fires 10/10 on the token " cat" right after the token " the".'
DEAR = 0.2
"""A price a symbol at which a search is content with the stronger of two reasons."""


def cat(grid: TokenGrid) -> np.ndarray[Any, Any]:
    return on(grid, " cat") & before(on(grid, " the"))


def running(grid: TokenGrid) -> np.ndarray[Any, Any]:
    return on(grid, " running") & before(on(grid, "def"))


def union(grid: TokenGrid) -> np.ndarray[Any, Any]:
    return 1.0 * cat(grid) + 0.6 * running(grid)


def groups(unit: Made) -> list[set[str]]:
    """The tokens on which the windows of each group peak."""
    explain = unit.evidence().explain
    peaks = explain.pool.activations.argmax(axis=1)
    return [{explain.pool.tokens[r][peaks[r]] for r in rows} for rows in clusters(explain)]


def test_two_unrelated_reasons_are_two_groups_the_heavier_first() -> None:
    assert groups(made(union)) == [{" cat"}, {" running"}]


@pytest.mark.parametrize("rule", [cat, lambda g: on(g, " cat") & before(on(g, " not"), 4)])
def test_one_reason_is_one_group(rule: Rule) -> None:
    assert groups(made(rule)) == [{" cat"}]


def test_few_windows_are_one_group() -> None:
    explain = made(union).evidence().explain
    none = explain.active_rows[:0]
    few = replace(explain, top_rows=explain.top_rows[:5], active_rows=none)
    (rows,) = clusters(few)
    assert sorted(rows) == sorted(few.top_rows)
    (nothing,) = clusters(replace(few, top_rows=none))
    assert len(nothing) == 0


def test_a_reason_that_is_hardly_ever_one_is_no_group() -> None:
    assert groups(made(lambda g: cat(g) + 0.1 * running(g))) == [{" cat"}]


def test_only_what_stands_before_a_peak_makes_windows_alike() -> None:
    """Windows of one reason share nothing but the words of the last ``BACK`` tokens."""
    assert BACK == 4
    assert groups(made(lambda g: on(g, ",") & before(on(g, "("), 2))) == [{","}]


def test_without_leaves_the_windows_of_other_meanings_out() -> None:
    explain = made(union).evidence().explain
    first, second = clusters(explain)
    kept = without(explain, second)
    assert kept.shape == (len(explain.pool),)
    assert kept[first].all()
    assert not kept[second].any()
    assert kept.sum() == len(explain.pool) - len(second)


# what the pattern explainer makes of it


def investigated(unit: Made, price: float) -> Work:
    setup = Setup(PatternExplainer(price=price), laboratory=unit.laboratory())
    return asyncio.run(side_of(Side.of(UNIT, unit.evidence(), "positive", setup)))


def test_a_search_that_is_content_with_one_reason_is_given_the_other() -> None:
    work = investigated(made(union), DEAR)
    assert next(step.said for step in work.steps if step.name == "choose") == CAT
    assert work.best is not None
    assert work.best.origin == "divided"
    assert work.first == work.best, "one-shot would have divided it, too"
    assert set(parse(work.best.text).clauses) == {
        *parse(CAT).clauses,
        *parse('Fires 6/10 on the token " running" right after the token "def".').clauses,
    }
    first, second = work.best.meanings
    assert '" cat"' in first.text
    assert '" running"' in second.text
    assert (first.share or 0) + (second.share or 0) == pytest.approx(1)
    assert (first.share or 0) > (second.share or 0) > 0.2
    assert work.steps[-1].said.startswith("several meanings: ")


def test_one_reason_is_not_divided() -> None:
    work = investigated(made(cat), DEAR)
    assert work.best is not None
    assert (work.best.text, work.best.meanings) != ("", ())
    assert work.best.text == CAT
    assert "divide" not in [step.name for step in work.steps]


def test_what_the_search_finds_by_itself_is_not_replaced() -> None:
    work = investigated(made(union), 0.003)
    assert work.best is not None
    assert work.best.origin != "divided"
    assert len(work.best.meanings) == 2


def test_a_divided_sentence_that_predicts_no_better_is_dropped() -> None:
    """It is written from ``explain``; where ``select`` knows one reason only, one is chosen."""
    unit = made(union)
    evidence = unit.evidence()
    select = replace(
        evidence.select,
        pool=replace(
            evidence.select.pool,
            activations=np.where(evidence.select.pool.activations < 0.9, 0, 1).astype(np.float32),
        ),
    )
    setup = Setup(PatternExplainer(price=DEAR))
    work = asyncio.run(side_of(Side.of(UNIT, replace(evidence, select=select), "positive", setup)))
    assert work.best is not None
    assert work.best.text == CAT


@dataclass
class Divides:
    """A session that divides into a given sentence."""

    text: str

    async def divide(self, best: Candidate, done: Sequence[object]) -> Proposed:
        return Proposed((Candidate(text=self.text, symbols=parse(self.text).symbols),))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('Fires 10/10 on the token " cat" right after the token " the"; '
         'plus 6/10 on the token " running" right after the token "def".', True),
        ('Fires 10/10 on the token " cat"; plus 10/10 on the token " sat".', False),
    ],
)  # fmt: skip
def test_the_loop_keeps_a_division_only_if_it_predicts_select_better(text: str, kept: bool) -> None:
    side = Side.of(UNIT, made(union).evidence(), "positive", Setup(PatternExplainer()))
    side.__dict__["session"] = Divides(text)
    best = Candidate(text=CAT, symbols=3, fit=0.77)
    polarity: Polarity = "positive"
    work = asyncio.run(divide(side, Work(polarity=polarity, hypotheses=(best,))))
    assert work.best is not None
    assert work.best.text == (text if kept else CAT)
    assert work.steps[-1].figures == {"kept": int(kept)}


def growing(letter: str, clauses: int) -> list[Pattern]:
    """What a search passes through: a sentence that gains a clause with every step."""
    whole = [Clause(Exact((f" {letter}{i}",)), (), 10 - i) for i in range(clauses)]
    return [Pattern(tuple(whole[: n + 1])) for n in range(clauses)]


def test_the_longest_sentences_lose_clauses_until_all_meanings_fit() -> None:
    whole = joined([growing("a", 5), growing("b", 2)])
    assert whole is not None
    assert len(whole.clauses) == MAX_CLAUSES
    assert set(whole.clauses) == {*growing("a", 4)[-1].clauses, *growing("b", 2)[-1].clauses}


@pytest.mark.parametrize(
    "found",
    [
        [],
        [growing("a", 2)],
        [growing("a", 2), growing("a", 2)],
        [growing("a", 2), growing("a", 1)],
    ],
)
def test_where_only_one_thing_is_said_nothing_is_joined(found: list[list[Pattern]]) -> None:
    assert joined(found) is None
