"""Weighted correlation and explained variance over excerpts.

Everything is computed from six sums an excerpt (weights, p, a, p^2, a^2, p·a), so that leaving each
one out in turn is one subtraction. Tokens within an excerpt depend on each other; excerpts are what
is drawn, so excerpts are what an interval is about: text of this kind, not this very corpus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.measured import Measured

Array = NDArray[np.float64]
Figure = Literal["correlation", "explained_variance"]

_TINY = 1e-12
_OFFSET = 0.01


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
    return np.where(_flat(sums, 3) | _flat(sums, 4), np.nan, np.minimum(value, 1.0))


FIGURES: dict[Figure, Callable[[Array], Array]] = {
    "correlation": _correlations,
    "explained_variance": _explained,
}


def measured(figure: Figure, sums: Array, weights: Array) -> Measured:
    """``figure`` of ``sums`` [excerpts, 6] with ``weights``, and what it is without each."""
    weighted = sums * weights[:, None]
    total = weighted.sum(0)
    value = float(FIGURES[figure](total))
    if not np.isfinite(value):
        return Measured.undefined(_why_undefined(total))
    active = [int((weighted[:, column] > 0).sum()) for column in (3, 4)]
    return Measured(value, FIGURES[figure](total - weighted), fewest=min(active))


def correlation(sums: Array, weights: Array) -> float | None:
    """Weighted Pearson ρ of summed excerpts, or None when it is undefined."""
    value = float(_correlations((sums * weights[:, None]).sum(0)))
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
    if not per_token.any() or not others.shape[-1]:
        return np.empty(0)
    w = per_token / per_token.sum()
    p = np.where(known, predicted, 0.0).reshape(-1)
    mean_square = w @ (p * p)
    p = p - w @ p
    var_p = w @ (p * p)
    if var_p <= _TINY * mean_square:
        return np.empty(0)
    a = others.reshape(-1, others.shape[-1])
    square, var_a, cov = _with_others(a, w, w * p)
    far = np.flatnonzero(var_a < _OFFSET * square)  # single precision loses what is left there
    if len(far):
        square[far], var_a[far], cov[far] = _with_others(a[:, far].astype(np.float64), w, w * p)
    defined = var_a > _TINY * square
    rho = cov[defined] / np.sqrt(var_p * var_a[defined])
    return np.asarray(np.clip(rho, -1.0, 1.0), dtype=np.float64)


def _with_others(a: NDArray[Any], w: Array, wp: Array) -> tuple[Array, Array, Array]:
    """Mean square, variance and covariance of each column of ``a`` [tokens, units]."""
    w, wp = w.astype(a.dtype), wp.astype(a.dtype)
    square = (w @ (a * a)).astype(np.float64)
    mean = (w @ a).astype(np.float64)
    return square, square - mean * mean, (wp @ a).astype(np.float64)
