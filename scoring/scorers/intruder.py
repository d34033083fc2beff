"""Intruder: of five windows, which is the one in which the unit is silent?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import Ints
from core.results import Calibration, Measure, Mode, Scorer
from scoring.case import Case
from scoring.intervals import Design, Scale
from scoring.measured import Measured
from scoring.samples import Sample, intruder_sample
from scoring.scorers.detection import window_items
from scoring.scorers.interface import Array, Flags, Seen, loop_null

FIRING = 4
CHANCE = 1 / (FIRING + 1)


@dataclass(frozen=True, slots=True)
class Intruder:
    """Sets of four windows in which the unit fires and one in which it was seen to be silent.

    The window of lowest rating is taken for the intruder; of equal ones each with equal chance.
    No window is in two sets, so that the sets are independent.
    """

    scorer: Scorer = "intruder"
    measure: Measure = "accuracy"
    calibration: Calibration = "none"
    modes: tuple[Mode, ...] = ("top_and_random", "hard_negatives")
    scale: Scale = "share"

    def sample(self, case: Case, mode: Mode) -> Sample:
        """Every active and every silent window that the mode may take."""
        return intruder_sample(case.report, mode, case.firing.on)

    def fitted(self, case: Case) -> Intruder:
        """Itself."""
        return self

    def beside(self, case: Case, values: Array | None) -> Intruder:
        """Itself."""
        return self

    def prepared(self, values: Array) -> Array:
        """As they are."""
        return values

    def measured(self, seen: Seen) -> Measured:
        """The share of sets in which the intruder was found."""
        items = window_items(seen)
        firing, intruder = sets_of(items.positive_weight > 0, items.negative_weight > 0)
        return share_found(items.positive[firing], items.negative[intruder])

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """The same with sets that other units make of these windows."""
        return loop_null(lambda about: self.measured(about).value, seen, others)


def sets_of(fires: Flags, silent: Flags) -> tuple[Ints, Ints]:
    """Rows of the windows of each set that fire [sets, 4] and of its intruder [sets]."""
    firing, intruders = np.flatnonzero(fires), np.flatnonzero(silent)
    sets = min(len(firing) // FIRING, len(intruders))
    return firing[: sets * FIRING].reshape(FIRING, sets).T, intruders[:sets]


def share_found(firing: Array, intruder: Array) -> Measured:
    """The share of sets, rated [sets, 4] and [sets], in which the intruder is rated lowest."""
    sets = len(intruder)
    if not sets:
        return Measured.undefined(f"fewer than {FIRING} windows that fire, or none that do not")
    found = _found(firing, intruder)
    left = (found.sum() - found) / max(sets - 1, 1)
    return Measured(
        float(found.mean()),
        left,
        fewest=sets,
        design=Design.equal(sets),
        excerpts=sets * (FIRING + 1),
    )


def _found(firing: Array, intruder: Array) -> Array:
    """1 where the intruder is rated lowest, and its part of the chance where others tie."""
    lowest = firing.min(axis=1)
    ties = (firing == intruder[:, None]).sum(axis=1)
    return np.where(intruder < lowest, 1.0, np.where(intruder == lowest, 1.0 / (1 + ties), 0.0))
