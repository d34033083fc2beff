"""Each scorer on a unit that is known, with explanations that fail in known ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import Foreseen, evidence

from core.evidence import SplitEvidence
from core.results import Mode, Score
from scoring.case import Firing, case_of
from scoring.score import scores
from scoring.scorers import Detection, Fuzzing, Intruder, TokenScorer
from scoring.scorers.fuzzing import marks

Floats = NDArray[np.float64]
RNG = np.random.default_rng(5)


def actual(n: int = 2000, rate: float = 0.1) -> Floats:
    """One token fires in a tenth of the windows."""
    values = np.zeros((n, 32))
    on = np.flatnonzero(RNG.random(n) < rate)
    values[on, RNG.integers(0, 32, len(on))] = 1 + RNG.random(len(on))
    return values


@pytest.fixture
def truth() -> Floats:
    return actual()


@pytest.fixture
def report(truth: Floats) -> SplitEvidence:
    _, found = evidence(truth, np.random.default_rng(1))
    return found


def score(
    scorer: TokenScorer, predicted: Floats, report: SplitEvidence, mode: Mode = "top_and_random"
) -> Score:
    case = case_of(
        explanation_id="e",
        text="said",
        symbols=2,
        simulator=Foreseen(predicted),
        explain=report,
        select=report,
        report=report,
    )
    (found,) = scores(case, [scorer], [mode])
    return found


@pytest.mark.parametrize("measure", ["auroc", "balanced_accuracy"])
@pytest.mark.parametrize("mode", ["top_and_random", "corpus"])
def test_the_truth_is_detected(
    truth: Floats, report: SplitEvidence, measure: str, mode: Mode
) -> None:
    found = score(Detection(measure), truth, report, mode)  # type: ignore[arg-type]
    assert found.value == 1.0
    assert found.low is not None
    assert found.low < 1.0


def test_detection_is_blind_to_the_place_and_fuzzing_is_not(
    truth: Floats, report: SplitEvidence
) -> None:
    moved = np.roll(truth, 7, axis=1)
    assert score(Detection("auroc"), moved, report).value == 1.0
    assert score(Fuzzing("auroc"), moved, report).value == pytest.approx(0.5, abs=0.1)
    assert score(Fuzzing("auroc"), truth, report).value == 1.0


def test_fuzzing_is_blind_to_windows_in_which_the_unit_is_silent(
    truth: Floats, report: SplitEvidence
) -> None:
    """False alarms elsewhere cost nothing: that is for detection to see."""
    alarms = truth + 2 * (truth.max(axis=1, keepdims=True) == 0)
    assert score(Fuzzing("auroc"), alarms, report).value == 1.0
    assert score(Detection("auroc"), alarms, report).value < 0.7  # type: ignore[operator]


def test_windows_in_which_a_unit_does_a_little_are_neither(report: SplitEvidence) -> None:
    faint = replace(report, pool=replace(report.pool, activations=report.pool.activations + 0.3))
    found = score(Detection("auroc"), np.zeros((2000, 32)), faint, "corpus")
    assert (found.value, found.status) == (None, "undefined")
    assert found.reason == "no excerpt in which the unit is silent"


def test_the_intruder_is_found_by_the_truth_and_guessed_by_nothing(
    truth: Floats, report: SplitEvidence
) -> None:
    assert score(Intruder(), truth, report).value == 1.0
    guessed = score(Intruder(), np.zeros_like(truth), report)
    assert guessed.value == pytest.approx(0.2)


def test_a_broad_explanation_passes_random_windows_and_fails_hard_ones(truth: Floats) -> None:
    """It fires wherever the unit does, and in windows that random ones hardly hold."""
    lookalike = np.zeros(2000, dtype=bool)
    lookalike[np.flatnonzero(truth.max(axis=1) == 0)[:40]] = True
    broad = np.where(lookalike[:, None], 2.0, truth)
    rng = np.random.default_rng(2)
    rows, found = evidence(truth, rng)
    extra = np.setdiff1d(np.flatnonzero(lookalike), rows)
    more = evidence(truth[extra], rng, random=len(extra), active=0, top=0)[1].pool
    pool = found.pool.join(replace(more, windows=extra))
    held = replace(
        found,
        pool=pool,
        others=np.zeros((len(pool), 32, 0), dtype=np.float32),
        hard_rows=np.flatnonzero(lookalike[pool.windows]).astype(np.int64),
        random_rows=np.setdiff1d(found.random_rows, np.flatnonzero(lookalike[pool.windows])),
    )
    easy = score(Detection("auroc"), broad, held)
    hard = score(Detection("auroc"), broad, held, "hard_negatives")
    assert easy.value is not None
    assert hard.value is not None
    assert easy.value == 1.0
    assert hard.value < 0.6
    assert score(Detection("auroc"), truth, held, "hard_negatives").value == 1.0


def test_right_marks_are_where_it_fires_and_wrong_ones_where_it_is_silent(truth: Floats) -> None:
    right, wrong = marks(truth, 0.5, 0.1, np.arange(len(truth)))
    assert (right == (truth >= 0.5)).all()
    assert not (right & wrong).any()
    assert (wrong.sum(axis=1) == right.sum(axis=1)).all()
    again = marks(truth[::-1], 0.5, 0.1, np.arange(len(truth))[::-1])[1]
    assert (again[::-1] == wrong).all()


def test_a_window_that_fires_everywhere_cannot_be_marked_wrongly() -> None:
    right, wrong = marks(np.ones((1, 8)), 0.5, 0.1, np.arange(1))
    assert not right.any()
    assert not wrong.any()


def test_firing_is_told_from_the_typical_peak_and_not_from_the_largest() -> None:
    peaks = np.full((9, 4), 2.0, dtype=np.float32)
    peaks[0] = 1000.0
    found = Firing.of(peaks)
    assert (found.on, found.off) == (pytest.approx(0.6), pytest.approx(0.2))


def test_missing_predictions_are_neither_right_nor_wrong(
    truth: Floats, report: SplitEvidence
) -> None:
    half = truth.copy()
    half[::2] = np.nan
    found = score(Detection("auroc"), half, report, "corpus")
    assert found.value == 1.0
    assert found.n_tokens < found.n_excerpts * 32


@pytest.mark.parametrize("scorer", [Detection("balanced_accuracy"), Fuzzing("balanced_accuracy")])
def test_what_stands_beside_has_a_cut_on_its_own_scale(
    truth: Floats, report: SplitEvidence, scorer: TokenScorer
) -> None:
    """Predictions go to 10 and this unit to a hundredth: one cut cannot serve both."""
    pool = replace(report.pool, activations=report.pool.activations / 100)
    faint = replace(report, pool=pool)
    case = case_of(
        explanation_id="e",
        text="said",
        symbols=2,
        simulator=Foreseen(5 * truth),
        explain=faint,
        select=faint,
        report=faint,
        oracle=pool.activations.astype(float),
    )
    (found,) = scores(case, [scorer], ["corpus"])
    assert (found.value, found.oracle, found.token_table) == (1.0, 1.0, 1.0)
