"""One explanation beside the evidence it is scored on: all that the scorers look at, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evidence import ExcerptSet, Floats, SplitEvidence
from core.results import Simulation
from scoring.baselines import TokenTable
from scoring.simulators.interface import Simulator

Array = NDArray[np.float64]
ScoredSplit = Literal["select", "report"]

FIRES, SILENT = 0.3, 0.1


@dataclass(frozen=True, slots=True)
class Firing:
    """When a unit counts as firing and when as silent, in its own scale.

    Between the two it is neither: such windows are evidence for no one.
    """

    on: float
    off: float

    @classmethod
    def of(cls, strongest: Floats) -> Firing:
        """``FIRES`` and ``SILENT`` times the median peak of the strongest excerpts [n, tokens]."""
        peaks = strongest.max(axis=1) if len(strongest) else np.zeros(1)
        return cls.scaled(float(np.median(peaks)))

    @classmethod
    def scaled(cls, scale: float) -> Firing:
        """The same for a known scale."""
        least = float(np.finfo(np.float32).tiny)
        return cls(max(FIRES * scale, least), max(SILENT * scale, least))


@dataclass(frozen=True)
class Case:
    """One explanation, what was predicted from it, and what is true.

    ``report`` is the split that is scored (``split`` names it), with ``predicted`` for its pool;
    ``select`` the split on which lines and thresholds are fitted, with ``fitted`` for its pool;
    ``explain`` what the explanation was written from, which gives the token lists and the scale.
    ``oracle`` [pool, tokens] is the true signal where it is known.
    """

    explanation_id: str
    text: str
    symbols: int
    simulator: str
    explain: SplitEvidence
    select: SplitEvidence
    report: SplitEvidence
    predicted: Simulation
    fitted: Simulation
    oracle: Array | None = None
    split: ScoredSplit = "report"

    @cached_property
    def table(self) -> TokenTable:
        """Token lookup from the ``explain`` excerpts."""
        return TokenTable.learn(self.explain)

    @cached_property
    def firing(self) -> Firing:
        """What counts as firing, from the ``explain`` excerpts."""
        return Firing.of(self.explain.pool.activations[self.explain.top_rows])

    @cached_property
    def peak(self) -> float:
        """The strongest activation that the explanation was written from: 10 on its scale."""
        return float(self.explain.pool.activations.max(initial=0.0))


def case_of(
    *,
    explanation_id: str,
    text: str,
    symbols: int,
    simulator: Simulator,
    explain: SplitEvidence,
    select: SplitEvidence,
    report: SplitEvidence,
    oracle: Array | None = None,
    split: ScoredSplit = "report",
) -> Case:
    """Simulate both splits. A simulator that was asked before answers from memory."""
    predicted = _simulated(simulator, text, report.pool)
    return Case(
        explanation_id=explanation_id,
        text=text,
        symbols=symbols,
        simulator=simulator.name,
        explain=explain,
        select=select,
        report=report,
        predicted=predicted,
        fitted=predicted if select is report else _simulated(simulator, text, select.pool),
        oracle=oracle,
        split=split,
    )


def _simulated(simulator: Simulator, text: str, pool: ExcerptSet) -> Simulation:
    if not len(pool):
        shape = pool.token_ids.shape
        return Simulation(np.zeros(shape), np.zeros(shape, dtype=np.bool_))
    return simulator.simulate(text, pool)
