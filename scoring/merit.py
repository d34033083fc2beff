"""How well a sentence predicts one split, as one number to choose by. It is never published."""

from __future__ import annotations

import numpy as np

from core.evidence import SplitEvidence
from core.results import Mode, Simulation
from scoring.samples import sample
from scoring.statistics import correlation, excerpt_sums

CHOICE_MODES: tuple[Mode, ...] = ("corpus", "top_and_random")
"""The modes in which sentences are fitted and chosen."""


class Fit:
    """Mean ρ² over ``CHOICE_MODES`` of simulations of one split's pool.

    ρ counts only where it is positive: a sentence that predicts the opposite explains nothing.
    """

    def __init__(self, split: SplitEvidence) -> None:
        self._actual = split.pool.activations.astype(np.float64)
        self._samples = [sample(split, mode) for mode in CHOICE_MODES]

    def __call__(self, simulated: Simulation) -> float | None:
        """At most 1, at least 0; None where no token was simulated."""
        if not simulated.known.any():
            return None
        sums = excerpt_sums(simulated.predicted, self._actual, simulated.known)
        rhos = [correlation(sums[s.rows], s.weights) or 0.0 for s in self._samples]
        return float(np.mean([max(rho, 0.0) ** 2 for rho in rhos]))
