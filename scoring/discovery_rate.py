"""How many of the units called explained are so by chance: false-discovery control.

q-values: the smallest false-discovery rate at which a unit would still be called a discovery. A
p-value against N null units is never below 1 / (N + 1), 1/101 for a hundred of them, however good
an explanation is (see :func:`smallest_q`). Among many units that floor is high: of a thousand, one
unit alone at 1/101 has q = min(1, 1000 / 101) = 1 and cannot pass. At q = .05 nothing passes
unless about 199 of the thousand stand at the floor together (:func:`needed_at_floor`). So a short
list of discoveries may mean few null units, not bad explanations; more null units lower the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

Dependence = Literal["positive", "any"]
"""How p-values hang together: independent or positively dependent, or in any way whatever."""


def q_values(
    p_values: Sequence[float | None], dependence: Dependence = "positive"
) -> list[float | None]:
    """Adjusted p-values in the order given; a missing one stays missing and counts in no total.

    ``positive``: Benjamini and Hochberg 1995 (J. R. Stat. Soc. B 57:289). ``any``: Benjamini and
    Yekutieli 2001 (Ann. Stat. 29:1165), larger by the harmonic sum of the number of tests. Units
    of one site are scored against the same null units and often on the same text, so their p-values
    are not independent. Raises ValueError for a p-value outside (0, 1].
    """
    given = np.array([p for p in p_values if p is not None], dtype=np.float64)
    if not np.all((given > 0.0) & (given <= 1.0)):
        raise ValueError("a p-value lies above 0 and is at most 1")
    order = np.argsort(given, kind="stable")
    m = len(given)
    scaled = given[order] * (m * _penalty(m, dependence) / np.arange(1, m + 1))
    monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(monotone, 1.0)
    found = iter(adjusted.tolist())
    return [None if p is None else float(next(found)) for p in p_values]


def smallest_q(
    null_units: int, tests: int, at_floor: int, dependence: Dependence = "positive"
) -> float:
    """The smallest q that ``at_floor`` of ``tests`` units can reach together.

    All of them have the smallest p-value, 1 / (``null_units`` + 1). Raises ValueError unless
    1 ≤ ``at_floor`` ≤ ``tests``.
    """
    if not 1 <= at_floor <= tests:
        raise ValueError(f"{at_floor} of {tests} units cannot stand at the floor")
    return min(1.0, tests * _penalty(tests, dependence) / (at_floor * (null_units + 1)))


def needed_at_floor(
    null_units: int, tests: int, level: float, dependence: Dependence = "positive"
) -> int | None:
    """How many of ``tests`` units must have the smallest p-value for q ≤ ``level``.

    None when not even all of them would do.
    """
    if not tests or smallest_q(null_units, tests, tests, dependence) > level:
        return None
    count = max(1, math.ceil(tests * _penalty(tests, dependence) / (level * (null_units + 1))))
    while count > 1 and smallest_q(null_units, tests, count - 1, dependence) <= level:
        count -= 1
    return min(count, tests)


def _penalty(tests: int, dependence: Dependence) -> float:
    return 1.0 if dependence == "positive" else sum(1.0 / i for i in range(1, tests + 1))
