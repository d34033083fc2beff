"""Fuzzing: are these the tokens that the unit fires on? (Paulo et al. 2024)"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.results import Mode, Scorer
from scoring.ranking import Items
from scoring.scorers.interface import Array, Flags, Seen
from scoring.scorers.ranked import Ranked


@dataclass(frozen=True, slots=True)
class Fuzzing(Ranked):
    """Each window in which the unit fires is rated twice: marked rightly, and marked wrongly.

    Wrong marks lie on as many tokens of the same window on which the unit is silent, drawn by the
    window's number. A rating is the mean prediction on the marked tokens.
    """

    scorer: Scorer = "fuzzing"
    modes: tuple[Mode, ...] = ("top_and_random", "corpus")

    def items(self, seen: Seen) -> Items:
        """Marked windows."""
        return marked_items(seen)


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
