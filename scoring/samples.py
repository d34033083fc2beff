"""Which excerpts each mode scores, and with what weight.

* ``top_and_random``: the split's strongest windows and as many random ones, equally weighted.
* ``random_only``: every shared random window.
* ``corpus``: every window drawn, each weighted by its stratum's share of the corpus over the number
  drawn from it (post-stratification), where strata are bands of the window's maximum. It estimates
  what ``random_only`` does, with far more events for rare units. Where there are no bands (the
  negative side of a signed site) it is ``random_only``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import ExcerptSet, Floats, SplitEvidence
from core.hashing import text_hash
from core.results import Mode

TOP_SCORED = 10
MODES: tuple[Mode, ...] = ("top_and_random", "random_only", "corpus")


@dataclass(frozen=True, slots=True)
class Sample:
    """Excerpts to score with ``weights`` [n] (sum 1), ``strata`` [n] and the null units' values."""

    mode: Mode
    excerpts: ExcerptSet
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]
    strata: NDArray[np.int64]
    others: Floats

    def __len__(self) -> int:
        return len(self.rows)


def sample(evidence: SplitEvidence, mode: Mode, *, top: int = TOP_SCORED) -> Sample:
    """The sample of ``mode`` from one split's evidence (possibly empty)."""
    if mode == "random_only":
        rows = evidence.random_rows
        return _sample(evidence, mode, rows, np.ones(len(rows)), np.zeros(len(rows), np.int64))
    if mode == "top_and_random":
        strongest = evidence.top_rows[:top]
        rest = [int(r) for r in evidence.random_rows if r not in set(strongest.tolist())]
        rest.sort(key=lambda row: text_hash("neuroscribe/pair/1", str(evidence.pool.windows[row])))
        rows = np.concatenate([strongest, np.array(rest[: len(strongest)], dtype=np.int64)])
        strata = np.array([0] * len(strongest) + [1] * (len(rows) - len(strongest)), np.int64)
        return _sample(evidence, mode, rows, np.ones(len(rows)), strata)
    if not evidence.bands:
        rows = evidence.random_rows
        return _sample(evidence, mode, rows, np.ones(len(rows)), np.zeros(len(rows), np.int64))
    strata = np.full(len(evidence.pool), -1, dtype=np.int64)
    weights = np.zeros(len(evidence.pool))
    for band in range(len(evidence.bands)):
        members = evidence.band_rows(band)
        strata[members] = band
        if len(members):
            weights[members] = evidence.bands[band].share / len(members)
    rows = np.flatnonzero(strata >= 0)
    return _sample(evidence, mode, rows, weights[rows], strata[rows])


def _sample(
    evidence: SplitEvidence,
    mode: Mode,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    strata: NDArray[np.int64],
) -> Sample:
    total = weights.sum()
    return Sample(
        mode=mode,
        excerpts=evidence.pool.take(rows),
        rows=rows,
        weights=weights / total if total > 0 else weights,
        strata=strata,
        others=evidence.others[rows],
    )
