"""The share of a unit's variance that a simulation explains, on the unit's own scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Measure, Mode, Scorer
from scoring.calibration import calibrate, calibrate_values
from scoring.case import Case
from scoring.intervals import Scale
from scoring.measured import Measured
from scoring.samples import Sample, sample
from scoring.scorers.interface import Array, Seen
from scoring.statistics import excerpt_sums, measured, null_correlations


def _as_they_are(values: Array) -> Array:
    return values


@dataclass(frozen=True, slots=True)
class ExplainedVariance:
    """1 - Var(a - p) / Var(a). Below zero where the prediction is worse than none.

    The null is ρ² of the prediction with other units: the most that any line makes of it there.
    """

    calibration: Calibration
    scorer: Scorer = "explained_variance"
    measure: Measure = "explained_variance"
    modes: tuple[Mode, ...] = ("top_and_random", "random_only", "corpus")
    scale: Scale = "explained"
    mapping: Callable[[Array], Array] = _as_they_are

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The mode's windows."""
        return sample(case.report, mode, on=case.firing.on)

    def fitted(self, case: Case) -> ExplainedVariance:
        """With the map from predictions to activations."""
        return replace(self, mapping=calibrate(case, self.calibration))

    def beside(self, case: Case, values: Array | None) -> ExplainedVariance:
        """With a map of their own, fitted on ``select`` as that of the predictions is."""
        if values is None or self.calibration == "none":
            return replace(self, mapping=_as_they_are)
        return replace(self, mapping=calibrate_values(case, values, self.calibration))

    def prepared(self, values: Array) -> Array:
        """On the unit's scale."""
        return self.mapping(values)

    def measured(self, seen: Seen) -> Measured:
        """The share with each window left out."""
        sums = excerpt_sums(seen.predicted, seen.actual, seen.known)
        return measured("explained_variance", sums, seen.design.weights)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """ρ² with each of the others."""
        rho = null_correlations(seen.predicted, others, seen.design.weights, seen.known)
        return np.asarray(rho**2)
