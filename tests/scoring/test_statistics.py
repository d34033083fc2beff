from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray
from simulated import Corpus

from scoring.intervals import Design, Scale
from scoring.measured import Estimate, estimate
from scoring.statistics import Figure, correlation, excerpt_sums, measured, null_correlations

Floats = NDArray[np.float64]


SCALES: dict[Figure, Scale] = {"correlation": "correlation", "explained_variance": "explained"}


def estimated(figure: Figure, sums: Floats, weights: Floats | None = None) -> Estimate:
    design = Design.equal(len(sums))
    counts = design.weights if weights is None else weights
    return estimate(measured(figure, sums, counts), SCALES[figure], design)


def known(values: Floats) -> NDArray[np.bool_]:
    return np.ones(values.shape, dtype=np.bool_)


@pytest.fixture
def pair() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(3)
    actual = np.maximum(rng.normal(size=(40, 16)), 0)
    return actual + rng.normal(size=actual.shape), actual


def test_equal_weights_give_pearson(pair: tuple[Floats, Floats]) -> None:
    predicted, actual = pair
    expected = scipy.stats.pearsonr(predicted.ravel(), actual.ravel()).statistic
    sums = excerpt_sums(predicted, actual, known(actual))
    assert correlation(sums, np.ones(40)) == pytest.approx(expected)
    assert correlation(sums, np.full(40, 0.01)) == pytest.approx(expected)


def test_weights_count_tokens_as_often_as_they_say(pair: tuple[Floats, Floats]) -> None:
    predicted, actual = pair
    times = np.arange(40) % 4
    p, a = np.repeat(predicted, times, 0).ravel(), np.repeat(actual, times, 0).ravel()
    sums = excerpt_sums(predicted, actual, known(actual))
    rho = estimated("correlation", sums, times.astype(float))
    explained = estimated("explained_variance", sums, times.astype(float))
    assert rho.value == pytest.approx(np.corrcoef(p, a)[0, 1])
    assert explained.value == pytest.approx(1 - np.var(a - p) / np.var(a))


def test_missing_tokens_are_left_out_and_not_zero(pair: tuple[Floats, Floats]) -> None:
    predicted, actual = pair
    read = np.random.default_rng(0).random(actual.shape) < 0.5
    expected = np.corrcoef(predicted[read], actual[read])[0, 1]
    as_zero = np.corrcoef(np.where(read, predicted, 0).ravel(), actual.ravel())[0, 1]
    sums = excerpt_sums(np.where(read, predicted, np.nan), actual, read)
    assert correlation(sums, np.ones(40)) == pytest.approx(expected)
    assert abs(expected - as_zero) > 0.05


@pytest.mark.parametrize("figure", ["correlation", "explained_variance"])
@pytest.mark.parametrize(
    ("predicted", "actual", "read", "reason"),
    [
        (np.eye(4), np.full((4, 4), 0.1), True, "unit is constant"),
        (np.eye(4), np.zeros((4, 4)), True, "unit is constant"),
        (np.full((4, 4), 0.3), np.eye(4), True, "prediction is constant"),
        (np.eye(4), np.eye(4), False, "no token was predicted"),
        (np.zeros((0, 4)), np.zeros((0, 4)), True, "no token was predicted"),
    ],
)
def test_what_is_undefined_has_a_reason(
    figure: Figure, predicted: Floats, actual: Floats, read: bool, reason: str
) -> None:
    sums = excerpt_sums(predicted, actual, np.full(actual.shape, read))
    found = estimated(figure, sums)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert reason in str(found.reason)


def test_a_large_offset_is_no_constant() -> None:
    rng = np.random.default_rng(0)
    actual = 1000 + rng.normal(size=(50, 16))
    sums = excerpt_sums(actual * 3 - 5, actual, known(actual))
    assert correlation(sums, np.ones(50)) == pytest.approx(1.0, abs=1e-6)


def test_a_coincidence_has_no_interval() -> None:
    """One excerpt holds the only event: it proves nothing, though ρ is 1 where it is defined."""
    actual = np.zeros((100, 16))
    actual[7, 3] = 2.0
    sums = excerpt_sums(actual, actual, known(actual))
    found = estimated("correlation", sums)
    assert found.value == pytest.approx(1.0)
    assert (found.low, found.high) == (None, None)
    assert "too few excerpts" in str(found.reason)


@pytest.mark.parametrize(("rate", "n"), [(0.02, 400), (0.005, 800)])
@pytest.mark.parametrize("figure", ["correlation", "explained_variance"])
def test_95_percent_of_intervals_hold_the_truth(figure: Figure, rate: float, n: int) -> None:
    """Excerpts, not tokens, are left out: tokens of a window resemble each other."""

    def sums_of(corpus: Corpus) -> Floats:
        return excerpt_sums(corpus.predicted / 10, corpus.actual, known(corpus.actual))

    rng = np.random.default_rng(7)
    truth = measured(figure, sums_of(Corpus.draw(rng, 60_000, rate)), np.ones(60_000)).value
    assert truth is not None
    held, repeats = 0, 300
    for _ in range(repeats):
        found = estimated(figure, sums_of(Corpus.draw(rng, n, rate)))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.91 <= held / repeats <= 0.985


def test_leaving_out_tokens_would_promise_too_much() -> None:
    """The reason for excerpts: intervals over tokens of loud and quiet windows are too narrow."""
    rng = np.random.default_rng(1)
    corpus = Corpus.draw(rng, 300, 0.05, spread=1.0)
    p, a = corpus.predicted, corpus.actual
    width = []
    for shape in (p.shape, (p.size, 1)):
        sums = excerpt_sums(p.reshape(shape), a.reshape(shape), np.ones(shape, dtype=np.bool_))
        found = estimated("correlation", sums)
        assert found.low is not None
        assert found.high is not None
        width.append(found.high - found.low)
    assert width[0] > 1.1 * width[1]


def test_the_null_is_what_a_loop_over_units_gives(pair: tuple[Floats, Floats]) -> None:
    predicted, _ = pair
    rng = np.random.default_rng(5)
    others = rng.normal(size=(*predicted.shape, 6)).astype(np.float32)
    others[..., 2] = 0.25  # constant: left out
    weights = rng.random(40)
    read = rng.random(predicted.shape) < 0.8
    found = null_correlations(predicted, others, weights, read)
    expected = [
        correlation(excerpt_sums(predicted, others[..., u].astype(float), read), weights)
        for u in range(6)
    ]
    assert expected[2] is None
    assert found == pytest.approx([e for e in expected if e is not None], abs=1e-6)


def test_there_is_no_null_without_units_or_predictions(pair: tuple[Floats, Floats]) -> None:
    predicted, _ = pair
    others = np.ones((*predicted.shape, 3), dtype=np.float32)
    read = known(predicted)
    assert len(null_correlations(predicted, others[..., :0], np.ones(40), read)) == 0
    assert len(null_correlations(predicted * 0 + 2, others, np.ones(40), read)) == 0
    assert len(null_correlations(predicted, others, np.ones(40), ~read)) == 0
