"""Rank correlation and agreement: published and hand-computed examples, and what is undefined."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scoring.agreement import LEAST, mean_rating, ordinal_alpha, ranks, spearman

_ = np.nan
# Krippendorff 2011, section D: four observers, twelve units, missing data; alpha is .815 for
# ordinal data in the paper's table of metrics.
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)


def array(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


# rank correlation


def test_ties_share_the_mean_of_their_ranks() -> None:
    assert ranks(array(30, 10, 20, 10)).tolist() == [4.0, 1.5, 3.0, 1.5]


def test_spearman_by_hand() -> None:
    """Ranks 1 2 3 4 5 and 2 1 4 3 5: Σd² = 4, so ρ = 1 - 6 * 4 / (5 * 24) = 0.8."""
    found = spearman(array(10, 20, 30, 40, 50), array(0.2, 0.1, 0.4, 0.3, 0.9), seed=0)
    assert found.value == pytest.approx(0.8)
    assert found.n == 5


def test_the_p_value_is_that_of_all_pairings() -> None:
    """Of the 120 pairings of five, those with |ρ_s| of 0.8 and more, counted one by one."""
    first, second = array(1, 2, 3, 4, 5), array(2, 1, 4, 3, 5)
    every = [
        abs(1 - 6 * sum((i - j) ** 2 for i, j in enumerate(order)) / 120)
        for order in itertools.permutations(range(5))
    ]
    exact = sum(value >= 0.8 - 1e-9 for value in every) / 120
    assert spearman(first, second, seed=0).p == pytest.approx(exact, abs=0.015)


def test_the_p_value_is_never_zero() -> None:
    values = np.arange(30.0)
    found = spearman(values, values**3, seed=0)
    assert found.value == pytest.approx(1.0)
    assert found.p == pytest.approx(1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(-3, 3)), min_size=LEAST, max_size=12))
def test_spearman_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    found = spearman(first, second, seed=0)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found.value is None
        return
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)


def test_the_interval_surrounds_the_value_and_depends_on_the_seed_alone() -> None:
    rng = np.random.default_rng(1)
    ratings = rng.integers(1, 6, size=60).astype(np.float64)
    scores = ratings + rng.normal(size=60)
    found = spearman(ratings, scores, seed=3)
    assert found == spearman(ratings, scores, seed=3)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of normal pairs with ρ = 0.6: ρ_s is 6 / π * arcsin(ρ / 2) (Pearson 1907)."""
    rng = np.random.default_rng(0)
    truth, held, runs = 6 / np.pi * np.arcsin(0.3), 0, 60
    for seed in range(runs):
        first, noise = rng.normal(size=(2, 40))
        found = spearman(first, 0.6 * first + 0.8 * noise, seed=seed)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert held / runs >= 0.85


def test_too_few_or_constant_figures_have_no_correlation() -> None:
    few = spearman(array(1, 2, 3, 4), array(1, 2, 3, 4), seed=0)
    assert (few.value, few.low, few.high, few.p, few.n) == (None, None, None, None, 4)
    assert few.reason == "fewer than 5 explanations"
    same_rating = spearman(array(3, 3, 3, 3, 3), array(1, 2, 3, 4, 5), seed=0)
    assert (same_rating.value, same_rating.p) == (None, None)
    assert same_rating.reason == "every explanation has the same rating"
    same_score = spearman(array(1, 2, 3, 4, 5), array(0, 0, 0, 0, 0), seed=0)
    assert same_score.reason == "every explanation has the same score"


def test_a_correlation_that_rests_on_one_explanation_has_no_interval() -> None:
    found = spearman(array(5, 1, 1, 1, 1, 1), array(1, 0, 0, 0, 0, 0), seed=0)
    assert found.value == pytest.approx(1.0)
    assert (found.low, found.high) == (None, None)
    assert found.reason == "no interval: the figure rests on too few explanations"


# means


def test_a_mean_has_an_interval_over_explanations() -> None:
    found = mean_rating(array(1, 2, 3, 4, 5, 5, 4, 3, 2, 1), seed=0)
    assert found.value == pytest.approx(3.0)
    assert found.low is not None
    assert found.high is not None
    half = 1.96 * np.sqrt(20 / 9 / 10)  # of the normal approximation
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)


def test_a_mean_of_few_has_no_interval_and_of_none_no_value() -> None:
    assert mean_rating(array(), seed=0).value is None
    assert mean_rating(array(), seed=0).reason == "nothing was rated"
    few = mean_rating(array(4, 5), seed=0)
    assert (few.value, few.low) == (4.5, None)
    assert few.reason == "no interval: fewer than 5 explanations"


# agreement


def test_the_four_observers_of_krippendorff() -> None:
    found = ordinal_alpha(FOUR_OBSERVERS)
    assert found.alpha == pytest.approx(0.815, abs=0.0005)
    assert (found.items, found.raters) == (11, 4)


def test_alpha_by_hand() -> None:
    """Two raters, five items: 1-1, 1-1, 2-2, 2-2, 1-2.

    Ten values, five of each, so the squared difference of 1 and 2 is 25 for one pair in five:
    observed 2 * 25 of 10; expected 2 * 5 * 5 * 25 / 9 of 10; alpha = 1 - 50 * 9 / 1250 = 0.64.
    """
    assert ordinal_alpha(np.array([[1, 1, 2, 2, 1], [1, 1, 2, 2, 2.0]])).alpha == pytest.approx(
        0.64
    )


def test_alpha_needs_order_only() -> None:
    stretched = FOUR_OBSERVERS**3 + 7
    assert ordinal_alpha(stretched).alpha == pytest.approx(
        ordinal_alpha(FOUR_OBSERVERS).alpha or 0.0
    )


def test_perfect_and_reversed_agreement() -> None:
    one = array(1, 2, 3, 4, 5, 1)
    assert ordinal_alpha(np.stack([one, one])).alpha == pytest.approx(1.0)
    reversed_alpha = ordinal_alpha(np.stack([one, 6 - one])).alpha
    assert reversed_alpha is not None
    assert reversed_alpha < 0


def test_agreement_that_cannot_be_known_has_a_reason() -> None:
    alone = ordinal_alpha(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert (alone.alpha, alone.reason) == (None, "no two raters rated the same explanation")
    nobody = ordinal_alpha(np.empty((0, 0)))
    assert nobody.alpha is None
    apart = ordinal_alpha(np.array([[1.0, _], [_, 2.0]]))
    assert (apart.alpha, apart.items) == (None, 0)
    few = ordinal_alpha(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
    assert (few.alpha, few.items) == (None, 3)
    assert few.reason == "fewer than 5 explanations were rated by two raters"
    same = ordinal_alpha(np.full((2, 6), 3.0))
    assert (same.alpha, same.reason) == (None, "every shared rating is the same")
