from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.ranking import Items, auroc, balanced_accuracy, best_cut

Floats = NDArray[np.float64]
RATINGS = st.lists(st.integers(0, 5), min_size=2, max_size=12)


def items(positive: list[float], negative: list[float]) -> Items:
    """Each excerpt brings one item: the positives first, then the negatives."""
    zeros, others = [0.0] * len(positive), [0.0] * len(negative)
    return Items(
        np.array([*positive, *others], dtype=float),
        np.array([*zeros, *negative], dtype=float),
        np.array([1.0] * len(positive) + others),
        np.array(zeros + [1.0] * len(negative)),
    )


def without(given: Items, i: int) -> Items:
    kept = np.arange(len(given.positive)) != i
    return Items(
        given.positive[kept],
        given.negative[kept],
        given.positive_weight[kept],
        given.negative_weight[kept],
    )


def test_auroc_is_the_chance_that_a_positive_is_rated_higher() -> None:
    """Of six pairs four are right, one is a tie, one is wrong."""
    assert auroc(items([3, 2], [1, 2, 2.5])).value == pytest.approx((4 + 0.5) / 6)


@given(RATINGS, RATINGS)
def test_the_figures_without_an_excerpt_are_those_of_the_others(
    positive: list[float], negative: list[float]
) -> None:
    given = items(positive, negative)
    for measure in (auroc, lambda x: balanced_accuracy(x, 2.0)):
        found = measure(given).left_out
        for i in range(len(found)):
            assert found[i] == pytest.approx(measure(without(given, i)).value)


def test_an_excerpt_that_brings_both_items_is_left_out_whole() -> None:
    rng = np.random.default_rng(0)
    weights = rng.random(8)
    given = Items(rng.normal(size=8) + 0.5, rng.normal(size=8), weights, weights)
    found = auroc(given).left_out
    for i in range(8):
        assert found[i] == pytest.approx(auroc(without(given, i)).value)


def test_weights_count_items_as_often_as_they_say() -> None:
    once = items([3, 1], [2, 0])
    heavy = Items(
        once.positive, once.negative, once.positive_weight * [3, 1, 0, 0], once.negative_weight
    )
    assert auroc(heavy).value == auroc(items([3, 3, 3, 1], [2, 0])).value


@pytest.mark.parametrize(
    ("positive", "negative", "reason"),
    [([], [1.0], "fires"), ([1.0], [], "silent"), ([], [], "fires")],
)
def test_a_missing_class_is_a_reason(
    positive: list[float], negative: list[float], reason: str
) -> None:
    for found in (
        auroc(items(positive, negative)),
        balanced_accuracy(items(positive, negative), 0),
    ):
        assert found.value is None
        assert reason in str(found.reason)


def test_the_cut_lies_between_the_classes() -> None:
    assert best_cut(items([4, 5], [1, 2])) == pytest.approx(3.0)
    assert balanced_accuracy(items([4, 5], [1, 2]), 3.0).value == 1.0


def test_a_rating_that_tells_nothing_apart_calls_all_the_same() -> None:
    flat = items([1, 1, 1], [1, 1])
    assert balanced_accuracy(flat, best_cut(flat)).value == 0.5
    assert auroc(flat).value == 0.5
