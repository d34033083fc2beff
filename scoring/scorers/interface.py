"""What a scorer is that compares predictions for tokens with what the unit did there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Measure, Mode, Scorer
from scoring.case import Case, Firing
from scoring.intervals import Design, Scale
from scoring.measured import Measured
from scoring.samples import Sample

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """Predictions for a sample's windows and the truth about one unit there, all [n, tokens].

    ``known`` marks predicted tokens; ``firing`` belongs to the unit; ``windows`` [n] are the
    windows' numbers, by which a scorer may draw without chance.
    """

    predicted: Array
    known: Flags
    actual: Array
    firing: Firing
    windows: NDArray[np.int64]
    design: Design


class TokenScorer(Protocol):
    """A measure of predictions [n, tokens]; ``scale`` is where its intervals are taken."""

    @property
    def scorer(self) -> Scorer:
        """Which scorer."""
        ...

    @property
    def measure(self) -> Measure:
        """Which figure."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What is done to predictions first."""
        ...

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The samples it is taken on."""
        ...

    @property
    def scale(self) -> Scale:
        """Where its intervals are taken."""
        ...

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The windows it looks at."""
        ...

    def fitted(self, case: Case) -> TokenScorer:
        """The same with whatever it has to learn from ``select``."""
        ...

    def beside(self, case: Case, values: Array | None) -> TokenScorer:
        """The same for what is on the unit's own scale already: token lists and the true signal.

        ``values`` [select pool, tokens] are theirs on ``select``, None where they are not known.
        """
        ...

    def prepared(self, values: Array) -> Array:
        """Predictions as they enter the measure (calibrated)."""
        ...

    def measured(self, seen: Seen) -> Measured:
        """The figure, and what it is without each window."""
        ...

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """The figure of the same predictions with each of ``others`` [n, tokens, units]."""
        ...


def loop_null(
    value_of: Callable[[Seen], float | None], seen: Seen, others: NDArray[np.float32]
) -> Array:
    """:meth:`TokenScorer.null` unit by unit; each fires by its own strongest value there."""
    found = []
    for unit in range(others.shape[-1]):
        actual = others[..., unit].astype(np.float64)
        firing = Firing.scaled(float(actual.max(initial=0.0)))
        value = value_of(
            Seen(seen.predicted, seen.known, actual, firing, seen.windows, seen.design)
        )
        if value is not None:
            found.append(value)
    return np.array(found)
