"""Weighted correlation and explained variance over excerpts, with a bootstrap over excerpts.

Everything is computed from six sums an excerpt (weights, p, a, p^2, a^2, p·a), so that resampling a
thousand times is one matrix product. Tokens within an excerpt depend on each other; excerpts are
what is drawn, so excerpts are what is resampled (within their strata).

The interval is about text of this kind, not about this very corpus: also strata that hold all their
windows (the top ones) are resampled. A stratum of n excerpts is resampled n - 1 at a time, each
counting n / (n - 1), without which small strata vary too little (Rao and Wu 1988, JASA 83:231).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Figure = Literal["correlation", "explained_variance"]

RESAMPLES = 1000
UNDEFINED_ALLOWED = 0.06
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


def _flat(sums: Array, column: int) -> NDArray[np.bool_]:
    """Where p (``column`` 3) or a (4) is constant, up to rounding."""
    var_p, var_a, _ = moments(sums)
    scale = sums[..., column] / np.maximum(sums[..., 0], _TINY)
    return np.asarray((var_p if column == 3 else var_a) <= _TINY * scale)


def _correlations(sums: Array) -> Array:
    """ρ for each row of summed sums; NaN where prediction or truth is constant."""
    var_p, var_a, cov = moments(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = cov / np.sqrt(var_p * var_a)
    return np.where(_flat(sums, 3) | _flat(sums, 4), np.nan, np.clip(rho, -1.0, 1.0))


def _explained(sums: Array) -> Array:
    """1 - Var(a - p) / Var(a) for each row; NaN where prediction or truth is constant."""
    var_p, var_a, cov = moments(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = 1.0 - (var_a + var_p - 2 * cov) / var_a
    return np.where(_flat(sums, 3) | _flat(sums, 4), np.nan, value)


FIGURES: dict[Figure, Callable[[Array], Array]] = {
    "correlation": _correlations,
    "explained_variance": _explained,
}


def resample_counts(strata: NDArray[np.int64], seed: int, resamples: int = RESAMPLES) -> Array:
    """How much each excerpt counts, [resamples, excerpts], drawing within each stratum.

    A stratum of one excerpt always counts 1.
    """
    rng = np.random.default_rng(seed)
    counts = np.ones((resamples, len(strata)))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        n = len(rows)
        if n > 1:
            drawn = rng.integers(n, size=(resamples, n - 1)) + n * np.arange(resamples)[:, None]
            drawn = np.bincount(drawn.ravel(), minlength=n * resamples).reshape(resamples, n)
            counts[:, rows] = drawn * (n / (n - 1))
    return counts


def estimate(
    figure: Figure,
    sums: Array,
    weights: Array,
    strata: NDArray[np.int64],
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """``figure`` with a 95 % percentile interval from resampled excerpts.

    ``weights`` [excerpts] multiply each excerpt's sums. Where more than ``UNDEFINED_ALLOWED`` of
    the resamples leave the figure undefined, all that speaks for it stands in one or two excerpts:
    then there is no interval, and the reason says so. Leaving such resamples out instead would give
    a single coincidence the interval [1, 1].

    The interval is approximate where few excerpts carry most of the figure. In simulations it held
    the value on other text in 94-97 % of runs for corpus and random samples of a thousand excerpts,
    in 88 % for units that fire once in 10,000 tokens, in 76-81 % where activations have very heavy
    tails, and in 64-94 % for the twenty excerpts of ``top_and_random``, whose strongest ten are
    drawn from too few to show their own rare failures.
    """
    weighted = sums * weights[:, None]
    compute = FIGURES[figure]
    total = weighted.sum(0)
    value = float(compute(total))
    if not np.isfinite(value):
        return Estimate(None, reason=_why_undefined(total))
    drawn = compute(resample_counts(strata, seed, resamples) @ weighted)
    defined = drawn[np.isfinite(drawn)]
    if len(drawn) - len(defined) > UNDEFINED_ALLOWED * resamples:
        return Estimate(value, reason="no interval: the figure rests on too few excerpts")
    low, high = np.quantile(defined, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def correlation(sums: Array, weights: Array) -> float | None:
    """Weighted Pearson ρ of summed excerpts, or None when it is undefined."""
    return point("correlation", sums, weights)


def point(figure: Figure, sums: Array, weights: Array) -> float | None:
    """``figure`` of summed excerpts without an interval, or None when it is undefined."""
    value = float(FIGURES[figure]((sums * weights[:, None]).sum(0)))
    return value if np.isfinite(value) else None


def _why_undefined(total: Array) -> str:
    if total[0] <= 0:
        return "no token was predicted"
    if _flat(total, 4):
        return "the unit is constant on the scored excerpts"
    return "the prediction is constant on the scored excerpts"


def null_correlations(
    predicted: Array, others: NDArray[np.float32], weights: Array, known: NDArray[np.bool_]
) -> Array:
    """ρ of one prediction with each of many units on the same excerpts (undefined ones left out).

    ``predicted`` [excerpts, tokens], ``others`` [excerpts, tokens, units]. Returns [units defined].
    """
    per_token = (weights[:, None] * known).reshape(-1)
    used = np.flatnonzero(per_token > 0)
    if not len(used) or not others.shape[-1]:
        return np.empty(0)
    w = per_token[used] / per_token[used].sum()
    p = predicted.reshape(-1)[used]
    mean_square = w @ (p * p)
    p = p - w @ p
    var_p = w @ (p * p)
    if var_p <= _TINY * mean_square:
        return np.empty(0)
    a = others.reshape(-1, others.shape[-1])[used].astype(np.float64)
    square = w @ (a * a)
    var_a = square - (w @ a) ** 2
    defined = var_a > _TINY * square
    rho = ((w * p) @ a)[defined] / np.sqrt(var_p * var_a[defined])
    return np.asarray(np.clip(rho, -1.0, 1.0), dtype=np.float64)
