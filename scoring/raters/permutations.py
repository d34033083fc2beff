"""Seeded permutations, for nulls of figures that other units of a site cannot give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PERMUTATIONS = 200


def permutations() -> Iterator[np.random.Generator]:
    """A generator of random numbers for each permutation, the same ones every time."""
    return (np.random.default_rng([number, 0x6E756C6C]) for number in range(PERMUTATIONS))
