"""From a simulator's 0-10 scale to the unit's own: not at all, by a line, or by rank.

What is fitted is fitted on ``select``; ``report`` is only ever mapped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.results import Calibration
from scoring.case import Case
from scoring.samples import sample

Array = NDArray[np.float64]
Map = Callable[[Array], Array]


def calibrate(case: Case, how: Calibration) -> Map:
    """The map from predictions to activations.

    ``none`` reads 10 as the strongest activation of the explained excerpts, ``linear`` is weighted
    least squares on ``select``, ``percentile`` gives a prediction the mean activation of the same
    weighted ranks there (Bills et al. 2023 use both).
    """
    if how == "none":
        return lambda values: values * (case.peak / 10.0)
    return calibrate_values(case, np.where(case.fitted.known, case.fitted.predicted, np.nan), how)


def calibrate_values(case: Case, values: Array, how: Calibration) -> Map:
    """The same from any predictions for the ``select`` pool [pool, tokens], NaN where missing."""
    drawn = sample(case.select, "corpus")
    said = values[drawn.rows]
    known = np.isfinite(said)
    weights = np.broadcast_to(drawn.weights[:, None], known.shape)[known]
    actual = case.select.pool.activations[drawn.rows].astype(np.float64)[known]
    if how == "linear":
        slope, intercept = line(said[known], actual, weights)
        return lambda v: slope * v + intercept
    return _by_rank(said[known], actual, weights)


def line(predicted: Array, actual: Array, weights: Array) -> tuple[float, float]:
    """Slope and intercept of weighted least squares; (0, 0) without data."""
    total = weights.sum()
    if total <= 0:
        return 0.0, 0.0
    mean_p, mean_a = (weights @ predicted) / total, (weights @ actual) / total
    spread = weights @ (predicted - mean_p) ** 2
    slope = weights @ ((predicted - mean_p) * (actual - mean_a)) / spread if spread > 0 else 0.0
    return float(slope), float(mean_a - slope * mean_p)


def _by_rank(predicted: Array, actual: Array, weights: Array) -> Map:
    """Equal predictions share the mean activation of the ranks that they fill together."""
    if weights.sum() <= 0:
        return lambda values: np.zeros_like(values)
    levels, group = np.unique(predicted, return_inverse=True)
    filled = np.concatenate([[0.0], np.cumsum(np.bincount(group.reshape(-1), weights=weights))])
    order = np.argsort(actual, kind="stable")
    ranks = np.concatenate([[0.0], np.cumsum(weights[order])])
    mass = np.concatenate([[0.0], np.cumsum(weights[order] * actual[order])])
    reached = np.interp(filled, ranks, mass)
    means = np.diff(reached) / np.maximum(np.diff(filled), np.finfo(float).tiny)
    return lambda values: np.interp(values, levels, means)
