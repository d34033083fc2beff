from __future__ import annotations

import numpy as np
import pytest

from scoring.intervals import CENSUS, Design, jackknife
from scoring.measured import Measured, estimate
from scoring.ranking import Items, auroc, balanced_accuracy
from scoring.statistics import excerpt_sums, measured


def mean_without(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (weights @ values - weights * values) / (1 - weights)


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.random.default_rng(0).normal(3, 1, 200)
    design = Design.equal(200)
    found = jackknife(values.mean(), mean_without(values, design.weights), "plain", design)
    assert found is not None
    half = 1.97 * values.std(ddof=1) / np.sqrt(200)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.02)
    assert found.low < values.mean() < found.high


def test_one_loud_excerpt_leaves_few_degrees_of_freedom() -> None:
    values = np.zeros(1000)
    values[:3] = 1.0
    design = Design.equal(1000)
    found = jackknife(values.mean(), mean_without(values, design.weights), "plain", design)
    assert found is not None
    assert found.df < 7


def test_strata_drawn_apart_vary_less_than_their_mixture() -> None:
    """Between two strata of very different level nothing is left to chance but within them."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 50), rng.normal(100, 1, 50)])
    strata = np.repeat([0, 1], 50)
    weights = np.full(100, 0.01)
    left = mean_without(values, weights)
    apart = jackknife(values.mean(), left, "plain", Design(weights, strata))
    mixed = jackknife(values.mean(), left, "plain", Design(weights, np.zeros(100, np.int64)))
    assert apart is not None
    assert mixed is not None
    assert (apart.high - apart.low) < 0.05 * (mixed.high - mixed.low)
    assert apart.high - apart.low == pytest.approx(4 * 1 / np.sqrt(100), rel=0.2)


def test_shares_counted_on_a_larger_text_add_their_own_chance() -> None:
    """Double sampling: the strata's levels differ, and how much of each there is was counted."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 50), rng.normal(100, 1, 50)])
    strata, weights = np.repeat([0, 1], 50), np.full(100, 0.01)
    left = mean_without(values, weights)
    found = jackknife(values.mean(), left, "plain", Design(weights, strata, population=400))
    assert found is not None
    expected = np.sqrt(50**2 / 400 + 1 / 100)
    assert found.high - found.low == pytest.approx(2 * 1.97 * expected, rel=0.05)


def test_a_stratum_held_whole_brings_no_chance_of_drawing() -> None:
    values = np.array([5.0, 9.0, *np.zeros(98)])
    strata = np.array([CENSUS] * 2 + [0] * 98)
    weights = np.full(100, 0.01)
    left = mean_without(values, weights)
    many = jackknife(values.mean(), left, "plain", Design(weights, strata, population=10**9))
    assert many is not None
    assert many.high - many.low < 1e-3


@pytest.mark.parametrize(("positive", "low"), [(10, 0.69), (100, 0.96)])
def test_no_error_seen_is_no_proof_that_there_is_none(positive: int, low: float) -> None:
    ones, zeros = np.ones(positive), np.zeros(positive)
    both = np.concatenate
    ratings = both([ones, zeros])
    items = Items(ratings, ratings, both([ones, zeros]), both([zeros, ones]))
    found = estimate(auroc(items), "share", Design.equal(2 * positive))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(low, abs=0.01)


def test_an_undefined_figure_keeps_its_reason() -> None:
    found = estimate(Measured.undefined("why"), "plain", Design.equal(3))
    assert (found.value, found.low, found.reason) == (None, None, "why")


def test_few_excerpts_are_said_to_be_few() -> None:
    values = np.array([0.0, 1.0, 0.5])
    design = Design.equal(3)
    found = estimate(Measured(0.5, mean_without(values, design.weights)), "plain", design)
    assert found.low is not None
    assert "about 3 excerpts" in str(found.caution)


@pytest.mark.parametrize(("n", "at_least"), [(200, -2.0), (1000, 0.5)])
def test_one_false_alarm_does_not_make_a_good_correlation_worth_nothing(
    n: int, at_least: float
) -> None:
    """Without it ρ is perfect: Fisher's z runs off to infinity there, and must not be followed."""
    actual = np.zeros((n, 8))
    actual[::2, 3] = 1.0
    predicted = actual.copy()
    predicted[1, 5] = 1.0
    sums = excerpt_sums(predicted, actual, np.ones(actual.shape, dtype=np.bool_))
    for figure, scale in (("correlation", "correlation"), ("explained_variance", "explained")):
        design = Design.equal(n)
        found = estimate(measured(figure, sums, design.weights), scale, design)  # type: ignore[arg-type]
        assert found.value is not None
        assert found.low is not None
        assert at_least < found.low < found.value


def test_few_excerpts_that_agree_wholly_are_said_to_be_few() -> None:
    actual = np.zeros((1000, 8))
    actual[:3, 3] = 1.0
    sums = excerpt_sums(actual, actual, np.ones(actual.shape, dtype=np.bool_))
    design = Design.equal(1000)
    found = estimate(measured("correlation", sums, design.weights), "correlation", design)
    assert found.value == pytest.approx(1.0)
    assert found.df == 2
    assert found.caution == "the interval rests on about 3 excerpts"


def test_identical_excerpts_say_that_they_are() -> None:
    rng = np.random.default_rng(0)
    actual = np.tile(rng.random(8), (20, 1))
    predicted = np.tile(rng.random(8), (20, 1))
    sums = excerpt_sums(predicted, actual, np.ones(actual.shape, dtype=np.bool_))
    design = Design.equal(20)
    found = estimate(measured("correlation", sums, design.weights), "correlation", design)
    assert found.caution == "all 20 excerpts say the same"


def test_calling_everything_positive_is_no_certain_half() -> None:
    ones, zeros = np.ones(3), np.zeros(3)
    both = np.concatenate
    items = Items(np.ones(6), np.ones(6), both([ones, zeros]), both([zeros, ones]))
    found = estimate(balanced_accuracy(items, 0.0), "share", Design.equal(6))
    assert found.value == 0.5
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2
    assert found.high > 0.8
    assert found.caution
