"""Do ratings agree: with scores (rank correlation), and with each other (Krippendorff's alpha).

Explanations are what is drawn, so intervals resample explanations (:mod:`scoring.bootstrap`). What
rests on too few of them is ``None`` with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring import bootstrap
from scoring.bootstrap import LEAST
from scoring.measured import Array, Estimate

PERMUTATIONS = 9999
_AT_ONCE = 1000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """ρ_s of ``n`` pairs with a 95 % interval; ``p`` is the two-sided permutation p-value."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    reason: str | None = None


def mean_rating(values: Array, seed: int) -> Estimate:
    """The mean of one value an explanation, with a 95 % bootstrap interval over explanations."""
    return bootstrap.mean(values, seed, of="explanations", nothing="nothing was rated")


def spearman(
    a: Array,
    b: Array,
    seed: int,
    *,
    names: tuple[str, str] = ("rating", "score"),
    of: str = "explanations",
) -> RankCorrelation:
    """Spearman's rank correlation of two figures of the same explanations, ties at their mean rank.

    Pearson's correlation of the ranks (Spearman 1904, Am. J. Psychol. 15:72). The p-value is the
    share of random pairings whose |ρ_s| is no smaller, the true one among them, so it is never 0
    (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39). ``None`` for fewer than ``LEAST``
    explanations and where either figure is the same for all. ``names`` of the figures and what was
    drawn (``of``, in the plural) go into the reason.

    In 250 simulations each of ratings in five steps with a true ρ_s of 0.56, the interval held it
    in 96 % of runs for 10 explanations, 97 % for 20 and 96 % for 50.
    """
    n = len(a)
    if n < LEAST:
        return RankCorrelation(None, None, None, None, n, f"fewer than {LEAST} {of}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        which = names[0] if np.ptp(a) == 0 else names[1]
        same = f"every {of.removesuffix('s')} has the same {which}"
        return RankCorrelation(None, None, None, None, n, same)
    value = _rank_correlation(a, b)
    low, high, reason = bootstrap.interval(
        n, lambda rows: _rank_correlation(a[rows], b[rows]), seed, of=of
    )
    return RankCorrelation(value, low, high, _p_value(a, b, value, seed), n, reason)


def ranks(values: Array) -> Array:
    """Ranks from 1, equal values at the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place], dtype=np.float64)


def _rank_correlation(a: Array, b: Array) -> float:
    """NaN where either is constant."""
    x, y = _centred(a), _centred(b)
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip((x @ y) / norm, -1.0, 1.0)) if norm else float("nan")


def _centred(values: Array) -> Array:
    return ranks(values) - (len(values) + 1) / 2.0


def _p_value(a: Array, b: Array, value: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    x, y = _centred(a), _centred(b)
    norm = np.sqrt((x @ x) * (y @ y))
    as_large = 0
    for start in range(0, PERMUTATIONS, _AT_ONCE):
        count = min(_AT_ONCE, PERMUTATIONS - start)
        shuffled = rng.permuted(np.tile(y, (count, 1)), axis=1)
        as_large += int((np.abs(shuffled @ x) / norm >= abs(value) - _ROUNDING).sum())
    return (as_large + 1) / (PERMUTATIONS + 1)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha over ``items`` that at least two of ``raters`` rated."""

    alpha: float | None
    items: int
    raters: int
    reason: str | None = None


def ordinal_alpha(ratings: Array) -> Agreement:
    """Krippendorff's alpha for ordered categories; ``ratings`` [raters, items], NaN where missing.

    1 - observed / expected disagreement, both from the coincidences of values within items, with
    the squared ordinal difference of c and k: the number of values from c to k, those of c and of k
    counted by half. Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability",
    repository.upenn.edu/asc_papers/43. ``None`` for fewer than two raters or ``LEAST`` shared
    items, and where every shared rating is the same.
    """
    given = np.isfinite(ratings)
    shared = given.sum(axis=0) >= 2
    raters = int(given[:, shared].any(axis=1).sum())
    items = int(shared.sum())
    if len(ratings) < 2 or raters < 2:
        return Agreement(None, items, raters, "no two raters rated the same explanation")
    if items < LEAST:
        reason = f"fewer than {LEAST} explanations were rated by two raters"
        return Agreement(None, items, raters, reason)
    coincidences = _coincidences(ratings[:, shared])
    totals = coincidences.sum(axis=0)
    if len(totals) < 2:
        return Agreement(None, items, raters, "every shared rating is the same")
    difference = _ordinal_differences(totals)
    observed = (coincidences * difference).sum()
    expected = (np.outer(totals, totals) * difference).sum() / (totals.sum() - 1)
    return Agreement(float(1.0 - observed / expected), items, raters)


def _coincidences(ratings: Array) -> Array:
    """How often each pair of values meets within an item, each item with m values at 1/(m - 1)."""
    values = np.unique(ratings[np.isfinite(ratings)])
    counts = (ratings[None] == values[:, None, None]).sum(axis=1).astype(np.float64)
    share = 1.0 / (counts.sum(axis=0) - 1.0)
    pairs = (counts * share) @ counts.T - np.diag((counts * share).sum(axis=1))
    return np.asarray(pairs, dtype=np.float64)


def _ordinal_differences(totals: Array) -> Array:
    """Squared differences between values of which ``totals`` were given."""
    middle = np.cumsum(totals) - totals / 2.0
    return np.asarray((middle[:, None] - middle[None]) ** 2, dtype=np.float64)
