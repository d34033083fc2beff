"""Ratings beside their floor, the scores and each other; what is unknown is None with a reason."""

from __future__ import annotations

import json

import pytest

from core.errors import NotStored
from neuroscribe.ratings.asking import Answer, Ask, hold
from neuroscribe.ratings.claims import Target
from neuroscribe.ratings.report import rating_report
from neuroscribe.ratings.session import Item, plan
from storage import Store
from tests.neuroscribe.ratings.stored_site import save

SITE = Target("demo", "mlp.2")


def rate(store: Store, rater: str, ask: Ask, controls: float = 0.2, target: Target = SITE) -> None:
    planned = plan(store, target, rater, seed=0, controls=controls, again=True)
    hold(store, planned, rater, ask)


def honest(item: Item, number: int, total: int) -> Answer:
    """1 for controls; else better for units with a higher score (a tenth of their index)."""
    if item.explanation.unit != item.unit:
        return Answer(1)
    return Answer(1 + item.unit.index // 2)


def test_ratings_that_follow_the_scores_correlate_with_them(store: Store) -> None:
    rate(store, "ada", honest)
    report = rating_report(store, SITE, seed=0)
    by_mode = {f.mode: f for f in report.correlations if f.scorer == "simulation"}
    assert set(by_mode) == {"corpus", "random_only"}
    good, reverse = by_mode["corpus"], by_mode["random_only"]
    assert good.value == pytest.approx(0.985, abs=0.001)
    assert reverse.value == pytest.approx(-good.value)
    assert good.p is not None
    assert good.p < 0.01
    assert (good.scorer, good.simulator, good.split, good.n) == (
        "simulation", "secret-simulator", "report", 10,
    )  # fmt: skip
    assert good.low is not None
    assert good.low <= good.value


def test_two_measures_of_one_scorer_stand_apart(store: Store) -> None:
    rate(store, "ada", honest)
    found = rating_report(store, SITE, seed=0).correlations
    by_measure = {f.measure: f.value for f in found if f.scorer == "detection"}
    assert set(by_measure) == {"auroc", "balanced_accuracy"}
    assert by_measure["auroc"] == pytest.approx(-(by_measure["balanced_accuracy"] or 0))


def test_the_mean_stands_beside_that_of_the_controls(store: Store) -> None:
    rate(store, "ada", honest, controls=0.5)
    report = rating_report(store, SITE, seed=0)
    assert (report.mean.value, report.mean.n) == (3.0, 10)
    assert report.mean.low is not None
    assert (report.control.value, report.control.n) == (1.0, 10)
    assert (report.control.low, report.control.high) == (1.0, 1.0)
    (ada,) = report.raters
    assert (ada.name, ada.explanations, ada.controls) == ("ada", 10, 10)


def test_raters_count_alike_in_the_mean_of_an_explanation(store: Store) -> None:
    one = Target("demo", "mlp.2", 1)
    for rating in (1, 5):  # the second counts
        rate(store, "ada", lambda *_, rating=rating: Answer(rating), controls=0.0, target=one)
    rate(store, "ben", lambda *_: Answer(2), controls=0.0, target=one)
    report = rating_report(store, one, seed=0)
    assert (report.mean.value, report.mean.n) == (3.5, 1)
    assert str(report.unit) == "demo/mlp.2/1"


def test_raters_that_agree_have_an_alpha_of_one(store: Store) -> None:
    for rater in ("ada", "ben"):
        rate(store, rater, honest)
    agreement = rating_report(store, SITE, seed=0).agreement
    assert agreement.alpha == pytest.approx(1.0)
    assert (agreement.explanations, agreement.raters) == (10, 2)  # controls do not count


def test_without_ratings_everything_is_none_with_a_reason(store: Store) -> None:
    report = rating_report(store, SITE, seed=0)
    assert report.explanations == 10
    assert (report.mean.value, report.mean.reason) == (None, "nothing was rated")
    assert (report.control.value, report.control.reason) == (None, "nothing was rated")
    assert report.correlations == []
    assert report.agreement.alpha is None
    assert report.agreement.reason == "no two raters rated the same explanation"


def test_few_ratings_have_no_correlation(store: Store) -> None:
    rate(store, "ada", honest, target=Target("demo", "mlp.2", 1))
    found = rating_report(store, SITE, seed=0).correlations[0]
    assert (found.value, found.p, found.n) == (None, None, 1)
    assert found.reason == "fewer than 5 explanations"


def test_explanations_without_a_figure_are_counted_apart(store: Store) -> None:
    save(store, 30, value=None)
    save(store, 31, value=0.5)
    rate(store, "ada", lambda item, *_: Answer(1 + item.unit.index % 5), controls=0.0)
    corpus = rating_report(store, SITE, seed=0).correlations[0]
    assert (corpus.n, corpus.without_value) == (11, 1)


def test_a_rating_speaks_for_the_same_sentence_of_every_run(store: Store) -> None:
    rate(store, "ada", honest, controls=0.0)
    save(store, 9, id="later", text="fires on the word 9", value=-1.0)
    report = rating_report(store, SITE, seed=0)
    assert (report.explanations, report.mean.n) == (10, 10)
    corpus = next(found for found in report.correlations if found.mode == "corpus")
    assert corpus.n == 10
    assert corpus.value is not None
    assert corpus.value < 0.9  # the figure of the newest run counts


def test_the_report_is_json_and_the_same_for_one_seed(store: Store) -> None:
    rate(store, "ada", honest)
    first = rating_report(store, SITE, seed=3)
    assert first == rating_report(store, SITE, seed=3)
    json.dumps(first.model_dump(mode="json"), allow_nan=False)


def test_a_site_without_explanations_has_no_report(store: Store) -> None:
    with pytest.raises(NotStored, match="is stored yet"):
        rating_report(store, Target("demo", "mlp.1"), seed=0)
