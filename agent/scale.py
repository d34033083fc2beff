"""A unit's own measure: how strong is this activation, beside all that the unit does?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.evidence import SplitEvidence
from scoring.samples import sample

FIRES, SILENT = 0.25, 0.05


@dataclass(frozen=True)
class Scale:
    """Quantiles by *mass*: the share of a unit's whole activation that lies below a value, and half
    of what lies at it (a unit that knows one strength only is at .5 whenever it fires).

    Among all tokens a sparse unit's weakest stirring is already in the last percent, and among
    active tokens most are close to zero; by mass, .25 means that three quarters of everything the
    unit ever says is said louder. ``values`` [n] ascend, ``mass`` [n] is what each is of the whole.
    """

    values: NDArray[np.float64]
    mass: NDArray[np.float64]

    @classmethod
    def of(cls, explain: SplitEvidence) -> Scale:
        """From the ``explain`` split, each window weighted by its share of the corpus."""
        drawn = sample(explain, "corpus")
        held = np.maximum(explain.pool.activations[drawn.rows].astype(np.float64), 0.0)
        weights = np.repeat(drawn.weights[:, None], held.shape[1], 1).ravel()
        values = held.ravel()
        order = np.argsort(values, kind="stable")
        values, mass = values[order], (values * weights)[order]
        total = float(mass.sum())
        return cls(values, mass / (total if total > 0 else 1.0))

    def quantile(self, value: float) -> float:
        """Where an activation stands, from 0 (silent) to 1 (stronger than anything seen)."""
        if value <= 0.0 or not len(self.values):
            return 0.0
        low, high = np.searchsorted(self.values, [value, np.nextafter(value, np.inf)])
        return 1.0 if low == len(self.values) else float(self._up_to[[low, high]].mean())

    @cached_property
    def _up_to(self) -> NDArray[np.float64]:
        """The mass of the first values, [n + 1]."""
        return np.concatenate([[0.0], np.cumsum(self.mass)])

    def held(self, predicted: float | None, value: float) -> bool | None:
        """Whether a prediction came true.

        From 5 of 10 on the unit must fire (reach ``FIRES`` by mass), below 1 it must be silent
        (stay under ``SILENT``); what is predicted or measured in between decides nothing.
        """
        if predicted is None or 1.0 <= predicted < 5.0:
            return None
        quantile = self.quantile(value)
        if SILENT < quantile < FIRES:
            return None
        return (quantile >= FIRES) == (predicted >= 5.0)
