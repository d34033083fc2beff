"""Do scorers agree on which units are explained well? Rank correlations over units."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from neuroscribe.reports.documents import Correlation, FigureName, Reliability
from neuroscribe.reports.figures import Figure, Unit
from scoring.agreement import spearman


def reliability(units: Sequence[Unit], figures: Sequence[Figure], seed: int) -> Reliability:
    """Every pair of scorers; each takes part with the first of its ``figures``."""
    first = list({figure.scorer: figure for figure in reversed(figures)}.values())[::-1]
    return Reliability(
        figures=[FigureName(**figure._asdict()) for figure in first],
        pairs=[
            _correlation(units, first, i, j, seed) for i, j in combinations(range(len(first)), 2)
        ],
    )


def _correlation(
    units: Sequence[Unit], figures: Sequence[Figure], i: int, j: int, seed: int
) -> Correlation:
    pairs = [(u.value(figures[i]), u.value(figures[j])) for u in units]
    both = np.array([p for p in pairs if None not in p], dtype=np.float64).reshape(-1, 2)
    names = (figures[i].scorer.replace("_", " "), figures[j].scorer.replace("_", " "))
    found = spearman(both[:, 0], both[:, 1], seed, names=names, of="units")
    return Correlation(
        first=i,
        second=j,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        reason=found.reason,
    )
