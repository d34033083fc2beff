"""The ablation score on a made-up model whose output moves with the unit's error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import Foreseen, evidence

from core.errors import UnsupportedOperation
from core.evidence import SplitEvidence
from scoring.case import Case, case_of
from scoring.scorers.ablation import ablation_score

Array = NDArray[np.float64]


@dataclass
class Squares:
    """The output moves by the squared error of what the unit is set to."""

    actual: dict[bytes, Array]
    mean: float = 0.0
    strength: float = 1.0

    def divergence(
        self, token_ids: NDArray[np.int64], values: Array, where: NDArray[np.bool_]
    ) -> Array:
        error = np.where(where, values - self.actual[token_ids.tobytes()], 0.0)
        return self.strength * (error**2).mean(axis=1)


@pytest.fixture
def truth() -> Array:
    rng = np.random.default_rng(5)
    values = np.zeros((2000, 32))
    on = np.flatnonzero(rng.random(2000) < 0.1)
    values[on, rng.integers(0, 32, len(on))] = 1 + rng.random(len(on))
    return values


def case(predicted: Array, report: SplitEvidence) -> tuple[Case, Squares]:
    from scoring.samples import sample

    found = case_of(
        explanation_id="e",
        text="said",
        symbols=2,
        simulator=Foreseen(predicted),
        explain=report,
        select=report,
        report=report,
    )
    rows = sample(report, "top_and_random").rows
    held = report.pool.token_ids[rows].tobytes()
    return found, Squares({held: report.pool.activations[rows].astype(np.float64)})


@pytest.fixture
def report(truth: Array) -> SplitEvidence:
    return evidence(truth, np.random.default_rng(1))[1]


def test_the_truth_leaves_the_output_as_it_is(truth: Array, report: SplitEvidence) -> None:
    score = ablation_score(*case(truth, report))
    assert score.value == pytest.approx(1.0, abs=1e-4)
    assert score.null_mean is not None
    assert score.null_mean < 0.1
    assert score.token_list_equal is not None
    assert score.token_list_equal < score.value  # type: ignore[operator]
    assert score.measure == "divergence_explained"


def test_a_prediction_worth_no_more_than_the_mean_scores_nothing(
    truth: Array, report: SplitEvidence
) -> None:
    score = ablation_score(*case(np.zeros_like(truth), report))
    assert score.value == pytest.approx(0.0, abs=0.1)


def test_half_the_truth_is_worth_less_and_has_an_interval(
    truth: Array, report: SplitEvidence
) -> None:
    half = truth.copy()
    half[::2] = 0
    score = ablation_score(*case(half, report))
    assert score.value is not None
    assert 0.0 < score.value < 0.9
    assert score.low is not None
    assert score.high is not None
    assert score.low < score.value < score.high


def test_a_unit_that_moves_nothing_has_no_score(truth: Array, report: SplitEvidence) -> None:
    held, effects = case(truth, report)
    score = ablation_score(held, replace(effects, strength=0.0))
    assert (score.value, score.status) == (None, "undefined")
    assert "does not change the output" in str(score.reason)


def test_a_subject_without_output_is_a_reason(truth: Array, report: SplitEvidence) -> None:
    class Mute(Squares):
        def divergence(self, *_: object) -> Array:  # type: ignore[override]
            raise UnsupportedOperation("subject 'planted' has no output")

    score = ablation_score(case(truth, report)[0], Mute({}))
    assert (score.value, score.reason) == (None, "subject 'planted' has no output")


def test_missing_predictions_are_not_set(truth: Array, report: SplitEvidence) -> None:
    missing = truth.copy()
    missing[:, ::2] = np.nan
    held, effects = case(missing, report)
    score = ablation_score(held, effects)
    assert score.n_tokens == score.n_excerpts * 16
    assert score.value == pytest.approx(1.0, abs=1e-3)
