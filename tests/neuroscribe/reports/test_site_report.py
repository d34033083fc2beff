"""What the stored answers of a site come to, figure by figure."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from core.errors import MalformedId, NotStored
from neuroscribe.reports.distributions import histogram
from neuroscribe.reports.documents import Distribution, SiteReport
from neuroscribe.reports.site import site_of, site_report
from storage import Store
from tests.neuroscribe.reports.report_site import fail, save, score, scores, twelve, unit


def report(store: Store) -> SiteReport:
    return site_report(store, site_of("demo/mlp.2"), seed=0)


def main(found: SiteReport) -> Distribution:
    return found.distributions[0]


def test_every_verdict_has_its_share_of_the_answered_units(store: Store) -> None:
    twelve(store)
    found = report(store)
    shares = {s.verdict: s for s in found.verdicts}
    assert found.units == 11
    assert {v: s.units for v, s in shares.items() if s.units} == {
        "explained": 8,
        "abstained": 2,
        "low_evidence": 1,
    }
    assert sum(s.share for s in shares.values()) == pytest.approx(1.0)
    assert shares["explained"].low < 8 / 11 < shares["explained"].high
    assert shares["dead"].low == 0.0 < shares["dead"].high


def test_units_that_always_failed_are_named_with_their_reason(store: Store) -> None:
    twelve(store)
    fail(store, 3, "model: tried again")
    (lost,) = report(store).unanswered
    assert (lost.unit, lost.status, lost.reason) == (unit(11), "failed", "model: no answer")


def test_a_unit_counts_once_with_its_newest_answer(store: Store) -> None:
    save(store, 0, scores(0.9), run="new", finished="2025-02-01T12:00:00Z")
    save(store, 0, scores(0.1), run="old")
    (line,) = report(store).lines
    assert (line.run, line.value) == ("new", 0.9)


def test_only_the_main_explanation_on_the_report_split_is_counted(store: Store) -> None:
    twelve(store)
    found = report(store)
    assert [(d.scorer, d.measure, d.mode) for d in found.distributions] == [
        ("simulation", "correlation", "corpus"),
        ("simulation", "correlation", "top_and_random"),
        ("detection", "auroc", "corpus"),
    ]


def test_a_distribution_stands_beside_its_null_and_its_baselines(store: Store) -> None:
    twelve(store)
    found = main(report(store))
    values = 0.1 + 0.08 * np.arange(10)
    assert found.n == 10
    assert found.mean.value == pytest.approx(values.mean())
    assert found.mean.low is not None
    assert found.mean.high is not None
    assert found.mean.low < values.mean() < found.mean.high
    assert found.quartiles is not None
    assert found.quartiles.median == pytest.approx(np.median(values))
    assert found.histogram is not None
    assert (sum(found.histogram.values), sum(found.histogram.nulls)) == (10, 10)
    assert (found.null_mean.value, found.null_p95) == (pytest.approx(0.02), pytest.approx(0.1))
    assert found.baselines.token_list_equal.value == pytest.approx(values.mean() - 0.1)
    assert found.baselines.oracle.reason == "no unit has this figure"


def test_the_null_counts_with_the_number_of_units_that_it_rests_on(store: Store) -> None:
    save(store, 0, [score(0.5, null_p95=0.4, null_units=10)])
    save(store, 1, [score(0.5, null_p95=0.1, null_units=90)])
    save(store, 2, [score(0.5, null_mean=None, null_p95=None, null_units=0, p_null=None)])
    found = report(store)
    assert main(found).null_p95 == pytest.approx(0.13)
    assert [(r.reason, r.units) for r in found.discoveries.left_out] == [
        ("no null: no other unit varies on these excerpts", 1)
    ]


def test_the_gain_over_token_lists_is_paired(store: Store) -> None:
    twelve(store)
    gain = main(report(store)).gain
    assert gain.gain.value == pytest.approx(0.1)
    assert (gain.gain.low, gain.gain.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (gain.better, gain.ties, gain.worse) == (10, 0, 0)
    assert gain.p == pytest.approx(2 / 2**10)


def test_units_without_a_figure_are_counted_by_reason_and_are_no_zeros(store: Store) -> None:
    twelve(store)
    save(store, 20, scores(None))
    save(store, 21, [score(0.5, token_list_equal=None)])
    found = main(report(store))
    assert found.n == 11
    assert {r.reason: r.units for r in found.left_out} == {
        "not scored (low evidence)": 1,
        "undefined: constant prediction": 1,
    }
    assert {r.reason: r.units for r in found.gain.left_out} == {
        "not scored (low evidence)": 1,
        "undefined: constant prediction": 1,
        "the token list predicts the same for every token": 1,
    }
    assert found.mean.value == pytest.approx((4.6 + 0.5) / 11)


def test_discoveries_are_those_of_all_units_together(store: Store) -> None:
    twelve(store)
    found = report(store)
    assert found.discoveries.tested == 10
    assert found.discoveries.passing == [unit(i) for i in range(10)]
    assert found.discoveries.needed == 2
    assert found.discoveries.smallest_q == pytest.approx(10 / 101)
    assert [line.q for line in found.lines if line.p] == pytest.approx([1 / 101] * 10)


def test_one_good_unit_among_many_is_no_discovery_with_so_few_null_units(store: Store) -> None:
    for index in range(12):
        save(store, index, [score(0.5, p_null=1 / 101 if index == 0 else 0.6)])
    found = report(store)
    assert found.discoveries.passing == []
    assert found.lines[0].q == pytest.approx(12 / 101)


def test_scorers_are_compared_over_the_units_that_both_have(store: Store) -> None:
    twelve(store)
    save(store, 20, [score(0.95)])
    found = report(store).reliability
    assert [f.scorer for f in found.figures] == ["simulation", "detection"]
    (pair,) = found.pairs
    assert (pair.value, pair.n) == (pytest.approx(-1.0), 10)


def test_the_best_and_the_worst_are_named_and_no_unit_is_both(store: Store) -> None:
    twelve(store)
    found = report(store)
    assert found.strongest == [unit(i) for i in (9, 8, 7, 6, 5)]
    assert found.weakest == [unit(i) for i in range(5)]


@pytest.mark.parametrize("count", range(1, 5))
def test_few_units_have_no_figures_but_reasons(store: Store, count: int) -> None:
    for index in range(count):
        save(store, index, scores(0.2 + 0.1 * index))
    found = report(store)
    assert not {*found.strongest} & {*found.weakest}
    assert len(found.strongest) + len(found.weakest) == count
    first = main(found)
    assert (first.quartiles, first.histogram, first.mean.low) == (None, None, None)
    assert first.reason == "fewer than 5 units"
    assert first.mean.reason == "no interval: fewer than 5 units"
    assert found.reliability.pairs[0].reason == "fewer than 5 units"


def test_scorers_that_say_the_same_of_every_unit_have_no_correlation(store: Store) -> None:
    for index in range(6):
        detection = score(0.5, scorer="detection", measure="auroc")
        save(store, index, [score(0.1 * index), detection])
    (pair,) = report(store).reliability.pairs
    assert (pair.value, pair.reason) == (None, "every unit has the same detection")


def test_a_site_on_which_everything_abstained_is_reported_all_the_same(store: Store) -> None:
    for index in range(6):
        save(store, index, verdict="abstained", reason="nothing beat the null")
    found = report(store)
    assert (found.units, found.distributions, found.strongest) == (6, [], [])
    assert found.discoveries.reason == "no unit has a p-value"
    assert found.reliability.pairs == []


def test_a_site_without_a_single_defined_score_has_no_means(store: Store) -> None:
    for index in range(6):
        save(store, index, scores(None), verdict="abstained")
    first = main(report(store))
    assert (first.n, first.mean.value, first.null_p95, first.gain.p) == (0, None, None, None)
    assert first.mean.reason == "no unit has this figure"
    assert [r.units for r in first.left_out] == [6]


def test_a_site_where_every_investigation_failed_is_reported(store: Store) -> None:
    fail(store, 0)
    found = report(store)
    assert (found.units, found.verdicts, len(found.unanswered)) == (0, [], 1)


def test_mixed_sources_are_counted(store: Store) -> None:
    save(store, 0, scores(0.5))
    save(store, 1, scores(0.5), spec_hash="another", text="said otherwise")
    found = report(store)
    assert (found.subject_specs, found.corpora) == (2, 1)
    assert [(m.method, m.simulator, m.units) for m in found.makers] == [("pattern", "pattern", 2)]


def test_nothing_stored_is_said_with_what_to_do(store: Store) -> None:
    with pytest.raises(NotStored, match="no unit of 'demo/mlp") as error:
        report(store)
    assert error.value.hint == "run neuroscribe explain demo/mlp.2/UNIT"


@pytest.mark.parametrize("text", ["demo/mlp.2/3", "demo", "", "a/b/c/d", "demo/L2.N3"])
def test_what_names_no_site_is_refused(text: str) -> None:
    with pytest.raises(MalformedId):
        site_of(text)


def test_nothing_that_is_not_finite_gets_into_the_document(store: Store) -> None:
    twelve(store)
    save(store, 20, [score(-7.5, scorer="explained_variance", measure="explained_variance",
                           calibration="linear")])  # fmt: skip
    written = json.dumps(report(store).model_dump(mode="json"), allow_nan=False)
    assert SiteReport.model_validate(json.loads(written)) == report(store)


def test_a_histogram_keeps_every_value_and_says_what_lies_further_down() -> None:
    found = histogram([-7.5, -0.31, 0.0, 0.5, 1.0], [0.01, 0.02])
    assert (found.edges[0], found.edges[-1], found.below) == (-1.0, 1.0, 1)
    assert (sum(found.values), sum(found.nulls)) == (5, 2)
    assert found.values[0] == found.values[-1] == 1
    assert all(
        math.isclose(b - a, 0.05) for a, b in zip(found.edges, found.edges[1:], strict=False)
    )
    assert histogram([0.2], [0.0]).edges[0] == 0.0
