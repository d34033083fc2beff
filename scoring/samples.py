"""Which excerpts each mode scores, and with what weight.

* ``top_and_random``: the split's strongest windows and as many random ones, equally weighted.
* ``random_only``: every shared random window.
* ``hard_negatives``: windows in which the unit fires, and as many in which it was seen to be silent
  though something like it is there. It punishes explanations that are too broad.
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

Intervals are about other text of this kind (see :mod:`scoring.intervals`): in ``corpus`` chance has
a part in which windows of a stratum were drawn, and in how many windows of other text would fall
into it.

What each mode estimates: ``random_only`` and ``corpus`` the figure over all text of this kind;
``top_and_random`` the figure over an equal mix of random windows and the strongest ten of a split
of this size, averaged over such splits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import Ints, SplitEvidence
from core.hashing import text_hash
from core.results import Mode
from scoring.intervals import CENSUS, Design

TOP_SCORED = 10
MODES: tuple[Mode, ...] = ("top_and_random", "random_only", "corpus")
# Where intervals held the truth in under 93 % of simulated samples (docs/scoring.md).
OUTWEIGHS = 0.5
OUTWEIGHS_TOP = 0.3
FEW_ALARMS = 5.0
FEW_RANDOM = 50
_TOP = CENSUS


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a split's pool to score: ``rows`` [n] with ``weights`` [n] (sum 1).

    ``design`` says how they were drawn. ``caution`` is a reason, if any, to take intervals of this
    sample for approximate whatever the figure.
    """

    mode: Mode
    rows: Ints
    design: Design
    caution: str | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """What each row counts for."""
        return self.design.weights

    def __len__(self) -> int:
        return len(self.rows)


def sample(
    evidence: SplitEvidence, mode: Mode, *, top: int = TOP_SCORED, on: float = 0.0
) -> Sample:
    """The sample of ``mode`` from one split's evidence (possibly empty).

    ``on`` is the peak from which a window counts as firing, for ``hard_negatives``.
    """
    match mode:
        case "random_only":
            rows = evidence.random_rows
            return Sample(mode, rows, Design.equal(len(rows)), _heavy_tail(evidence))
        case "top_and_random":
            return _top_and_random(evidence, top)
        case "corpus":
            return _corpus(evidence)
        case "hard_negatives":
            return _hard(evidence, on)


def _equal(n: int) -> NDArray[np.float64]:
    return np.full(n, 1.0 / max(n, 1))


def _top_and_random(evidence: SplitEvidence, top: int) -> Sample:
    strongest = evidence.top_rows[:top]
    rest = by_name(evidence, np.setdiff1d(evidence.random_rows, strongest))
    random = rest[: len(strongest)]
    rows = np.concatenate([strongest, random])
    strata = np.repeat([0, 1], [len(strongest), len(random)]).astype(np.int64)
    design = Design(_equal(len(rows)), strata)
    return Sample("top_and_random", rows, design, _one_outweighs(evidence, rows))


def _hard(evidence: SplitEvidence, on: float) -> Sample:
    firing = by_name(evidence, _firing(evidence, on))
    count = min(len(firing), len(evidence.hard_rows))
    rows = np.concatenate([firing[:count], evidence.hard_rows[:count]])
    strata = np.repeat([0, 1], count).astype(np.int64)
    return Sample("hard_negatives", rows, Design(_equal(len(rows)), strata))


def intruder_sample(evidence: SplitEvidence, mode: Mode, on: float) -> Sample:
    """Windows in an order that depends on their numbers alone: firing ones, and others.

    ``top_and_random`` takes its silent windows from the random ones, ``hard_negatives`` from those,
    and leaves out the windows from which hard ones were made by changing a token: beside its twin
    the intruder would be told by comparison.
    """
    firing = _firing(evidence, on)
    if mode == "hard_negatives":
        sources = -1 - evidence.pool.windows[evidence.hard_rows]
        firing = firing[~np.isin(evidence.pool.windows[firing], sources)]
    others = evidence.hard_rows if mode == "hard_negatives" else evidence.random_rows
    rows = by_name(evidence, np.union1d(firing, others))
    return Sample(mode, rows, Design.equal(len(rows)))


def _firing(evidence: SplitEvidence, on: float) -> Ints:
    """Top and active windows whose peak reaches ``on``."""
    rows = np.union1d(evidence.top_rows, evidence.active_rows).astype(np.int64)
    peaks = evidence.pool.activations[rows].max(axis=1, initial=-np.inf)
    return np.asarray(rows[peaks >= on], dtype=np.int64)


def by_name(evidence: SplitEvidence, rows: Ints) -> Ints:
    """``rows`` of the pool in an order that depends on the windows' numbers alone."""
    names = [text_hash("neuroscribe/pair/1", str(w)) for w in evidence.pool.windows[rows]]
    order = sorted(range(len(rows)), key=names.__getitem__)
    return np.asarray(rows[order], dtype=np.int64)


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
    population = max(evidence.n_windows, len(rows))
    return Sample("corpus", rows, Design(weights, placed, population), _few_random(evidence))


def _energy(evidence: SplitEvidence, rows: Ints) -> NDArray[np.float64]:
    """How much each window weighs in a correlation: its sum of squares."""
    return np.asarray((evidence.pool.activations[rows].astype(np.float64) ** 2).sum(axis=1))


def _one_outweighs(evidence: SplitEvidence, rows: Ints) -> str | None:
    """Whether one window weighs so much that the sample's size says little."""
    energy = _energy(evidence, rows)
    if not len(rows) or float(energy.max()) <= OUTWEIGHS_TOP * float(energy.sum()):
        return None
    return f"heavy tail: one of {len(rows)} windows holds over {OUTWEIGHS_TOP:.0%} of the weight"


def _heavy_tail(evidence: SplitEvidence) -> str | None:
    """Whether one window that no random draw brought outweighs those that were drawn at random."""
    drawn = float(_energy(evidence, evidence.random_rows).sum())
    undrawn = np.setdiff1d(evidence.top_rows, evidence.random_rows)
    if float(_energy(evidence, undrawn).max(initial=0.0)) <= OUTWEIGHS * drawn:
        return None
    return "heavy tail: one window that was not drawn weighs as much as half of the random ones"


def _few_random(evidence: SplitEvidence) -> str | None:
    """Whether false alarms as common as the unit's own activity could have been missed."""
    count = len(evidence.random_rows)
    active = sum(band.share for band in evidence.bands if band.low > -np.inf) or 1.0
    if count >= FEW_RANDOM and count * active >= FEW_ALARMS:
        return _heavy_tail(evidence)
    return f"{count} random excerpts are too few to show false alarms as rare as the unit"


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
