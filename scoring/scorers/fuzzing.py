"""Fuzzing: are these the tokens that the unit fires on? (Paulo et al. 2024)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Mode, Scorer, Simulation
from scoring.case import Case
from scoring.intervals import Scale
from scoring.measured import Measured
from scoring.ranking import Items, auroc, balanced_accuracy, best_cut
from scoring.samples import Sample, sample
from scoring.scorers.interface import Array, Flags, Seen, loop_null


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """Each window in which the unit fires is rated twice: marked rightly, and marked wrongly.

    Wrong marks lie on as many tokens of the same window on which the unit is silent, drawn by the
    window's number. A rating is the mean prediction on the marked tokens. Balanced accuracy takes
    its cut from ``select``, unless it does not learn.
    """

    measure: Literal["auroc", "balanced_accuracy"]
    scorer: Scorer = "fuzzing"
    calibration: Calibration = "none"
    modes: tuple[Mode, ...] = ("top_and_random", "corpus")
    scale: Scale = "share"
    cut: float = 0.0
    learns: bool = True

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The mode's windows."""
        return sample(case.report, mode, on=case.firing.on)

    def fitted(self, case: Case) -> Fuzzing:
        """With the cut that serves best on ``select``."""
        if self.measure == "auroc" or not self.learns:
            return self
        return replace(self, cut=_cut(case, case.fitted))

    def beside(self, case: Case, values: Array | None) -> Fuzzing:
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
        items = marked_items(seen)
        return auroc(items) if self.measure == "auroc" else balanced_accuracy(items, self.cut)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """Are these the tokens that other units fire on?"""
        return loop_null(self, seen, others)


def _cut(case: Case, said: Simulation) -> float:
    """The best cut through what was said of ``select``."""
    drawn = sample(case.select, "corpus")
    actual = case.select.pool.activations[drawn.rows].astype(np.float64)
    windows = case.select.pool.windows[drawn.rows]
    predicted, known = said.predicted[drawn.rows], said.known[drawn.rows]
    seen = Seen(predicted, known, actual, case.firing, windows, drawn.design)
    return best_cut(marked_items(seen))


def marked_items(seen: Seen) -> Items:
    """Rightly and wrongly marked windows by their mean prediction on the marks."""
    right, wrong = marks(seen.actual, seen.firing.on, seen.firing.off, seen.windows)
    rightly, wrongly = (_mean(seen.predicted, seen.known & marked) for marked in (right, wrong))
    both = np.isfinite(rightly) & np.isfinite(wrongly)
    weights = seen.design.weights * both
    return Items(np.where(both, rightly, 0.0), np.where(both, wrongly, 0.0), weights, weights)


def marks(actual: Array, on: float, off: float, windows: NDArray[np.int64]) -> tuple[Flags, Flags]:
    """Right and wrong marks [n, tokens]; a window without silent tokens enough has neither."""
    right = actual >= on
    silent = actual < off
    count = right.sum(axis=1)
    possible = (count > 0) & (silent.sum(axis=1) >= count)
    order = _order(windows.tobytes(), actual.shape[1])
    ranked = np.take_along_axis(silent, order, axis=1)
    ranked &= np.cumsum(ranked, axis=1) <= count[:, None]
    wrong = np.empty_like(silent)
    np.put_along_axis(wrong, order, ranked, axis=1)
    return right & possible[:, None], wrong & possible[:, None]


@lru_cache(maxsize=8)
def _order(windows: bytes, tokens: int) -> NDArray[np.intp]:
    """In which order tokens of each window are tried, by the window's number alone [n, tokens]."""
    numbers = np.frombuffer(windows, dtype=np.int64).astype(np.uint64)
    mixed = numbers[:, None] * np.uint64(0x9E3779B97F4A7C15)
    mixed = mixed + np.arange(tokens, dtype=np.uint64)[None, :] * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    mixed = mixed * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(29)
    return np.argsort(mixed, axis=1, kind="stable")


def _mean(predicted: Array, where: Flags) -> Array:
    """Mean over marked tokens [n]; NaN where none is marked and read."""
    count = where.sum(axis=1)
    total = np.where(where, predicted, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
