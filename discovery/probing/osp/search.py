"""What is known while a support is sought: the incumbent, the bound, the cuts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from discovery.probing.osp.hinge import solve_hinge
from discovery.probing.osp.logistic import solve_logistic
from discovery.probing.osp.master import Relaxation
from discovery.probing.osp.problem import Cut, DualPoint, Floats, Inner, Loss, Problem, cut_of

SOLVERS: dict[Loss, Inner] = {"logistic": solve_logistic, "hinge": solve_hinge}
WIDEST_POINT = 200
"""A point between supports is cut off after this many columns: inner problems grow with them."""
DESCENT_ROUNDS = 10
GRACE = 0.3
"""Seconds that the first support may take however little time was given."""


@dataclass(slots=True)
class Search:
    """What is known of one k: the incumbent, the bound, and the supports already tried."""

    problem: Problem
    k: int
    tolerance: float
    deadline: float
    cuts: list[Cut]
    tried: dict[tuple[int, ...], Floats] = field(default_factory=dict)
    best: tuple[int, ...] = ()
    loss: float = np.inf
    bound: float = 0.0
    mixtures: list[Cut] = field(default_factory=list)

    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def gap(self) -> float:
        """(loss - bound) / loss."""
        return (self.loss - self.bound) / max(abs(self.loss), 1e-12)

    def done(self) -> bool:
        """Proven, or out of time."""
        return self.gap() <= self.tolerance or self.left() <= 0

    def cut_at(self, point: Floats) -> DualPoint:
        """Solve the inner problem at ``point`` [p] in [0, 1] and keep its cut."""
        chosen = np.flatnonzero(point)
        columns = self.problem.columns[:, chosen] * np.sqrt(point[chosen])
        precision = self.tolerance / 20
        until = self.deadline if self.best else max(self.deadline, time.monotonic() + GRACE)
        answer = SOLVERS[self.problem.loss](self.problem, columns, precision, until)
        cut = cut_of(self.problem, answer.alpha)
        self.cuts.append(cut)
        self.bound = max(self.bound, cut.least(self.k))
        return answer

    def attempt(self, support: Iterable[int]) -> Floats:
        """Solve at a support, keep it where it is the best; the slopes of its cut [p]."""
        key = tuple(sorted(int(i) for i in support))
        if key not in self.tried:
            loss = self.cut_at(indicator(key, self.problem.width)).primal / self.problem.rows
            self.tried[key] = self.cuts[-1].slopes
            if loss < self.loss:
                self.best, self.loss = key, loss
        return self.tried[key]

    def relax(self, relaxation: Relaxation) -> Floats | None:
        """The relaxation's point [p] by all cuts so far, its bound taken; None: out of time."""
        answer = relaxation.solve(self.cuts, self.left())
        if answer is None:
            return None
        point, mixed = answer
        self.mixtures.append(mixed)
        self.bound = max(self.bound, mixed.least(self.k))
        return point

    def possible(self) -> tuple[NDArray[np.int64], float]:
        """Columns that a better support may hold, and a loss that no support with others is below.

        By each mixture of cuts, every support with column j has at least a certain loss; where that
        is no less than the incumbent's (less half the tolerance), j need not be looked at.
        """
        worst = self.loss * (1 - self.tolerance / 2)
        with_column = np.full(self.problem.width, -np.inf)
        for mixed in self.mixtures:
            with_column = np.maximum(with_column, mixed.least_with(self.k))
        with_column[list(self.best)] = -np.inf
        out = with_column >= worst
        return np.flatnonzero(~out), float(with_column[out].min(initial=np.inf))

    def descend(self, support: Sequence[int]) -> None:
        """From a support to the columns that its own dual point likes best, while that is new."""
        slopes = self.attempt(support)
        for _ in range(DESCENT_ROUNDS):
            following = largest(slopes, self.k)
            if following in self.tried or self.left() <= 0:
                return
            slopes = self.attempt(following)

    def fill(self, start: Sequence[int]) -> tuple[int, ...]:
        """``start`` brought to k columns: the best k of it, or one more after another."""
        chosen = list(dict.fromkeys(int(i) for i in start))
        slopes = self.slopes_at(chosen)
        if len(chosen) >= self.k:
            return tuple(sorted(chosen, key=lambda i: (-slopes[i], i))[: self.k])
        while len(chosen) < self.k:
            free = slopes.copy()
            free[chosen] = -1.0
            chosen.append(int(np.argmax(free)))
            if len(chosen) < self.k and self.left() > 0:
                slopes = self.slopes_at(chosen)
        return tuple(chosen)

    def slopes_at(self, support: Sequence[int]) -> Floats:
        """What each column promises at a support of any size [p]."""
        self.cut_at(indicator(support, self.problem.width))
        return self.cuts[-1].slopes


def indicator(support: Sequence[int], width: int) -> Floats:
    """The support as a point [width]: 1 where it has a column."""
    point = np.zeros(width)
    point[list(support)] = 1.0
    return point


def trimmed(point: Floats) -> Floats:
    """Only the greatest entries, so that the inner problem stays small; its cut is still valid."""
    keep = list(largest(point, min(WIDEST_POINT, len(point))))
    narrow = np.zeros_like(point)
    narrow[keep] = np.where(point[keep] > 1e-4, point[keep], 0.0)
    return narrow


def largest(values: Floats, k: int) -> tuple[int, ...]:
    """Where the k largest stand, in order; of equals those that come first."""
    return tuple(sorted(int(i) for i in np.argsort(-values, kind="stable")[:k]))
