"""Pearson ρ of the simulation with the activations (Bills et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Measure, Mode, Scorer
from scoring.case import Case
from scoring.intervals import Scale
from scoring.measured import Measured
from scoring.samples import Sample, sample
from scoring.scorers.interface import Array, Seen
from scoring.statistics import excerpt_sums, measured, null_correlations


@dataclass(frozen=True, slots=True)
class SimulationCorrelation:
    """ρ over all tokens of the sample."""

    scorer: Scorer = "simulation"
    measure: Measure = "correlation"
    calibration: Calibration = "none"
    modes: tuple[Mode, ...] = ("top_and_random", "random_only", "corpus", "hard_negatives")
    scale: Scale = "correlation"

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The mode's windows."""
        return sample(case.report, mode, on=case.firing.on)

    def fitted(self, case: Case) -> SimulationCorrelation:
        """Itself: ρ does not change with the scale."""
        return self

    def beside(self, case: Case, values: Array | None) -> SimulationCorrelation:
        """Itself."""
        return self

    def prepared(self, values: Array) -> Array:
        """As they are."""
        return values

    def measured(self, seen: Seen) -> Measured:
        """ρ with each window left out."""
        sums = excerpt_sums(seen.predicted, seen.actual, seen.known)
        return measured("correlation", sums, seen.design.weights)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """All units at once."""
        return null_correlations(seen.predicted, others, seen.design.weights, seen.known)
