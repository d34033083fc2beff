from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import LENGTH, Corpus, Foreseen, evidence

from core.evidence import SplitEvidence
from core.results import Score
from scoring.baselines import TokenTable
from scoring.samples import MODES, sample
from scoring.score import explained_variance_scores, fit_line, simulation_scores
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


def scored(simulator: Simulator, report: SplitEvidence, text: str = "said") -> dict[str, Score]:
    found = simulation_scores(
        explanation_id="e1",
        text=text,
        symbols=2,
        simulator=simulator,
        evidence=report,
        table=TokenTable.learn(report),
        seed=0,
        oracle=report.pool.activations.astype(float),
    )
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
    assert score.null_p95 <= score.value + 1e-6  # type: ignore[operator]
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
    simulator = Foreseen(corpus.predicted)
    shared = {"explanation_id": "e", "text": "said", "simulator": simulator, "seed": 0}
    found = simulation_scores(**shared, symbols=1, evidence=empty, table=TokenTable.learn(report))  # type: ignore[arg-type]
    found += explained_variance_scores(**shared, evidence=empty, calibrate_on=report)  # type: ignore[arg-type]
    assert len(found) == 5
    for score in found:
        assert (score.value, score.n_excerpts, score.status) == (None, 0, "undefined")
        assert score.reason == "no excerpt was drawn"
    assert fit_line("said", simulator, empty) == (0.0, 0.0)


def test_the_line_is_weighted_least_squares(corpus: Corpus, report: SplitEvidence) -> None:
    slope, intercept = fit_line("said", Foreseen(corpus.predicted), report)
    drawn = sample(report, "corpus")
    p = corpus.predicted[report.pool.windows[drawn.rows]].ravel()
    a = report.pool.activations[drawn.rows].ravel()
    w = np.sqrt(np.repeat(drawn.weights, LENGTH))
    expected = np.polyfit(p, a, 1, w=w)
    assert (slope, intercept) == pytest.approx(tuple(expected), rel=1e-4)


def test_explained_variance_is_taken_after_the_line(corpus: Corpus, report: SplitEvidence) -> None:
    simulator = Foreseen(corpus.predicted)
    found = explained_variance_scores(
        explanation_id="e1",
        text="said",
        simulator=simulator,
        evidence=report,
        calibrate_on=report,
        seed=0,
    )
    rho = scored(simulator, report)["corpus"].value
    by_mode = {score.mode: score for score in found}
    # Fitted where it is scored, explained variance is ρ².
    assert by_mode["corpus"].value == pytest.approx(rho**2, abs=1e-6)  # type: ignore[operator]
    assert by_mode["corpus"].calibration == "linear"


def test_scores_depend_on_the_seed_in_their_interval_alone(
    corpus: Corpus, report: SplitEvidence
) -> None:
    first = scored(Foreseen(corpus.predicted), report)
    assert first == scored(Foreseen(corpus.predicted), report)


def test_explained_variance_has_a_null_and_baselines_beside_it(
    corpus: Corpus, report: SplitEvidence
) -> None:
    simulator = Foreseen(corpus.predicted)
    (found,) = explained_variance_scores(
        explanation_id="e1",
        text="said",
        simulator=simulator,
        evidence=report,
        calibrate_on=report,
        seed=0,
        modes=["corpus"],
        symbols=2,
        table=TokenTable.learn(report),
    )
    rho = scored(simulator, report)["corpus"]
    assert found.null_units == rho.null_units
    assert found.null_mean is not None
    assert 0.0 <= found.null_mean <= 1.0
    # A table learned on the very excerpts explains at least what any single line over it does not.
    assert found.token_table is not None
    assert found.token_table >= (found.token_list_equal or 0.0) - 1e-9
