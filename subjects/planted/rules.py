"""Signals that no sentence of the pattern language says: [n, T] numbers from 0 to 1.

They are true functions of the window, so an explanation can be right about them in part; how far
the best sentence gets is what these units are there to show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.patterns import TokenGrid, TokenPredicate, render_predicate

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NextToken:
    """1 where the token that *follows* satisfies the predicate: knows the future."""

    predicate: TokenPredicate

    def __call__(self, grid: TokenGrid) -> Floats:
        """The signal on ``grid``, [n, T]."""
        out = np.zeros(grid.shape, dtype=np.float32)
        out[:, :-1] = grid.matches(self.predicate)[:, 1:]
        return out

    @property
    def description(self) -> str:
        """What it does, in English."""
        return f"fires just before {render_predicate(self.predicate)} (uses the next token)"


@dataclass(frozen=True, slots=True)
class Periodic:
    """1 at every ``period``-th position, beginning at ``phase`` (0 = first token)."""

    period: int
    phase: int

    def __call__(self, grid: TokenGrid) -> Floats:
        """The signal on ``grid``, [n, T]."""
        n, length = grid.shape
        on = np.arange(length) % self.period == self.phase
        return np.broadcast_to(on.astype(np.float32), (n, length))

    @property
    def description(self) -> str:
        """What it does, in English."""
        return f"fires on every {self.period}th token of the window, from position {self.phase}"


@dataclass(frozen=True, slots=True)
class Early:
    """1 on the first ``count`` tokens of the window."""

    count: int

    def __call__(self, grid: TokenGrid) -> Floats:
        """The signal on ``grid``, [n, T]."""
        n, length = grid.shape
        on = np.arange(length) < self.count
        return np.broadcast_to(on.astype(np.float32), (n, length))

    @property
    def description(self) -> str:
        """What it does, in English."""
        return f"fires on the first {self.count} tokens of the window, whatever they are"


@dataclass(frozen=True, slots=True)
class Ramp:
    """Grows from 0 to 1 over the ``cap`` tokens after the latest match; 0 before the first."""

    predicate: TokenPredicate
    cap: int

    def __call__(self, grid: TokenGrid) -> Floats:
        """The signal on ``grid``, [n, T]."""
        place = np.arange(grid.shape[1])
        latest = np.where(grid.matches(self.predicate), place, -1)
        latest = np.maximum.accumulate(latest, axis=1)
        distance = np.where(latest < 0, 0, place - latest)
        return (np.minimum(distance, self.cap) / self.cap).astype(np.float32)

    @property
    def description(self) -> str:
        """What it does, in English."""
        anchor = render_predicate(self.predicate)
        return f"grows with the number of tokens since {anchor}, up to {self.cap}"


Rule = NextToken | Periodic | Early | Ramp
