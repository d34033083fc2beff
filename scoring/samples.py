"""Which excerpts each mode scores, and with what weight.

* ``top_and_random``: the split's strongest windows and as many random ones, equally weighted.
* ``random_only``: every shared random window.
* ``corpus``: every window drawn without regard to its text, each weighted by its stratum's share of
  the corpus over the number drawn from it. It estimates what ``random_only`` does, with far more
  events for rare units.

How ``corpus`` stays unbiased. The top windows are all there are of their kind (whatever the rule
that chose them), so they are a stratum of their own that stands for exactly itself: one window of
the corpus each. The others form a stratum for each band of the window's maximum, less the top
windows in it. Inside a band the random windows and the uniform sample of active windows may be
joined, since both draw every active window with equal chance; only the lowest band also holds
windows in which the unit is silent, and those only the random windows reach, so there the random
windows count alone. Bottom windows were chosen by their values and count nowhere, unless they
are random as well. A side without bands (the negative one of a signed site) has two strata: the top
windows and the random rest.

A bootstrap of ``corpus`` resamples all its excerpts together, each with its weight. Resampling
inside the strata would give an interval for this very corpus; how many windows of other text fall
into a band is chance as well (in simulations 85-95 % of such intervals held the value on other text
and 94-97 % of these).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import Ints, SplitEvidence
from core.hashing import text_hash
from core.results import Mode

TOP_SCORED = 10
MODES: tuple[Mode, ...] = ("top_and_random", "random_only", "corpus")
_TOP = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a split's pool to score: ``rows`` [n] with ``weights`` [n] (sum 1).

    ``strata`` [n] says within which groups a bootstrap may exchange them.
    """

    mode: Mode
    rows: Ints
    weights: NDArray[np.float64]
    strata: Ints

    def __len__(self) -> int:
        return len(self.rows)


def sample(evidence: SplitEvidence, mode: Mode, *, top: int = TOP_SCORED) -> Sample:
    """The sample of ``mode`` from one split's evidence (possibly empty)."""
    match mode:
        case "random_only":
            rows = evidence.random_rows
            return Sample(mode, rows, _equal(len(rows)), np.zeros(len(rows), np.int64))
        case "top_and_random":
            return _top_and_random(evidence, top)
        case "corpus":
            return _corpus(evidence)


def _equal(n: int) -> NDArray[np.float64]:
    return np.full(n, 1.0 / max(n, 1))


def _top_and_random(evidence: SplitEvidence, top: int) -> Sample:
    strongest = evidence.top_rows[:top]
    windows = evidence.pool.windows
    rest = np.setdiff1d(evidence.random_rows, strongest).tolist()
    rest.sort(key=lambda row: text_hash("neuroscribe/pair/1", str(windows[row])))
    random = np.array(rest[: len(strongest)], dtype=np.int64)
    rows = np.concatenate([strongest, random])
    strata = np.repeat([0, 1], [len(strongest), len(random)]).astype(np.int64)
    return Sample("top_and_random", rows, _equal(len(rows)), strata)


def _corpus(evidence: SplitEvidence) -> Sample:
    top = np.unique(evidence.top_rows)
    drawn = np.setdiff1d(np.union1d(evidence.random_rows, evidence.active_rows), top)
    strata, shares = _strata(evidence, top, drawn)
    rows = np.concatenate([top, drawn])
    placed = np.concatenate([np.full(len(top), _TOP), strata])
    rows, placed = rows[placed >= _TOP], placed[placed >= _TOP]
    shares = _covered(shares, placed.tolist())
    weights = np.zeros(len(rows))
    for stratum, share in shares.items():
        members = placed == stratum
        weights[members] = share / members.sum()
    total = weights.sum()
    weights = weights / total if total > 0 else _equal(len(rows))
    return Sample("corpus", rows, weights, np.zeros(len(rows), np.int64))


def _strata(evidence: SplitEvidence, top: Ints, drawn: Ints) -> tuple[Ints, dict[int, float]]:
    """The stratum of each of the ``drawn`` rows (-2: none), and the share of every stratum."""
    n_windows = max(evidence.n_windows, len(evidence.pool))
    random = np.isin(drawn, evidence.random_rows)
    shares = {_TOP: len(top) / max(n_windows, 1)}
    if not evidence.bands:
        return np.where(random, 0, -2).astype(np.int64), {**shares, 0: 1.0 - shares[_TOP]}
    strata = np.full(len(drawn), -2, dtype=np.int64)
    for number, band in enumerate(evidence.bands):
        inside = evidence.band_rows(number)
        here = np.isin(drawn, inside)
        strata[here & random if band.low == -np.inf else here] = number
        own = len(np.intersect1d(top, inside, assume_unique=True)) / max(n_windows, 1)
        shares[number] = max(band.share - own, 0.0)
    return strata, shares


def _covered(shares: dict[int, float], held: Iterable[int]) -> dict[int, float]:
    """The shares of the strata that hold windows; what no window covers goes to a neighbour.

    An uncovered band is represented by the next band above that is covered (at last the top
    windows), else by the next below.
    """
    covered = dict.fromkeys(sorted(set(held)), 0.0)
    if not covered:
        return {}
    for stratum, share in shares.items():
        above = [s for s in covered if s > stratum > _TOP]
        fallback = _TOP if _TOP in covered else max(covered)
        taker = stratum if stratum in covered else min(above, default=fallback)
        covered[taker] += share
    return covered
