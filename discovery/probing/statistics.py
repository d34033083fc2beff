"""Intervals over clusters: documents (or groups of them) are what is drawn, never tokens.

Tokens of one document depend on each other, so every figure here is made of sums by cluster, and an
interval is percentiles of the figure over 1,000 draws of n - 1 of the n clusters (Rao and Wu 1988,
JASA 83:231), see :func:`between`. All draws of a figure are one product of counts and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discovery.probing.results import Measured

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAST = 5
"""Clusters without which there is no interval."""
SHARE = (0.0, 1.0)
"""Between which a share lies."""

RESAMPLES = 1000
_AT_ONCE = 1 << 23  # numbers in one block of draws
_Z2 = 1.959964**2


def cluster_sums(values: NDArray[Any], clusters: NDArray[Any], count: int) -> Array:
    """Sums of ``values`` [rows, columns] by cluster: [count, columns] float64.

    ``clusters`` [rows] are numbers below ``count``.
    """
    columns = [np.bincount(clusters, column, minlength=count) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0))


def figure(
    sums: Array,
    compute: Callable[[Array], Array],
    seed: int,
    *,
    rests_on: Sequence[int] = (0,),
    of: str = "documents",
    undefined: str = "there is nothing to measure",
    share: bool = False,
) -> Measured:
    """What ``compute`` makes of the sums of all clusters, with a 95 % interval over clusters.

    ``sums`` are [clusters, columns]; ``compute`` turns summed columns [..., columns] into figures
    [...], NaN where there is none (then ``undefined`` is the reason). Each column of ``rests_on``
    has to be non-zero in five clusters, or there is no interval. ``share`` says that the figure
    lies in 0 .. 1.
    """
    value = float(_quietly(compute, sums.sum(0)))
    if not np.isfinite(value):
        return Measured(value=None, reason=undefined)
    fewest = min(int(np.count_nonzero(sums[:, column])) for column in rests_on)
    blocks = draws(len(sums), seed) if fewest >= LEAST else ()
    drawn = np.concatenate([np.empty(0), *(_quietly(compute, counts @ sums) for counts in blocks)])
    return between(value, drawn, fewest, of, bounds=SHARE if share else None)


def mean_measured(values: Array, seed: int, *, of: str = "features") -> Measured:
    """The mean of one value a unit of chance (``of``), with an interval over them; NaN are none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Measured(value=None, reason="nothing was measured")
    return mean_interval(known, np.arange(len(known)), seed, of=of)


def mean_interval(
    values: NDArray[Any], clusters: NDArray[Any], seed: int, *, of: str = "documents"
) -> Measured:
    """Mean of ``values`` [rows] with an interval over ``clusters`` [rows], numbers from 0."""
    return ratio_interval(values, np.ones(len(values)), clusters, seed, of=of)


def ratio_interval(
    numerator: NDArray[Any],
    denominator: NDArray[Any],
    clusters: NDArray[Any],
    seed: int,
    *,
    of: str = "documents",
    undefined: str = "there is nothing to divide by",
    share: bool = False,
) -> Measured:
    """Sum of ``numerator`` [rows] over sum of ``denominator`` [rows], interval over ``clusters``.

    No value where the denominator's sum is not above zero (the reason is ``undefined``). ``share``
    as for :func:`figure`.
    """
    if not len(numerator):
        return Measured(value=None, reason=undefined)
    columns = np.stack([numerator, denominator], axis=1).astype(np.float64)
    sums = cluster_sums(columns, clusters, int(clusters.max()) + 1)
    return figure(sums, ratio, seed, rests_on=(1,), of=of, undefined=undefined, share=share)


def ratio(sums: Array) -> Array:
    """First column over the second [...]; NaN where the second is not above zero."""
    over = np.where(sums[..., 1] > 0, sums[..., 1], np.nan)
    return np.asarray(sums[..., 0] / over)


def draws(count: int, seed: int) -> Iterator[Array]:
    """Blocks [draws, count] of how often each cluster is drawn, ``RESAMPLES`` draws in all."""
    generator = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // max(count, 1))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = generator.integers(count, size=(size, count - 1))
        drawn += np.arange(size)[:, None] * count  # far faster than multinomial draws
        counts = np.bincount(drawn.ravel(), minlength=size * count)
        yield counts.reshape(size, count).astype(np.float64)


def auroc(scores: Array, positive: Flags, weights: Array | None = None) -> Array:
    """Chance that a positive row scores above a negative one (ties count half).

    ``scores`` and ``positive`` are [rows], ``weights`` [draws, rows] (None: one draw, all 1). The
    result is [draws], NaN where a class is empty.
    """
    weights = np.ones((1, len(scores))) if weights is None else weights
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    above = np.add.reduceat((weights * positive)[:, order], first, axis=1)
    below = np.add.reduceat((weights * ~positive)[:, order], first, axis=1)
    beaten = np.cumsum(below, axis=1) - below / 2
    pairs = above.sum(1) * below.sum(1)
    share = (above * beaten).sum(1) / np.where(pairs > 0, pairs, np.nan)
    return np.asarray(np.clip(share, 0.0, 1.0))  # sums of weights round


def auroc_interval(
    scores: Sequence[Array],
    positive: Flags,
    clusters: Ints,
    seed: int,
    *,
    weights: Array | None = None,
    of: str = "documents",
) -> Measured:
    """AUROC of ``scores[0]``, less that of ``scores[1]`` where given, with an interval.

    The same draws of clusters serve both, so a difference is paired. ``weights`` are of the rows.
    """
    base = np.ones(len(positive)) if weights is None else weights

    def compute(counts: Array) -> Array:
        found = auroc(scores[0], positive, counts * base)
        return found if len(scores) == 1 else found - auroc(scores[1], positive, counts * base)

    value = float(compute(np.ones((1, len(positive))))[0])
    if not np.isfinite(value):
        return Measured(value=None, reason="there are not rows of both classes")
    fewest = min(len(np.unique(clusters[flags])) for flags in (positive, ~positive))
    known, cluster = np.unique(clusters, return_inverse=True)
    step = max(1, _AT_ONCE // len(positive))
    drawn = [
        compute(counts[start : start + step][:, cluster])
        for counts in (draws(len(known), seed) if fewest >= LEAST else ())
        for start in range(0, len(counts), step)
    ]
    bounds = SHARE if len(scores) == 1 else None
    return between(value, np.concatenate([np.empty(0), *drawn]), fewest, of, bounds=bounds)


def reached(value: float, null: Sequence[float] | Array) -> float:
    """Share of null figures (with one added) that are at least ``value``."""
    return float((1 + np.sum(np.asarray(null) >= value)) / (1 + len(null)))


def between(
    value: float,
    drawn: Array,
    count: int,
    of: str,
    *,
    bounds: tuple[float, float] | None = None,
) -> Measured:
    """A figure between the ends of a 95 % interval of its draws [draws].

    ``count`` independent clusters are what it rests on, at least five. Percentiles of few clusters
    lie too near, so the tails are those of Student's t (the expanded percentiles of Hesterberg
    2015): 0.3 % for five clusters, 1.7 % for 17, 2.5 % for very many. A draw without a figure
    widens both ends; where these would lie in such draws, there is no interval. Where no draw of
    counts between ``bounds`` differs, there is none either, unless the figure lies at one of them:
    then it is Wilson's (1927) for ``count`` witnesses.
    """
    if count < LEAST:
        return Measured(value=value, reason=f"no interval: fewer than {LEAST} {of}")
    tail = _tail(count)
    low = np.quantile(np.where(np.isfinite(drawn), drawn, -np.inf), tail, method="lower")
    high = np.quantile(np.where(np.isfinite(drawn), drawn, np.inf), 1 - tail, method="higher")
    if not (np.isfinite(low) and np.isfinite(high)):
        return Measured(value=value, reason=f"no interval: the figure rests on too few {of}")
    if low < high or bounds is None:
        return Measured(value=value, low=float(min(low, value)), high=float(max(high, value)))
    if value not in bounds:
        return Measured(value=value, reason="no interval: no resample differs")
    least, most = bounds
    missed = (most - least) * _Z2 / (count + _Z2)
    low, high = (least, least + missed) if value == least else (most - missed, most)
    return Measured(value=value, low=low, high=high)


def _tail(count: int) -> float:
    """The share of draws beyond each end for so many clusters."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(-stdtrit(count - 1, 0.975)))


def _quietly(compute: Callable[[Array], Array], sums: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(compute(sums), dtype=np.float64)
