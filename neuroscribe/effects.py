"""What a unit does to the output of its model, as the agent and the scorers ask for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.ids import UnitId
from subjects.effects import UnitEffects
from subjects.index.reader import ActivationIndex

Array = NDArray[np.float64]
NULL_UNITS = 8


@dataclass(slots=True)
class UnitOutputs:
    """Effects of one unit of an index; the model is run when they are asked for."""

    index: ActivationIndex
    unit: UnitId
    _own: UnitEffects = field(init=False)

    def __post_init__(self) -> None:
        self._own = UnitEffects(self.index.subject, self.unit, self.mean)

    @property
    def mean(self) -> float:
        """The unit's mean over the corpus."""
        return self.index.statistics(self.unit).mean

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary's tokens that can be text."""
        strings = self.index.subject.vocabulary.strings
        return tuple(strings[i] for i in self._text())

    def divergence(
        self, token_ids: NDArray[np.int64], values: Array, where: NDArray[np.bool_]
    ) -> Array:
        """See :meth:`subjects.effects.UnitEffects.divergence`."""
        return self._own.divergence(token_ids, values, where)

    def shifts(self, token_ids: NDArray[np.int64]) -> Array:
        """Change of each token's log-probability [windows, tokens] when the unit is pushed."""
        amount = self.index.typical_peak(self.unit)
        return self._own.pushed(token_ids, amount)[:, self._text()]

    def null_shifts(self, token_ids: NDArray[np.int64]) -> list[Array]:
        """Mean change by each of ``NULL_UNITS`` other units, pushed by its own typical peak."""
        found = []
        for other in self.index.null_units(self.unit)[:NULL_UNITS]:
            unit = UnitId(self.unit.subject, self.unit.site, other)
            effects = UnitEffects(self.index.subject, unit, 0.0, self._own.plain)
            moved = effects.pushed(token_ids, self.index.typical_peak(unit))
            found.append(moved[:, self._text()].mean(axis=0))
        return found

    def _text(self) -> list[int]:
        vocabulary = self.index.subject.vocabulary
        return [i for i in range(len(vocabulary.strings)) if i not in vocabulary.special]
