"""Intervals for any figure that is computed from excerpts: leave each one out and see.

The delete-one jackknife (Efron and Tibshirani 1993, ch. 11) on a scale where the figure is nearly
normal, with Student's t at the degrees of freedom that the left-out values themselves show
(Satterthwaite 1946, Biometrics 2:110). A figure that hangs on five excerpts out of a thousand gets
an interval for about five, which is what a percentile bootstrap misses. Samples in strata whose
shares were counted on a larger text have two parts of chance (double sampling, Cochran 1977, ch.
12): which windows were drawn within a stratum, and how many windows of other text would fall into
it. ``docs/scoring.md`` prints how often these intervals hold the truth, and where they do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Scale = Literal["correlation", "explained", "share", "plain"]
"""Fisher's z, -log of what is left unexplained, Wilson's for shares of items, or as it is."""

CONFIDENCE = 0.95
FEW_DF = 5.0
CENSUS = -1
"""The stratum that is held whole: which of its windows were drawn is no matter of chance."""
STEEPEST = 1.25
"""How much more than the scale's slope at the figure an excerpt may count: where leaving out one
excerpt makes a correlation perfect, the scale itself would run off to infinity."""
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """How excerpts were drawn: ``weights`` [n] (sum 1) and ``strata`` [n].

    ``population`` is the number of windows on which the strata's shares were counted (None: the
    shares are part of the question and no matter of chance).
    """

    weights: Array
    strata: NDArray[np.int64]
    population: int | None = None

    @classmethod
    def equal(cls, n: int) -> Design:
        """``n`` excerpts drawn alike."""
        return cls(np.full(n, 1.0 / max(n, 1)), np.zeros(n, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends, and ``df``: about how many excerpts, less one, the figure really rests on."""

    low: float
    high: float
    df: float


def jackknife(value: float, left_out: Array, scale: Scale, design: Design) -> Interval | None:
    """The 95 % interval of a figure; ``left_out`` [n] is the figure without each excerpt.

    None where a left-out value is undefined.
    """
    used = design.weights > 0
    if used.sum() < 2 or not np.isfinite(left_out[used]).all():
        return None
    centre = float(_forth(np.array(value), scale))
    weights, strata = design.weights[used], design.strata[used]
    moved = centre - _forth(left_out[used], scale)
    bound = STEEPEST * _slope(value, scale) * np.abs(value - left_out[used])
    moved = np.clip(moved, -bound, bound) * (1 - weights) / weights
    parts = [
        _drawn(moved[strata == h], float(weights[strata == h].sum()))
        for h in np.unique(strata)
        if h != CENSUS or design.population is None
    ]
    if design.population is not None:
        parts.append(_counted(moved, weights, design.population))
    variance = sum(v for v, _ in parts)
    if variance <= 0.0:
        return Interval(value, value, float(used.sum() - 1))
    df = variance**2 / sum(v**2 / d for v, d in parts if v > 0.0)
    reach = float(stdtrit(df, 0.5 + CONFIDENCE / 2))
    if scale == "share":
        return share_interval(value, variance, reach, df)
    half = reach * variance**0.5
    low, high = (float(_back(np.array(centre + side * half), scale)) for side in (-1.0, 1.0))
    return Interval(min(low, value), max(high, value), df)


def share_interval(share: float, variance: float, reach: float, df: float) -> Interval:
    """Wilson's interval for as many draws as would give a share this variance (Wilson 1927)."""
    draws = share * (1 - share) / variance
    centre = (share + reach**2 / (2 * draws)) / (1 + reach**2 / draws)
    half = (reach**2 * variance + (reach**2 / (2 * draws)) ** 2) ** 0.5 / (1 + reach**2 / draws)
    return Interval(max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)), df)


def _drawn(influence: Array, share: float) -> tuple[float, float]:
    """Variance, and its degrees of freedom, from the excerpts drawn within one stratum."""
    n = len(influence)
    if n == 1:
        return float((share * influence[0]) ** 2), 1.0
    squares = (influence - influence.mean()) ** 2
    variance = share**2 / n * float(squares.sum()) / (n - 1)
    noise = float(squares.var(ddof=1))
    df = 2 * n * float(squares.mean()) ** 2 / noise if noise > 0.0 else float(n - 1)
    return variance, min(df, float(n - 1))


def _counted(influence: Array, weights: Array, population: int) -> tuple[float, float]:
    """The same from the shares of the strata, which were counted on ``population`` windows."""
    parts = weights * (influence - weights @ influence) ** 2 / population
    variance = float(parts.sum())
    if variance <= 0.0:
        return 0.0, 1.0
    return variance, max(2 * variance**2 / float((parts**2).sum()) - 1, 1.0)


def caution(df: float | None) -> str | None:
    """Why an interval of ``df`` degrees of freedom is approximate, or None when it is not."""
    if df is None or df >= FEW_DF:
        return None
    return f"the interval rests on about {df + 1:.0f} excerpts"


def _forth(values: Array, scale: Scale) -> Array:
    match scale:
        case "correlation":
            return np.arctanh(np.clip(values, _EDGE - 1, 1 - _EDGE))
        case "explained":
            return -np.log(np.maximum(1.0 - values, _EDGE))
        case "share" | "plain":
            return values


def _slope(value: float, scale: Scale) -> float:
    """The scale's slope at the figure."""
    match scale:
        case "correlation":
            return 1.0 / max(1.0 - value * value, _EDGE)
        case "explained":
            return 1.0 / max(1.0 - value, _EDGE)
        case "share" | "plain":
            return 1.0


def _back(values: Array, scale: Scale) -> Array:
    match scale:
        case "correlation":
            return np.tanh(values)
        case "explained":
            return np.asarray(1.0 - np.exp(-values))
        case "share" | "plain":
            return values
