"""What a pattern predicts: ``min(10, sum of the strengths of the clauses that match)``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.patterns.grid import Mask, TokenGrid
from core.patterns.language import SCALE, Clause, Pattern


def clause_mask(clause: Clause, grid: TokenGrid) -> Mask:
    """Where the clause matches: its predicate and every one of its contexts, [rows, tokens]."""
    mask = grid.matches(clause.predicate)
    for context in clause.contexts:
        mask = mask & grid.holds(context)
    return mask


def evaluate(pattern: Pattern, grid: TokenGrid) -> NDArray[np.float64]:
    """The prediction for every token, 0 to 10, [rows, tokens].

    Places without a token (``~grid.known``) are 0 and mean nothing: leave them out of any figure.
    """
    total = np.zeros(grid.shape, dtype=np.float64)
    for clause in pattern.clauses:
        total[clause_mask(clause, grid)] += clause.strength
    return np.minimum(total, SCALE, out=total)
