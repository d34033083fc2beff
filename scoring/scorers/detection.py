"""Detection: which windows does the unit fire in at all? (Paulo et al. 2024)"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.results import Mode, Scorer
from scoring.ranking import Items
from scoring.scorers.interface import Seen
from scoring.scorers.ranked import Ranked


@dataclass(frozen=True, slots=True)
class Detection(Ranked):
    """A window is rated by its highest prediction, and counts as positive where the unit fires.

    Silent windows were looked at: a random window in which the unit does something, but less than
    firing, is neither.
    """

    scorer: Scorer = "detection"
    modes: tuple[Mode, ...] = ("top_and_random", "corpus", "hard_negatives")

    def items(self, seen: Seen) -> Items:
        """Windows."""
        return window_items(seen)


def window_items(seen: Seen) -> Items:
    """Windows by their highest known prediction; one without any is neither."""
    ratings = np.where(seen.known, seen.predicted, -np.inf).max(axis=1, initial=-np.inf)
    peaks = seen.actual.max(axis=1, initial=0.0)
    read = np.isfinite(ratings)
    ratings = np.where(read, ratings, 0.0)
    weights = seen.design.weights * read
    fires, silent = peaks >= seen.firing.on, peaks < seen.firing.off
    return Items(ratings, ratings, weights * fires, weights * silent)
