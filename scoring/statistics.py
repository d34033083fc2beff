"""Weighted correlation and explained variance over excerpts, with a bootstrap over excerpts.

Everything is computed from six sums an excerpt (weights, p, a, p^2, a^2, p·a), so that resampling a
thousand times is one matrix product. Tokens within an excerpt depend on each other; excerpts are
what is drawn, so excerpts are what is resampled (within their strata).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES = 1000
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; ``value`` None says why in ``reason``."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def excerpt_sums(predicted: Array, actual: Array, known: NDArray[np.bool_]) -> Array:
    """Six sums for each excerpt, [excerpts, 6]: n, Σp, Σa, Σp², Σa², Σpa over known tokens."""
    p = np.where(known, predicted, 0.0)
    a = np.where(known, actual, 0.0)
    columns = [known.sum(1), p.sum(1), a.sum(1), (p * p).sum(1), (a * a).sum(1), (p * a).sum(1)]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def moments(sums: Array) -> tuple[Array, Array, Array]:
    """Weighted variances of p and a and their covariance from summed rows [..., 6]."""
    n = np.maximum(sums[..., 0], _TINY)
    p, a = sums[..., 1] / n, sums[..., 2] / n
    return sums[..., 3] / n - p * p, sums[..., 4] / n - a * a, sums[..., 5] / n - p * a


def _correlations(sums: Array) -> Array:
    """ρ for each row of summed sums; NaN where prediction or truth is constant."""
    var_p, var_a, cov = moments(sums)
    n = np.maximum(sums[..., 0], _TINY)
    flat_p = var_p <= _TINY * np.maximum(sums[..., 3] / n, _TINY)
    flat_a = var_a <= _TINY * np.maximum(sums[..., 4] / n, _TINY)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = cov / np.sqrt(var_p * var_a)
    return np.where(flat_p | flat_a, np.nan, np.clip(rho, -1.0, 1.0))


def _explained(sums: Array) -> Array:
    """1 - Var(a - p) / Var(a) for each row; NaN where the truth is constant."""
    var_p, var_a, cov = moments(sums)
    n = np.maximum(sums[..., 0], _TINY)
    flat = var_a <= _TINY * np.maximum(sums[..., 4] / n, _TINY)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = 1.0 - (var_a + var_p - 2 * cov) / var_a
    return np.where(flat, np.nan, value)


FIGURES = {"correlation": _correlations, "explained_variance": _explained}


def resample_counts(strata: NDArray[np.int64], seed: int, resamples: int = RESAMPLES) -> Array:
    """How often each excerpt is drawn, [resamples, excerpts], drawing within each stratum."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), resamples)
    return counts


def estimate(
    figure: str,
    sums: Array,
    weights: Array,
    strata: NDArray[np.int64],
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """``figure`` (a key of ``FIGURES``) with a percentile interval from resampled excerpts.

    ``weights`` [excerpts] multiply each excerpt's sums. Resamples in which the figure is undefined
    are left out; when they are more than half there is no interval, and the reason says so.
    """
    weighted = sums * weights[:, None]
    compute = FIGURES[figure]
    value = float(compute(weighted.sum(0)))
    if not np.isfinite(value):
        return Estimate(None, reason=_why_undefined(weighted.sum(0)))
    drawn = compute(resample_counts(strata, seed, resamples) @ weighted)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < resamples / 2:
        return Estimate(value, reason="no interval: the figure is undefined in most resamples")
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def correlation(sums: Array, weights: Array) -> float | None:
    """Weighted Pearson ρ of summed excerpts, or None when it is undefined."""
    value = float(_correlations((sums * weights[:, None]).sum(0)))
    return value if np.isfinite(value) else None


def _why_undefined(total: Array) -> str:
    if total[0] <= 0:
        return "no token was predicted"
    _, var_a, _ = moments(total)
    if var_a <= _TINY * max(total[4] / total[0], _TINY):
        return "the unit is constant on the scored excerpts"
    return "the prediction is constant on the scored excerpts"


def null_correlations(
    predicted: Array, others: NDArray[np.float32], weights: Array, known: NDArray[np.bool_]
) -> Array:
    """ρ of one prediction with each of many units on the same excerpts (undefined ones left out).

    ``predicted`` [excerpts, tokens], ``others`` [excerpts, tokens, units]. Returns [units defined].
    """
    w = (weights[:, None] * known).reshape(-1)
    total = w.sum()
    if total <= 0 or not others.shape[-1]:
        return np.empty(0)
    p = predicted.reshape(-1)
    p = np.where(w > 0, p, 0.0) - (w * np.where(w > 0, p, 0.0)).sum() / total
    var_p = (w * p * p).sum() / total
    if var_p <= _TINY:
        return np.empty(0)
    used = np.flatnonzero(w > 0)
    flat = others.reshape(-1, others.shape[-1])[used].astype(np.float64)
    weight = w[used] / total
    mean = weight @ flat
    var_a = weight @ (flat * flat) - mean * mean
    cov = (weight * p[used]) @ flat
    defined = var_a > _TINY * np.maximum(weight @ (flat * flat), _TINY)
    rho = cov[defined] / np.sqrt(var_p * var_a[defined])
    return np.asarray(np.clip(rho, -1.0, 1.0), dtype=np.float64)
