"""Properties of the search on any text, and of the regression that it rests on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import before, made, on
from scipy.optimize import lsq_linear

from agent.explainers.pattern.candidates import forms_of, propose, word_of
from agent.explainers.pattern.fit import Regression, refit, sayable
from agent.explainers.pattern.judge import Judge
from agent.explainers.pattern.search import PRICE, search
from core.patterns import MAX_CLAUSES, Pattern, Within, parse, render

STRANGE = [
    "", " ", "\n", "\t ", "\x00", "\x1f", "\u200b", "\ufeff", " é", "İ", " İstanbul", "ß", "ẞ",
    " STRASSE", "ΟΔΟΣ", "ς", "ﬁ", "ǅ", "٣", "\ud800", " a\udc00", "\u2028", "😀", '"', "\\", " \\n",
    "e\u0301", "ΑΣ", "\xa0x\xa0",
]  # fmt: skip
texts = st.sampled_from(STRANGE) | st.text(max_size=6) | st.characters().map(str)


@given(
    st.lists(texts, min_size=1, max_size=14, unique=True),
    st.integers(0, 2**32 - 1),
    st.integers(2, 12),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tokens_can_be_searched(vocabulary: list[str], seed: int, length: int) -> None:
    def rule(grid: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        shape = grid.shape  # type: ignore[attr-defined]
        place = np.arange(shape[0] * shape[1]).reshape(shape)
        first = on(grid, *vocabulary[:2])  # type: ignore[arg-type]
        return (first & (place % 5 != 0)) * (1.0 + place % 3)

    unit = made(rule, vocabulary=vocabulary, windows=60, length=length, seed=seed)
    explain = unit.evidence().explain
    if not len(explain.pool):
        return
    for found in search(Regression.of(explain)):
        check(found.pattern)


def check(pattern: Pattern) -> None:
    assert parse(render(pattern)) == pattern
    assert 1 <= len(pattern.clauses) <= MAX_CLAUSES
    for clause in pattern.clauses:
        assert type(clause.strength) is int
        assert 1 <= clause.strength <= 10


@given(texts)
def test_the_forms_of_a_token_are_predicates_that_it_satisfies(text: str) -> None:
    word = word_of(text)
    if word is not None:
        assert text.strip().lower() == word.text
    if sayable(text):
        assert len(forms_of(text)) == 1 + (word is not None)


@pytest.fixture(scope="module")
def regression() -> Regression:
    """Three clauses of falling strength, so that sentences grow."""

    def rule(grid: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        cat, dog = on(grid, " cat"), on(grid, " dog") & before(on(grid, " the"), 3)  # type: ignore[arg-type]
        return 4.0 * cat + 3.0 * dog + 1.5 * on(grid, " sat")  # type: ignore[arg-type]

    return Regression.of(made(rule).evidence().explain)


def test_each_step_explains_more_and_pays_for_its_symbols(regression: Regression) -> None:
    passed = search(regression)
    explained = [0.0, *(found.explained for found in passed)]
    symbols = [0, *(found.pattern.symbols for found in passed)]
    assert len(passed) >= 3
    assert explained[-1] > 0.999
    for i in range(len(passed)):
        gain = explained[i + 1] - explained[i]
        assert gain > 0
        assert gain > PRICE * (symbols[i + 1] - symbols[i]) - 1e-9
    for found in passed:
        check(found.pattern)


def test_a_price_that_nothing_pays_gives_no_sentence(regression: Regression) -> None:
    assert search(regression, price=0.9) == []


def test_a_higher_price_gives_a_shorter_sentence(regression: Regression) -> None:
    lengths = [search(regression, price=price)[-1].pattern.symbols for price in (0.003, 0.15)]
    assert lengths[0] > lengths[1]


def test_barred_contexts_are_in_no_sentence(regression: Regression) -> None:
    def named(patterns: list[Pattern]) -> set[object]:
        return {x for p in patterns for c in p.clauses for x in c.contexts}

    free = named([f.pattern for f in search(regression)])
    assert any(isinstance(context, Within) for context in free)
    barred = named([f.pattern for f in search(regression, barred=free)])  # type: ignore[arg-type]
    assert not barred & free


def test_candidates_come_best_first(regression: Regression) -> None:
    _, residual = regression.solve([])
    found = propose(regression, residual, PRICE)
    nets = [round(candidate.net, 6) for candidate in found]
    assert nets == sorted(nets, reverse=True)
    assert len({candidate.clause for candidate in found}) == len(found)
    for candidate in found[:5]:
        mask = regression.grid.matches(candidate.clause.predicate)
        for context in candidate.clause.contexts:
            mask = mask & regression.grid.holds(context)
        explained = 1 - regression.error(regression.solve([mask])[1])
        assert candidate.gain == pytest.approx(explained, abs=1e-4)


def test_strengths_are_non_negative_weighted_least_squares(regression: Regression) -> None:
    grid = regression.grid
    masks = [on(grid, " cat"), on(grid, " dog"), on(grid, ",") | on(grid, " sat"), grid.known]
    strengths, residual = regression.solve(masks)
    root = np.sqrt(regression.weights.ravel())
    design = np.stack([*(m.ravel() for m in masks[:3]), np.ones(root.size)], 1).astype(float)
    low = [0, 0, 0, -np.inf]
    expected = lsq_linear(design * root[:, None], regression.actual.ravel() * root, (low, np.inf))
    assert strengths[:3] == pytest.approx(expected.x[:3], abs=1e-5)
    assert strengths[3] == 0.0  # a mask that holds everywhere is the intercept
    assert regression.error(residual) == pytest.approx(2 * expected.cost, abs=1e-6)


def test_errors_are_those_of_solving_each(regression: Regression) -> None:
    grid = regression.grid
    fixed = [on(grid, " cat"), on(grid, " cat", " dog")]
    changed = [on(grid, " sat"), on(grid, " cat"), grid.known, ~grid.known, on(grid, " The")]
    found = list(regression.errors(fixed, changed))
    expected = [regression.error(regression.solve([*fixed, m])[1]) for m in changed]
    assert found == pytest.approx(expected, abs=1e-6)


def test_weights_make_the_variance_one(regression: Regression) -> None:
    assert regression.error(regression.solve([])[1]) == pytest.approx(1)


def test_refitting_keeps_the_clauses_and_finds_the_strengths(regression: Regression) -> None:
    wrong = 'Fires 1/10 on the token " cat"; plus 10/10 on the token " sat".'
    found = refit(parse(wrong), regression)
    assert found is not None
    assert [c.predicate for c in found.clauses] == [c.predicate for c in parse(wrong).clauses]
    assert found.clauses[0].strength == 10
    assert found.clauses[1].strength < 6
    assert refit(parse('Fires 5/10 on the token "nowhere".'), regression) is None


def test_the_judge_prefers_the_shorter_of_equals_and_pays_for_the_refuted() -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    judge = Judge(unit.evidence().select)
    short = parse('Fires 10/10 on the token " cat".')
    long = parse('Fires 10/10 on the tokens " cat" or "nowhere".')
    claimed = parse('Fires 10/10 on the token " cat" not right after the token "nowhere".')
    assert judge(short) > judge(long) > judge(claimed) > 0.9
    assert judge.ranked([long, short]) == [short, long]
    refuted = set(claimed.clauses[0].contexts)
    assert judge.ranked([claimed, long], refuted) == [long, claimed]
    assert judge.ranked([]) == []
    assert judge(parse('Fires 10/10 on the token " dog".')) < 0
