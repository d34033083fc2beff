"""Several subjects side by side: what is compared, and that test rows choose nothing."""

from __future__ import annotations

import pytest

from discovery.probing.results import Measured, ProbeScore, ProbingReport
from discovery.probing.scaling import Scaling, scaling
from tests.fakes.probing_reports import report

SUBJECTS = ("demo-tiny", "demo-small", "demo")


@pytest.fixture(scope="module")
def runs() -> list[ProbingReport]:
    return [report(features=9, subject=name, seed=i) for i, name in enumerate(SUBJECTS)]


@pytest.fixture(scope="module")
def found(runs: list[ProbingReport]) -> Scaling:
    return scaling(runs)


def test_subjects_stay_in_order_and_sizes_are_one_and_eight(found: Scaling) -> None:
    assert found.subjects == SUBJECTS
    assert found.ks == (1, 8)
    assert found.method == "mean-difference"
    assert {(c.smaller, c.larger) for c in found.changes} == {
        *(("demo-tiny", "demo-small"), ("demo-small", "demo"), ("demo-tiny", "demo")),
    }


def test_a_change_is_paired_feature_by_feature(found: Scaling) -> None:
    change = next(c for c in found.changes if (c.smaller, c.larger, c.k) == (*SUBJECTS[:2], 1))
    apart = []
    for feature in found.features:
        before, after = (cell.value for cell in feature.f1[1][:2])
        if before is not None and after is not None:
            apart.append(after - before)
    assert change.n == len(apart) == 7
    assert change.f1.value == pytest.approx(sum(apart) / 7)
    assert change.f1.low is not None
    assert change.f1.high is not None
    assert change.f1.low <= change.f1.value <= change.f1.high
    assert (change.rose, change.fell) == (sum(a > 0 for a in apart), sum(a < 0 for a in apart))


def test_a_feature_without_a_figure_has_a_reason_and_is_in_no_mean(found: Scaling) -> None:
    rare = next(one for one in found.features if one.feature == "is_rare")
    assert [cell.reason for cell in rare.f1[1]] == ["7 positives, and 20 are needed"] * 3
    assert rare.sparsity == (None, None, None)
    assert [mean.n for mean in found.means] == [7, 7, 7]


def test_test_rows_choose_no_site(runs: list[ProbingReport]) -> None:
    """Whatever the other sites reach on test rows, the figures stay."""

    def raised(score: ProbeScore) -> ProbeScore:
        if score.site == runs[0].sites[0]:  # best on training rows: all are alike there
            return score
        return score.model_copy(update={"f1": Measured(value=1.0, low=1.0, high=1.0)})

    changed = [
        run.model_copy(
            update={
                "features": tuple(
                    one.model_copy(update={"scores": tuple(map(raised, one.scores))})
                    for one in run.features
                )
            }
        )
        for run in runs
    ]
    assert scaling(changed) == scaling(runs)


def test_the_sizes_are_the_ends_where_one_and_eight_were_not_probed(
    runs: list[ProbingReport],
) -> None:
    assert scaling([run.model_copy(update={"ks": (2, 5)}) for run in runs]).ks == (2, 5)


def test_runs_without_random_neurons_say_so(runs: list[ProbingReport]) -> None:
    def without(run: ProbingReport) -> ProbingReport:
        features = tuple(
            one.model_copy(update={"scores": tuple(s for s in one.scores if s.method != "random")})
            for one in run.features
        )
        return run.model_copy(update={"features": features, "methods": run.methods[1:]})

    found = scaling([without(run) for run in runs])
    assert found.features[0].random[1][0].reason == "random was not probed at k 1"
    assert found.means[0].random[1].reason == "nothing was measured"


def test_every_feature_draws_its_own_random_neurons(runs: list[ProbingReport]) -> None:
    drawn = {
        score.units
        for feature in runs[0].features
        for score in feature.scores
        if (score.method, score.k) == ("random", 1) and score.site == runs[0].sites[0]
    }
    assert len(drawn) > 1


def test_a_mean_over_divisions_has_no_interval(runs: list[ProbingReport]) -> None:
    found = scaling([run.model_copy(update={"seeds": (0, 1)}) for run in runs])
    assert found.features[0].f1[1][0].reason == "the mean of 2 divisions"
