"""Optimal sparse probing by cutting planes (Bertsimas, Pauphilet and Van Parys 2021; paper B.3).

Every inner problem that is solved, at a support or at a point between supports, gives a cut; the
best support met is kept; the master problem says which support to try next and what no support can
be better than. Cuts hold for every k, so a path over several k keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from discovery.probing.osp.master import MasterFailed, Relaxation, branch
from discovery.probing.osp.problem import ClassWeights, Cut, Loss, Problem, prepare
from discovery.probing.osp.search import SOLVERS, Search, indicator, largest, trimmed
from discovery.probing.results import Certificate, ProofStatus

TOLERANCE = 1e-4
LEAST_TOLERANCE = 1e-6
ROOT_ROUNDS = 60
"""Cuts at points between supports, at most, before branching begins."""
IDLE_ROUNDS = 4
"""Root rounds that bring the bound no nearer, after which branching begins."""


@dataclass(frozen=True, slots=True)
class Support:
    """The columns chosen, in order, and how good they are proven to be on these rows."""

    indices: tuple[int, ...]
    certificate: Certificate


def solve(
    X: NDArray[np.floating],
    y: NDArray[np.number],
    k: int,
    *,
    loss: Loss = "logistic",
    gamma: float | None = None,
    class_weights: ClassWeights = "balanced",
    time_limit: float = 60.0,
    tolerance: float = TOLERANCE,
    warm_start: Sequence[int] | None = None,
    threads: int = 1,
) -> Support:
    """The k columns whose ridge-regularised loss is least, with a proof or an honest gap.

    Args:
        X: [rows, p], scaled to a standard deviation of about 0.1 (the ridge is the same for all).
        y: ±1 [rows].
        k: Columns to choose.
        loss: Of the margin: ``logistic``, or ``hinge`` as in the paper.
        gamma: Weakness of the ridge |w|²/(2 gamma); 1/sqrt(rows) where left out. Small values make
            proofs fast and pull the optimum towards the columns of greatest mean difference.
        class_weights: ``balanced``, or (negative, positive).
        time_limit: Seconds, the arranging of the data included.
        tolerance: ``optimal`` is said at a relative gap of at most this.
        warm_start: A support to begin from, of any size.
        threads: For the master problem.

    Raises:
        InvalidSetting: The data or a setting cannot be used.
    """
    given = {} if warm_start is None else {k: warm_start}
    return solve_path(
        X,
        y,
        [k],
        loss=loss,
        gamma=gamma,
        class_weights=class_weights,
        time_limit=time_limit,
        tolerance=tolerance,
        warm_starts=given,
        threads=threads,
    )[k]


def solve_path(
    X: NDArray[np.floating],
    y: NDArray[np.number],
    ks: Iterable[int],
    *,
    loss: Loss = "logistic",
    gamma: float | None = None,
    class_weights: ClassWeights = "balanced",
    time_limit: float = 60.0,
    tolerance: float = TOLERANCE,
    warm_starts: Mapping[int, Sequence[int]] = MappingProxyType({}),
    threads: int = 1,
) -> dict[int, Support]:
    """:func:`solve` for several k, smallest first.

    Each begins with all cuts so far and the support before. ``time_limit`` is for each k. Raises
    InvalidSetting.
    """
    began = time.monotonic()
    order = sorted(set(ks))
    problem = prepare(X, y, loss, gamma, class_weights)
    _check(order, problem.width, time_limit, tolerance)
    for k, start in warm_starts.items():
        if not all(0 <= int(i) < problem.width for i in start):
            raise InvalidSetting(
                f"the warm start for k = {k} names columns that X does not have",
                f"name columns from 0 to {problem.width - 1}",
            )
    cuts: list[Cut] = []
    supports: dict[int, Support] = {}
    before: Sequence[int] = ()
    for k in order:
        starts = [before, *([warm_starts[k]] if k in warm_starts else [])]
        supports[k] = _solve_one(
            problem, k, cuts, starts, tolerance, began, began + time_limit, threads
        )
        before = supports[k].indices
        began = time.monotonic()
    return supports


def loss_of(
    X: NDArray[np.floating],
    y: NDArray[np.number],
    support: Sequence[int],
    *,
    loss: Loss = "logistic",
    gamma: float | None = None,
    class_weights: ClassWeights = "balanced",
) -> float:
    """What :func:`solve` makes least, a row's share, at a support that is given."""
    problem = prepare(X[:, list(support)], y, loss, gamma, class_weights)
    answer = SOLVERS[loss](problem, problem.columns, LEAST_TOLERANCE / 100, np.inf)
    return answer.primal / problem.rows


def _check(ks: Sequence[int], width: int, time_limit: float, tolerance: float) -> None:
    if not ks or ks[0] < 1 or ks[-1] > width:
        raise InvalidSetting(
            f"k = {list(ks)} is not within 1 .. {width}",
            "choose at most as many as there are columns",
        )
    if not time_limit > 0:
        raise InvalidSetting(f"a time limit of {time_limit!r} s", "give seconds above 0")
    if not LEAST_TOLERANCE <= tolerance < 1:
        raise InvalidSetting(
            f"a tolerance of {tolerance!r}", f"give a share from {LEAST_TOLERANCE} to below 1"
        )


def _solve_one(
    problem: Problem,
    k: int,
    cuts: list[Cut],
    starts: Sequence[Sequence[int]],
    tolerance: float,
    began: float,
    deadline: float,
    threads: int,
) -> Support:
    search = Search(problem, k, tolerance, deadline, cuts)
    failed = False
    for start in starts:
        search.descend(search.fill(start))
    if not search.done():
        try:
            _prove(search, threads)
        except MasterFailed:
            failed = True
    status: ProofStatus = "time_limit"
    if search.gap() <= tolerance:
        status = "optimal"
    elif failed:
        status = "failed"
    bound = min(search.bound, search.loss)
    certificate = Certificate(
        loss_name=problem.loss,
        gamma=problem.gamma,
        loss=search.loss,
        bound=bound,
        gap=(search.loss - bound) / max(abs(search.loss), 1e-12),
        tolerance=tolerance,
        status=status,
        seconds=time.monotonic() - began,
        cuts=len(cuts),
        of=problem.width,
    )
    return Support(search.best, certificate)


def _prove(search: Search, threads: int) -> None:
    """Cut until the gap is closed or time is up."""
    width = search.problem.width
    relaxation = Relaxation(width, search.k, threads)
    if not _cut_root(search, relaxation):
        return
    exact = False
    while not search.done():
        columns, floor = search.possible()
        start = indicator(search.best, width)
        gap = 0.0 if exact else search.tolerance / 4
        bound, proposed = branch(
            search.cuts, columns, search.k, start, search.loss, gap, search.left(), threads
        )
        search.bound = max(search.bound, min(bound, floor))
        if search.done() or proposed is None:
            return
        support = largest(proposed, search.k)
        if support in search.tried:
            if exact:
                raise MasterFailed("the master problem proposes a support that was cut off")
            exact = True
            continue
        exact = False
        search.descend(support)
        if search.relax(relaxation) is None:
            return


def _cut_root(search: Search, relaxation: Relaxation) -> bool:
    """Cut at points between supports while that helps; False where the search is over."""
    inside = indicator(search.best, search.problem.width)
    idle = 0
    for _ in range(ROOT_ROUNDS):
        gap = search.gap()
        point = search.relax(relaxation)
        if point is None or search.done():
            return False
        idle = 0 if search.gap() < gap * 0.95 else idle + 1
        if idle >= IDLE_ROUNDS:
            break
        inside = trimmed((inside + point) / 2)
        search.cut_at(inside)
        search.descend(largest(point, search.k))
    return True
