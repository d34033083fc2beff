"""What detection and fuzzing share: two classes of items, rated, and told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration, Mode, Scorer, Simulation
from scoring.case import Case
from scoring.intervals import Scale
from scoring.measured import Measured
from scoring.ranking import Items, auroc, auroc_value, balanced_accuracy, best_cut
from scoring.samples import Sample, sample
from scoring.scorers.interface import Array, Seen, loop_null


@dataclass(frozen=True, slots=True)
class Ranked:
    """AUROC or balanced accuracy of a subclass's ``items``.

    Balanced accuracy takes its cut from ``select``, unless it does not learn.
    """

    measure: Literal["auroc", "balanced_accuracy"]
    scorer: Scorer
    modes: tuple[Mode, ...]
    calibration: Calibration = "none"
    scale: Scale = "share"
    cut: float = 0.0
    learns: bool = True

    def items(self, seen: Seen) -> Items:
        """The items of both classes with their ratings."""
        raise NotImplementedError

    def sample(self, case: Case, mode: Mode) -> Sample:
        """The mode's windows."""
        return sample(case.report, mode, on=case.firing.on)

    def fitted(self, case: Case) -> Self:
        """With the cut that serves best on ``select``."""
        if self.measure == "auroc" or not self.learns:
            return self
        return replace(self, cut=self._cut(case, case.fitted))

    def beside(self, case: Case, values: Array | None) -> Self:
        """With their own best cut or, where none can be learned, the middle of what is neither."""
        if self.measure == "auroc":
            return self
        if values is None:
            return replace(self, cut=(case.firing.on + case.firing.off) / 2)
        known = np.ones(values.shape, dtype=np.bool_)
        return replace(self, cut=self._cut(case, Simulation(values, known)))

    def prepared(self, values: Array) -> Array:
        """As they are."""
        return values

    def measured(self, seen: Seen) -> Measured:
        """The figure with each window left out."""
        items = self.items(seen)
        return auroc(items) if self.measure == "auroc" else balanced_accuracy(items, self.cut)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """The same question about other units."""
        measure = auroc_value if self.measure == "auroc" else self._balanced
        return loop_null(lambda about: measure(self.items(about)), seen, others)

    def _balanced(self, items: Items) -> float | None:
        return balanced_accuracy(items, self.cut).value

    def _cut(self, case: Case, said: Simulation) -> float:
        """The best cut through what was said of ``select``."""
        drawn = sample(case.select, "corpus")
        actual = case.select.pool.activations[drawn.rows].astype(np.float64)
        windows = case.select.pool.windows[drawn.rows]
        predicted, known = said.predicted[drawn.rows], said.known[drawn.rows]
        seen = Seen(predicted, known, actual, case.firing, windows, drawn.design)
        return best_cut(self.items(seen))
