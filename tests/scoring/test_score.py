from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import LENGTH, Corpus, Foreseen, evidence

from core.evidence import SplitEvidence
from core.results import Score
from scoring.calibration import calibrate
from scoring.case import Case, case_of
from scoring.samples import MODES, sample
from scoring.score import scores
from scoring.scorers import ExplainedVariance, SimulationCorrelation, offline_scorers
from scoring.simulators import PatternSimulator, Simulator


@pytest.fixture
def corpus() -> Corpus:
    return Corpus.draw(np.random.default_rng(0), 3000, 0.01)


@pytest.fixture
def report(corpus: Corpus) -> SplitEvidence:
    """Evidence with three other units: pure noise, the unit itself, and one that never fires."""
    rng = np.random.default_rng(1)
    _, found = evidence(corpus.actual, rng)
    shape = found.pool.activations.shape
    noise = rng.random(shape).astype(np.float32)
    others = [noise, found.pool.activations, np.zeros(shape, np.float32)]
    return replace(found, other_units=(1, 2, 3), others=np.stack(others, axis=2))


def case(simulator: Simulator, report: SplitEvidence, text: str = "said") -> Case:
    """Every split is ``report``: what is fitted is fitted where it is scored."""
    return case_of(
        explanation_id="e1",
        text=text,
        symbols=2,
        simulator=simulator,
        explain=report,
        select=report,
        report=report,
        oracle=report.pool.activations.astype(float),
    )


def scored(simulator: Simulator, report: SplitEvidence, text: str = "said") -> dict[str, Score]:
    found = scores(case(simulator, report, text), [SimulationCorrelation()], MODES)
    return {score.mode: score for score in found}


def test_each_mode_is_pearson_on_its_sample(corpus: Corpus, report: SplitEvidence) -> None:
    found = scored(Foreseen(corpus.predicted), report)
    assert list(found) == list(MODES)
    drawn = sample(report, "random_only")
    rows = report.pool.windows[drawn.rows]
    p, a = corpus.predicted[rows].ravel(), corpus.actual[rows].ravel()
    assert found["random_only"].value == pytest.approx(np.corrcoef(p, a)[0, 1], abs=1e-6)
    for score in found.values():
        assert score.status == "ok"
        assert score.low is not None
        assert score.high is not None
        assert score.low < score.value < score.high  # type: ignore[operator]
    assert found["corpus"].value == pytest.approx(corpus.rho, abs=0.1)


def test_beside_a_score_stand_null_baselines_and_oracle(
    corpus: Corpus, report: SplitEvidence
) -> None:
    score = scored(Foreseen(corpus.predicted), report)["corpus"]
    assert score.null_units == 2  # the one that never fires has no correlation
    assert score.null_p95 is not None
    assert score.null_p95 <= score.value + 1e-5  # type: ignore[operator]
    assert score.p_null == pytest.approx(2 / 3)  # the unit itself is among the others here
    assert score.oracle == pytest.approx(1.0)
    # Every token is unique in this corpus: the table knows all, lists almost nothing.
    assert score.token_table == pytest.approx(1.0)
    assert score.token_list_equal is not None
    assert score.token_list_50 is not None
    assert score.token_list_equal < score.token_list_50 < 1


def test_a_window_is_simulated_once_whatever_the_modes(
    corpus: Corpus, report: SplitEvidence
) -> None:
    simulator = Foreseen(corpus.predicted)
    scored(simulator, report)
    assert len(simulator.asked) == len(set(simulator.asked))


def test_missing_tokens_are_not_counted(corpus: Corpus, report: SplitEvidence) -> None:
    values = corpus.predicted.copy()
    values[:, ::2] = np.nan
    score = scored(Foreseen(values), report)["random_only"]
    assert score.n_excerpts == 300
    assert score.n_tokens == 300 * LENGTH // 2
    rows = report.pool.windows[sample(report, "random_only").rows]
    odd = (slice(None), slice(1, None, 2))
    p, a = corpus.predicted[rows][odd].ravel(), corpus.actual[rows][odd].ravel()
    assert score.value == pytest.approx(np.corrcoef(p, a)[0, 1], abs=1e-6)


def test_a_text_that_is_no_sentence_is_a_failure_and_not_zero(report: SplitEvidence) -> None:
    for score in scored(PatternSimulator(), report, "fires on cats, mostly").values():
        assert (score.value, score.status, score.n_tokens) == (None, "unparsed", 0)
        assert score.reason
        assert score.token_table is None


def test_a_constant_prediction_is_undefined_with_its_baselines(report: SplitEvidence) -> None:
    found = scored(PatternSimulator(), report, 'Fires 10/10 on the token "nowhere".')
    for score in found.values():
        assert (score.value, score.low, score.status) == (None, None, "undefined")
        assert score.reason == "the prediction is constant on the scored excerpts"
        assert score.null_mean is None
        assert score.token_table == pytest.approx(1.0)


@pytest.mark.parametrize("bands", [True, False])
def test_no_excerpt_is_a_reason(corpus: Corpus, report: SplitEvidence, bands: bool) -> None:
    none = np.empty(0, dtype=np.int64)
    empty = replace(
        report,
        pool=report.pool.take([]),
        top_rows=none,
        active_rows=none,
        random_rows=none,
        bands=report.bands if bands else (),
        others=report.others[:0],
    )
    found = scores(case(Foreseen(corpus.predicted), empty), offline_scorers())
    assert len(found) > 15
    for score in found:
        assert (score.value, score.n_excerpts, score.status) == (None, 0, "undefined")
        assert score.reason == "no excerpt was drawn"


def test_the_line_is_weighted_least_squares(corpus: Corpus, report: SplitEvidence) -> None:
    mapped = calibrate(case(Foreseen(corpus.predicted), report), "linear")
    intercept, above = mapped(np.array([0.0, 1.0]))
    drawn = sample(report, "corpus")
    p = corpus.predicted[report.pool.windows[drawn.rows]].ravel()
    a = report.pool.activations[drawn.rows].ravel()
    w = np.sqrt(np.repeat(drawn.weights, LENGTH))
    expected = np.polyfit(p, a, 1, w=w)
    assert (above - intercept, intercept) == pytest.approx(tuple(expected), rel=1e-4)


def test_without_calibration_ten_is_the_strongest_activation_explained(
    corpus: Corpus, report: SplitEvidence
) -> None:
    mapped = calibrate(case(Foreseen(corpus.predicted), report), "none")
    assert mapped(np.array([10.0, 0.0])) == pytest.approx(
        [float(report.pool.activations.max()), 0.0]
    )


def test_percentiles_give_predictions_the_spread_of_activations(
    corpus: Corpus, report: SplitEvidence
) -> None:
    """Equal ranks, equal values: what is mapped has the activations' mean and keeps the order."""
    held = case(Foreseen(corpus.predicted), report)
    drawn = sample(report, "corpus")
    mapped = calibrate(held, "percentile")(held.predicted.predicted[drawn.rows])
    actual = report.pool.activations[drawn.rows]
    assert (drawn.weights @ mapped).mean() == pytest.approx(
        (drawn.weights @ actual).mean(), rel=1e-6
    )
    levels = np.unique(held.predicted.predicted)
    assert (np.diff(calibrate(held, "percentile")(levels)) >= 0).all()


def test_explained_variance_is_taken_after_the_line(corpus: Corpus, report: SplitEvidence) -> None:
    simulator = Foreseen(corpus.predicted)
    found = scores(case(simulator, report), [ExplainedVariance("linear")])
    rho = scored(simulator, report)["corpus"].value
    by_mode = {score.mode: score for score in found}
    # Fitted where it is scored, explained variance is ρ².
    assert by_mode["corpus"].value == pytest.approx(rho**2, abs=1e-6)  # type: ignore[operator]
    assert by_mode["corpus"].calibration == "linear"


def test_scores_do_not_depend_on_chance(corpus: Corpus, report: SplitEvidence) -> None:
    first = scores(case(Foreseen(corpus.predicted), report), offline_scorers())
    assert first == scores(case(Foreseen(corpus.predicted), report), offline_scorers())


def test_explained_variance_has_a_null_and_baselines_beside_it(
    corpus: Corpus, report: SplitEvidence
) -> None:
    simulator = Foreseen(corpus.predicted)
    (found,) = scores(case(simulator, report), [ExplainedVariance("linear")], ["corpus"])
    rho = scored(simulator, report)["corpus"]
    assert found.null_units == rho.null_units
    assert found.null_mean is not None
    assert 0.0 <= found.null_mean <= 1.0
    # A table learned on the very excerpts explains at least what any single line over it does not.
    assert found.token_table is not None
    assert found.token_table >= (found.token_list_equal or 0.0) - 1e-9
