from __future__ import annotations

import numpy as np
import pytest

from discovery.probing.statistics import (
    auroc,
    auroc_interval,
    mean_interval,
    ratio_interval,
    reached,
)


def test_an_interval_is_over_documents_and_not_over_their_tokens() -> None:
    """Ten documents of 100 equal tokens say as little as ten tokens."""
    of_document = np.random.default_rng(0).normal(size=10)
    one_each = mean_interval(of_document, np.arange(10), 0)
    many_each = mean_interval(np.repeat(of_document, 100), np.repeat(np.arange(10), 100), 0)
    assert many_each.low == pytest.approx(one_each.low)
    assert many_each.high == pytest.approx(one_each.high)
    assert one_each.value == pytest.approx(of_document.mean())


def test_a_mean_lies_in_its_interval_as_often_as_said() -> None:
    random = np.random.default_rng(1)
    held = 0
    for seed in range(60):
        found = mean_interval(random.normal(size=30), np.arange(30), seed)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert held >= 51


def test_fewer_than_five_documents_have_no_interval() -> None:
    found = mean_interval(np.arange(8.0), np.arange(8) // 2, 0)
    assert found.value == 3.5
    assert found.low is None
    assert found.reason == "no interval: fewer than 5 documents"


def test_a_ratio_to_nothing_has_no_value() -> None:
    found = ratio_interval(np.ones(9), np.zeros(9), np.arange(9), 0, undefined="nothing there")
    assert (found.value, found.reason) == (None, "nothing there")


def test_a_ratio_whose_denominator_may_vanish_has_no_interval() -> None:
    below = np.array([1.0, -1.0] * 10)
    below[0] = 1.5
    found = ratio_interval(np.ones(20), below, np.arange(20), 0)
    assert found.value is not None
    assert found.reason == "no interval: the figure rests on too few documents"


def test_auroc_counts_ties_half_and_weights_rows() -> None:
    scores, positive = np.array([1.0, 1.0, 2.0, 0.0]), np.array([True, False, True, False])
    assert auroc(scores, positive)[0] == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    without_the_tie = auroc(scores, positive, np.array([[1.0, 0.0, 1.0, 1.0]]))
    assert without_the_tie[0] == 1.0
    assert np.isnan(auroc(scores, np.ones(4, dtype=bool))[0])


def test_the_difference_of_two_scores_is_paired() -> None:
    random = np.random.default_rng(0)
    positive = np.arange(200) % 2 == 0
    scores = positive + random.normal(size=200)
    same = auroc_interval([scores, 2 * scores], positive, np.arange(200) // 4, 0)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_p_counts_the_real_figure_in() -> None:
    assert reached(1.0, [0.0] * 9) == 0.1
    assert reached(0.0, [0.0] * 9) == 1.0
