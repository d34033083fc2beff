"""Figures are scikit-learn's, and their intervals draw groups of documents."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from discovery.probing.metrics import Resamples, Scored, f1_of, figures
from discovery.probing.statistics import Array, Flags, Ints, mean_measured

RNG = np.random.default_rng(11)


def rows(positive: Flags, margin: Array, groups: Ints) -> Scored:
    return Scored(positive, margin, Resamples(groups, 0))


def scored(n: int = 400, groups: int = 40, lift: float = 1.0) -> Scored:
    truth = RNG.random(n) < 0.25
    margin = np.round(RNG.standard_normal(n) + lift * (truth - 0.4), 1)  # with ties
    return rows(truth, margin, RNG.integers(groups, size=n))


def test_every_figure_is_the_usual_one() -> None:
    some = scored()
    found, called = figures(some), some.margin > 0
    truth = some.positive
    expected = {
        "f1": reference.f1_score(truth, called),
        "precision": reference.precision_score(truth, called),
        "recall": reference.recall_score(truth, called),
        "mcc": reference.matthews_corrcoef(truth, called),
        "average_precision": reference.average_precision_score(truth, some.margin),
        "roc_auc": reference.roc_auc_score(truth, some.margin),
    }
    for name, value in expected.items():
        measured = getattr(found, name)
        assert measured.value == pytest.approx(value), name
        assert measured.low <= measured.value <= measured.high, name
        assert measured.low < measured.high, name


def test_rows_of_one_document_are_no_independent_witnesses() -> None:
    truth = np.tile([True, False], 200)
    margin = np.where(RNG.random(400) < 0.8, 1.0, -1.0) * np.where(truth, 1, -1)
    alone = f1_of(rows(truth, margin, np.arange(400)))
    # The same rows, twenty times each in its document: twenty times fewer documents.
    tied = f1_of(
        rows(np.repeat(truth[:20], 20), np.repeat(margin[:20], 20), np.repeat(np.arange(20), 20))
    )
    assert tied.high - tied.low > 2 * (alone.high - alone.low)  # type: ignore[operator]


def test_twenty_faultless_documents_do_not_prove_that_there_is_no_fault() -> None:
    truth = np.tile([True, False], 20)
    found = f1_of(rows(truth, np.where(truth, 1.0, -1.0), np.arange(40)))
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(20 / (20 + 3.8415), abs=1e-3)


def test_what_only_one_document_witnesses_is_not_known_from_a_hundred() -> None:
    """Sixty documents, of which six were called positive, rightly: precision rests on the six."""
    groups = np.repeat(np.arange(60), 2)
    truth = np.tile([True, False], 60)
    called = truth & (groups < 6)
    found = figures(rows(truth, np.where(called, 1.0, -1.0), groups))
    assert found.precision.value == found.precision.high == 1.0
    assert found.precision.low == pytest.approx(6 / (6 + 3.8415), abs=1e-3)
    # All negatives in one document: that there is no false alarm is seen once.
    alone = rows(groups < 59, np.where(groups < 59, 1.0, -1.0), groups)
    assert f1_of(alone).reason == "no interval: fewer than 5 groups of documents"
    assert figures(alone).recall.low is not None


def test_a_faultless_correlation_is_no_better_known_than_its_share() -> None:
    truth = np.tile([True, False], 20)
    found = figures(rows(truth, np.where(truth, 1.0, -1.0), np.arange(40)))
    assert found.mcc.low == pytest.approx(2 * 20 / (20 + 3.8415) - 1, abs=1e-3)


def test_what_every_resample_gives_is_not_certain() -> None:
    """Always yes, one of five rows positive in every document: resamples cannot differ."""
    groups = np.repeat(np.arange(12), 5)
    found = figures(rows(np.arange(60) % 5 == 0, np.ones(60), groups))
    assert found.f1.value == pytest.approx(1 / 3)
    assert found.f1.reason == "no interval: no resample differs"
    assert found.average_precision.value == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("units", [6, 8, 17])
def test_intervals_of_few_units_hold_the_truth_as_often_as_they_say(units: int) -> None:
    """Means of normal values; percentiles alone held it in .86 to .92."""
    rng = np.random.default_rng(units)
    held = 0
    for _ in range(300):
        found = mean_measured(rng.normal(size=units), 0)
        held += found.low <= 0 <= found.high  # type: ignore[operator]
    assert 0.91 <= held / 300 <= 0.985


def test_few_groups_have_a_figure_and_no_interval() -> None:
    found = f1_of(rows(np.array([True, False] * 5), np.ones(10), np.repeat([0, 1], 5)))
    assert found.value is not None
    assert found.low is None
    assert found.reason == "no interval: fewer than 5 groups of documents"


def test_a_figure_that_rests_on_one_group_has_no_interval() -> None:
    groups = np.repeat(np.arange(12), 5)
    found = f1_of(rows(groups == 0, np.ones(60), groups))
    assert found.value is not None
    assert found.low is None


def test_what_is_undefined_is_none_with_a_reason() -> None:
    nothing = rows(np.zeros(30, dtype=bool), -np.ones(30), np.arange(30))
    found = figures(nothing)
    for name in ("f1", "precision", "recall", "mcc", "average_precision", "roc_auc"):
        measured = getattr(found, name)
        assert measured.value is None, name
        assert measured.reason, name
    assert found.log_loss is None


def test_a_probe_that_never_says_yes_has_f1_zero_and_no_precision() -> None:
    truth = np.tile([True, False], 20)
    found = figures(rows(truth, -np.ones(40), np.arange(40)))
    assert found.f1.value == 0.0
    assert found.precision.value is None


def test_means_need_five_values_for_an_interval() -> None:
    assert mean_measured(np.array([1.0, np.nan]), 0).reason == "no interval: fewer than 5 features"
    assert mean_measured(np.array([]), 0).value is None
    many = mean_measured(np.arange(20.0), 0)
    assert many.value == 9.5
    assert many.low < 9.5 < many.high  # type: ignore[operator]
