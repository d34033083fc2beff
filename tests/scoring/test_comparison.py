"""Paired comparisons: against scipy, by simulation, and what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scoring.comparison import (
    ExplanationsCompared,
    Pair,
    compare_explanations,
    compare_methods,
)
from scoring.intervals import Design

TOKENS = 32


def windows(rng: np.random.Generator, n: int, both: float = 0.0) -> tuple[Any, Any, Any]:
    """(first, second, actual): two patterns that are right equally often, ``both`` of it shared."""
    loud = np.exp(rng.normal(0, 0.4, (n, 1)))
    topic = np.where(rng.random((n, 1)) < 0.3, 2.0, 0.6)
    shared = rng.random((n, TOKENS)) < 0.15 * topic * both
    own = [rng.random((n, TOKENS)) < 0.15 * topic * (1 - both) for _ in range(2)]
    first, second = (10.0 * (shared | o) for o in own)
    actual = loud * (shared + 0.5 * own[0] + 0.5 * own[1]) + rng.normal(0, 0.1, (n, TOKENS))
    return first, second, actual


def compared(first: Any, second: Any, actual: Any, **changes: Any) -> ExplanationsCompared:
    given = {"known": np.ones(actual.shape, dtype=bool), "design": Design.equal(len(actual))}
    return compare_explanations(first, second, actual, **(given | {"seed": 0} | changes))


def rho(predicted: Any, actual: Any) -> float:
    return float(np.corrcoef(predicted.ravel(), actual.ravel())[0, 1])


# two explanations of one unit


def test_the_difference_is_that_of_the_two_correlations() -> None:
    first, second, actual = windows(np.random.default_rng(0), 50)
    found = compared(first, second, actual)
    assert found.first == pytest.approx(rho(first, actual))
    assert found.second == pytest.approx(rho(second, actual))
    assert found.difference.value == pytest.approx(rho(first, actual) - rho(second, actual))
    assert (found.excerpts, found.left_out) == (50, 0)


def test_turned_round_everything_changes_its_sign_and_nothing_else() -> None:
    first, second, actual = windows(np.random.default_rng(1), 40)
    there, back = compared(first, second, actual), compared(second, first, actual)
    assert back.p == there.p
    ends = [there.difference.low, there.difference.high]
    assert [back.difference.high, back.difference.low] == pytest.approx([-e for e in ends])


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_same_explanation_twice_differs_by_nothing(scale: float) -> None:
    first, _, actual = windows(np.random.default_rng(2), 30)
    found = compared(first, scale * first, actual)
    assert found.difference.value == pytest.approx(0.0, abs=1e-12)
    assert found.difference.low == pytest.approx(0.0, abs=1e-9)
    assert found.difference.high == pytest.approx(0.0, abs=1e-9)
    assert found.p == 1.0


def test_what_two_explanations_share_does_not_widen_the_interval() -> None:
    """The paired interval is narrower than that of a difference of two separate samples."""
    first, second, actual = windows(np.random.default_rng(3), 100, both=0.8)
    paired = compared(first, second, actual).difference
    rng = np.random.default_rng(4)
    drawn = rng.integers(100, size=(200, 100))
    apart = np.std([rho(first[rows], actual[rows]) for rows in drawn])
    assert paired.low is not None
    assert paired.high is not None
    assert paired.high - paired.low < 2 * 1.96 * np.sqrt(2) * apart


def test_a_clear_difference_is_found() -> None:
    first, _, actual = windows(np.random.default_rng(5), 60)
    poor = np.random.default_rng(6).permuted(first, axis=1)
    found = compared(first, poor, actual)
    assert found.difference.low is not None
    assert found.difference.low > 0.1
    assert found.p is not None
    assert found.p < 0.005


def test_the_interval_and_the_p_value_keep_their_promise() -> None:
    """Two explanations of equal worth: 95 % intervals hold zero, p ≤ .05 in one case of twenty."""
    rng = np.random.default_rng(7)
    found = [compared(*windows(rng, 40, both=0.3), seed=i) for i in range(150)]
    ends = [(f.difference.low, f.difference.high) for f in found]
    held = np.mean(
        [low is not None and high is not None and low <= 0 <= high for low, high in ends]
    )
    assert 0.90 <= held <= 0.99
    assert np.mean([f.p is not None and f.p <= 0.05 for f in found]) <= 0.09


def test_only_tokens_that_both_were_simulated_on_count() -> None:
    first, second, actual = windows(np.random.default_rng(8), 40)
    known = np.ones(actual.shape, dtype=bool)
    known[:7] = False
    part = compared(first[7:], second[7:], actual[7:])
    found = compared(first, second, actual, known=known)
    assert (found.excerpts, found.left_out) == (33, 7)
    assert found.difference.value == pytest.approx(part.difference.value)


def test_few_excerpts_have_no_p_value_and_say_so() -> None:
    first, second, actual = windows(np.random.default_rng(9), 9)
    found = compared(first, second, actual)
    assert (found.p, found.p_reason) == (None, "no p-value: fewer than 10 excerpts")
    assert found.difference.value is not None


def test_a_difference_that_hangs_on_one_excerpt_has_neither() -> None:
    first, second, actual = windows(np.random.default_rng(10), 20)
    second[1:] = 0.0
    found = compared(first, second, actual)
    assert (found.p, found.difference.low) == (None, None)
    assert "undefined" in str(found.p_reason)
    assert found.difference.reason == "no interval: the figure rests on too few excerpts"


def test_an_explanation_without_a_score_says_which_and_why() -> None:
    first, second, actual = windows(np.random.default_rng(11), 20)
    found = compared(first, np.zeros_like(second), actual)
    assert (found.second, found.p, found.difference.value) == (None, None, None)
    assert found.difference.reason == "second: the prediction is constant on the scored excerpts"
    constant = compared(first, second, np.ones_like(actual))
    assert "first: the unit is constant" in str(constant.p_reason)


# two methods over many units


def test_the_sign_test_is_scipys_and_ties_have_no_part_in_it() -> None:
    rng = np.random.default_rng(12)
    for _ in range(20):
        better, worse, ties = (int(n) for n in rng.integers(0, 12, size=3))
        differences = [0.1] * better + [-0.2] * worse + [0.0] * ties
        found = compare_methods([Pair(0.5 + d, 0.5) for d in differences], seed=0)
        assert (found.better, found.worse, found.ties) == (better, worse, ties)
        if better + worse:
            assert found.p == pytest.approx(stats.binomtest(better, better + worse).pvalue)


def test_identical_methods_are_equal_everywhere() -> None:
    found = compare_methods([Pair(v, v) for v in np.linspace(0, 1, 20).tolist()], seed=0)
    assert (found.better, found.ties, found.worse, found.p) == (0, 20, 0, 1.0)
    assert (found.gain.value, found.gain.low, found.gain.high) == (0.0, 0.0, 0.0)


def test_the_paired_interval_holds_the_true_gain() -> None:
    """Units differ far more than methods: only the pairs show the gain of 0.05."""
    rng = np.random.default_rng(13)
    held = []
    for seed in range(200):
        level = rng.normal(0.5, 0.3, 30)
        first, second = level + 0.05 + rng.normal(0, 0.05, 30), level + rng.normal(0, 0.05, 30)
        pairs = [Pair(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        gain = compare_methods(pairs, seed=seed).gain
        assert gain.low is not None
        assert gain.high is not None
        held.append(gain.low <= 0.05 <= gain.high)
        assert gain.high - gain.low < 0.08
    assert 0.90 <= np.mean(held) <= 0.99


@given(st.lists(st.tuples(st.none() | st.floats(-1, 1), st.none() | st.floats(-1, 1)), max_size=30))
def test_no_unit_is_lost_and_none_is_a_zero(
    values: list[tuple[float | None, float | None]],
) -> None:
    pairs = [Pair(a, b, "constant" if None in (a, b) else None) for a, b in values]
    found = compare_methods(pairs, seed=0)
    assert found.units + sum(found.left_out.values()) == len(pairs)
    assert found.better + found.ties + found.worse == found.units
    whole = [a - b for a, b in values if a is not None and b is not None]
    expected = pytest.approx(np.mean(whole)) if whole else None
    assert found.gain.value == expected


def test_units_without_a_figure_are_counted_by_reason() -> None:
    pairs = [Pair(0.5, 0.4), Pair(None, 0.4, "dead"), Pair(0.5, None, "no list"), Pair(None, None)]
    found = compare_methods(pairs, seed=0)
    assert found.left_out == {"dead": 1, "no list": 1, "no reason given": 1}
    assert (found.units, found.gain.low) == (1, None)
    assert found.gain.reason == "no interval: fewer than 5 units"


def test_no_units_at_all_have_no_gain_and_no_p() -> None:
    found = compare_methods([], seed=0)
    assert (found.gain.value, found.gain.reason, found.p) == (
        None,
        "no unit has both figures",
        None,
    )
