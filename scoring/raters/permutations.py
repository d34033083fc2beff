"""Seeded permutations, for nulls of figures that other units of a site cannot give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PERMUTATIONS = 200
SEED = 0


def permutations() -> Iterator[np.random.Generator]:
    """Where to draw each permutation from: the same ones every time."""
    rng = np.random.default_rng(SEED)
    return (rng for _ in range(PERMUTATIONS))
