"""Detection: which windows does the unit fire in at all? (Paulo et al. 2024)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Mode, Scorer, Simulation
from scoring.case import Case
from scoring.intervals import Scale
from scoring.measured import Measured
from scoring.ranking import Items, auroc, balanced_accuracy, best_cut
from scoring.samples import Sample, sample
from scoring.scorers.interface import Array, Seen, loop_null


@dataclass(frozen=True, slots=True)
class Detection:
    """A window is rated by its highest prediction, and counts as positive where the unit fires.

    Silent windows were looked at: a random window in which the unit does something, but less than
    firing, is neither. Balanced accuracy takes its cut from ``select``, unless it does not learn.
    """

    measure: Literal["auroc", "balanced_accuracy"]
    scorer: Scorer = "detection"
    calibration: Calibration = "none"
    modes: tuple[Mode, ...] = ("top_and_random", "corpus", "hard_negatives")
    scale: Scale = "share"
    cut: float = 0.0
    learns: bool = True

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The mode's windows."""
        return sample(case.report, mode, on=case.firing.on)

    def fitted(self, case: Case) -> Detection:
        """With the cut that serves best on ``select``."""
        if self.measure == "auroc" or not self.learns:
            return self
        return replace(self, cut=_cut(case, case.fitted))

    def beside(self, case: Case, values: Array | None) -> Detection:
        """With their own best cut or, where none can be learned, the middle of what is neither."""
        if self.measure == "auroc":
            return self
        if values is None:
            return replace(self, cut=(case.firing.on + case.firing.off) / 2)
        known = np.ones(values.shape, dtype=np.bool_)
        return replace(self, cut=_cut(case, Simulation(values, known)))

    def prepared(self, values: Array) -> Array:
        """As they are."""
        return values

    def measured(self, seen: Seen) -> Measured:
        """The figure with each window left out."""
        items = window_items(seen)
        return auroc(items) if self.measure == "auroc" else balanced_accuracy(items, self.cut)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """Which windows do other units fire in?"""
        return loop_null(self, seen, others)


def _cut(case: Case, said: Simulation) -> float:
    """The best cut through what was said of ``select``."""
    drawn = sample(case.select, "corpus")
    actual = case.select.pool.activations[drawn.rows].astype(np.float64)
    windows = case.select.pool.windows[drawn.rows]
    predicted, known = said.predicted[drawn.rows], said.known[drawn.rows]
    seen = Seen(predicted, known, actual, case.firing, windows, drawn.design)
    return best_cut(window_items(seen))


def window_items(seen: Seen) -> Items:
    """Windows by their highest known prediction; one without any is neither."""
    ratings = np.where(seen.known, seen.predicted, -np.inf).max(axis=1, initial=-np.inf)
    peaks = seen.actual.max(axis=1, initial=0.0)
    read = np.isfinite(ratings)
    ratings = np.where(read, ratings, 0.0)
    weights = seen.design.weights * read
    fires, silent = peaks >= seen.firing.on, peaks < seen.firing.off
    return Items(ratings, ratings, weights * fires, weights * silent)
