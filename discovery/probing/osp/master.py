"""The master problem: which support looks best by the cuts so far, solved by HiGHS.

    min t   with   t >= constant - slopes · s for every cut,   Σ s = k,   s in {0, 1}^p

(Σ s <= k comes to the same: no slope is negative.) HiGHS takes no cuts while it branches, so the
problem is solved, cut and solved again. The relaxation with 0 <= s <= 1 is one linear program that
only grows; its multipliers mix the cuts into one, whose bound needs no trust in HiGHS and which
says which columns no better support can hold. The whole problem is built anew over the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discovery.probing.osp.problem import Cut, Floats

ROUNDING = 1e-7
"""Bounds from branching are lowered by this share: what HiGHS's tolerances may have added."""


class MasterFailed(Exception):
    """HiGHS gave an error, or no usable answer."""


class _Model:
    """One HiGHS model over some columns; t is its first variable."""

    def __init__(self, columns: NDArray[np.int64], k: int, threads: int) -> None:
        import highspy

        self.api: Any = highspy
        self.columns = columns
        self.highs: Any = highspy.Highs()
        count = len(columns)
        self._variables = np.arange(count + 1, dtype=np.int32)
        for option, value in (
            ("output_flag", False),
            ("threads", threads),
            ("random_seed", 0),
        ):
            self.checked(self.highs.setOptionValue(option, value))
        lower, upper = np.zeros(count + 1), np.ones(count + 1)
        upper[0] = highspy.kHighsInf
        self.checked(self.highs.addVars(count + 1, lower, upper))
        self.checked(self.highs.changeColCost(0, 1.0))
        self.checked(
            self.highs.addRow(float(k), float(k), count, self._variables[1:], np.ones(count))
        )

    def add(self, cut: Cut) -> None:
        row = np.concatenate([[1.0], cut.slopes[self.columns]])
        infinity = self.api.kHighsInf
        self.checked(self.highs.addRow(cut.constant, infinity, len(row), self._variables, row))

    def integral(self) -> None:
        kinds = np.full(len(self.columns), int(self.api.HighsVarType.kInteger), dtype=np.uint8)
        self.checked(self.highs.changeColsIntegrality(len(kinds), self._variables[1:], kinds))

    def begin_at(self, point: Floats, loss: float) -> None:
        values = np.concatenate([[loss], point[self.columns]])
        self.highs.setSolution(len(values), self._variables, values)

    def run(self, seconds: float) -> bool:
        """Whether it was solved to the end; False where time ran out."""
        self.checked(self.highs.setOptionValue("time_limit", max(seconds, 1e-3)))
        if self.highs.run() == self.api.HighsStatus.kError:
            raise MasterFailed("HiGHS could not solve the master problem")
        status = self.highs.getModelStatus()
        known = self.api.HighsModelStatus
        if status not in (known.kOptimal, known.kTimeLimit):
            raise MasterFailed(f"HiGHS ended with {self.highs.modelStatusToString(status)!r}")
        return bool(status == known.kOptimal)

    def point(self, width: int) -> Floats:
        values = np.array(self.highs.getSolution().col_value[1:], dtype=np.float64)
        point = np.zeros(width)
        point[self.columns] = np.clip(values, 0.0, 1.0)
        return point

    def checked(self, status: Any) -> None:
        if status == self.api.HighsStatus.kError:
            raise MasterFailed("HiGHS did not take the master problem")


class Relaxation:
    """The linear program over 0 <= s <= 1; cuts are added as they come."""

    def __init__(self, width: int, k: int, threads: int) -> None:
        self._width = width
        self._model = _Model(np.arange(width), k, threads)
        self._cuts: list[Cut] = []

    def solve(self, cuts: Sequence[Cut], seconds: float) -> tuple[Floats, Cut] | None:
        """The best s [p] by ``cuts`` (those of before first), and the mixture that says why.

        None where time ran out. Raises MasterFailed.
        """
        for cut in cuts[len(self._cuts) :]:
            self._model.add(cut)
            self._cuts.append(cut)
        if not self._model.run(self._model.highs.getRunTime() + seconds):
            return None
        shares = np.array(self._model.highs.getSolution().row_dual[1:], dtype=np.float64)
        return self._model.point(self._width), mixture(self._cuts, np.maximum(shares, 0.0))


def mixture(cuts: Sequence[Cut], shares: Floats) -> Cut:
    """A weighted mean of cuts, which is a cut; ``shares`` [cuts] need not sum to 1."""
    if shares.sum() <= 0:
        shares = np.ones(len(cuts))
    shares = shares / shares.sum()
    used = [int(i) for i in np.flatnonzero(shares)]
    constant = float(sum(shares[i] * cuts[i].constant for i in used))
    slopes: Floats = np.sum([shares[i] * cuts[i].slopes for i in used], axis=0)
    return Cut(constant, slopes)


def branch(
    cuts: Sequence[Cut],
    columns: NDArray[np.int64],
    k: int,
    start: Floats,
    loss: float,
    gap: float,
    seconds: float,
    threads: int,
) -> tuple[float, Floats | None]:
    """The best support within ``columns`` by ``cuts``, to a relative ``gap``.

    Returns the bound that holds for every such support, and the best point s [p] met, if any.
    Raises MasterFailed.
    """
    model = _Model(columns, k, threads)
    for cut in cuts:
        model.add(cut)
    model.integral()
    for option, value in (
        ("primal_feasibility_tolerance", 1e-9),
        ("dual_feasibility_tolerance", 1e-9),
        ("mip_feasibility_tolerance", 1e-9),
        ("mip_rel_gap", gap),
        ("mip_abs_gap", 0.0),
    ):
        model.checked(model.highs.setOptionValue(option, value))
    model.begin_at(start, loss)
    model.run(seconds)
    info = model.highs.getInfo()
    feasible = info.primal_solution_status == model.api.SolutionStatus.kSolutionStatusFeasible
    bound = float(info.mip_dual_bound)
    bound = bound - ROUNDING * abs(bound) if np.isfinite(bound) else -np.inf
    return bound, model.point(len(start)) if feasible else None
