"""Methods side by side: means over features, and differences feature by feature."""

from __future__ import annotations

import pytest

from discovery.probing.comparison import comparison
from discovery.probing.plan import ProbeSettings
from discovery.probing.results import FeatureReport, Measured, Method, ProbeScore
from discovery.probing.trials import Place, failed

SETTINGS = ProbeSettings(methods=("random", "mean-difference", "l1"), ks=(1, 8))


def score(method: Method, k: int, f1: float, train: float = 0.5, site: str = "a") -> ProbeScore:
    empty = failed(method, Place(0, site, 0), k, "")
    measured = Measured(value=f1, low=f1, high=f1)
    return empty.model_copy(update={"f1": measured, "train_f1": train, "failure": None})


def feature(*scores: ProbeScore) -> FeatureReport:
    return FeatureReport(
        collection="made",
        feature="one",
        description="one",
        among=None,
        positives=20,
        negatives=80,
        documents=10,
        best=None,
        null=None,
        random=None,
        controls=None,
        scores=scores,
        status="ok",
    )


def features(*levels: float) -> list[FeatureReport]:
    """At each level of F1, the L1 support of eight is a hundredth better, chance far below."""
    return [
        feature(
            score("random", 8, 0.1),
            score("mean-difference", 8, level),
            score("l1", 8, level + 0.01 + 0.001 * number),
        )
        for number, level in enumerate(levels)
    ]


def test_a_difference_is_known_better_than_the_means_it_is_between() -> None:
    random, headline, l1 = comparison(features(0.2, 0.4, 0.5, 0.7, 0.8, 0.9), SETTINGS)
    assert headline.gain is None
    assert l1.gain is not None
    assert l1.gain.value == pytest.approx(0.0125)
    assert 0.01 <= l1.gain.low < l1.gain.high <= 0.015  # type: ignore[operator]
    assert l1.f1[8].high - l1.f1[8].low > 0.2  # type: ignore[operator]
    assert random.gain is not None
    assert random.gain.high < 0  # type: ignore[operator]


def test_a_difference_is_of_the_divisions_that_both_have() -> None:
    """One method failed on the hard division: it is no better where both were measured."""
    seeds = ProbeSettings(methods=("mean-difference", "osp"), ks=(8,), seeds=(0, 1))
    easy, hard = score("mean-difference", 8, 0.9), score("mean-difference", 8, 0.5)
    one = feature(
        easy,
        hard.model_copy(update={"seed": 1}),
        score("osp", 8, 0.9),
        failed("osp", Place(0, "a", 1), 8, "no support in time"),
    )
    osp = comparison([one] * 6, seeds)[1]
    assert osp.gain is not None
    assert osp.gain.value == 0.0
    assert osp.failures == 6


def test_the_site_is_chosen_by_its_training_rows() -> None:
    one = feature(
        score("mean-difference", 8, 0.4, train=0.9, site="a"),
        score("mean-difference", 8, 0.8, train=0.6, site="b"),
    )
    row = comparison([one], SETTINGS)[1]
    assert row.f1[8].value == 0.4


def test_what_was_not_measured_has_reasons_and_no_difference() -> None:
    reason = "k is 8, and 3 neurons are not constant"
    one = feature(score("mean-difference", 8, 0.4), failed("l1", Place(0, "a", 0), 8, reason))
    l1 = comparison([one], SETTINGS)[2]
    assert (l1.failures, l1.f1[8].value) == (1, None)
    assert l1.gain is not None
    assert l1.gain.reason == "nothing was measured"
