"""Figures of a classifier on test rows, each with an interval over groups of documents.

The bootstrap draws groups, since rows of one document are no independent witnesses: n - 1 of n at a
time, without which few of them vary too little (Rao and Wu 1988).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discovery.probing.results import Measured

DRAWS = 500
LEAST_GROUPS = 5
UNDEFINED_ALLOWED = 0.06
_Z2 = 1.959964**2

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """Test rows: ``positive`` [rows], the probe's ``margin`` [rows] (> 0 says yes), ``groups``."""

    positive: Flags
    margin: Array
    groups: NDArray[np.int64]

    @property
    def witnesses(self) -> int:
        """Groups that hold a positive row."""
        return len(np.unique(self.groups[self.positive]))

    def draws(self, seed: int) -> Array | None:
        """How often each row counts in each resample [draws, rows]; None with too few groups."""
        names, inverse = np.unique(self.groups, return_inverse=True)
        n = len(names)
        if n < LEAST_GROUPS:
            return None
        rng = np.random.default_rng([seed, 3])
        weights = rng.multinomial(n - 1, np.full(n, 1 / n), size=DRAWS)
        return np.asarray(weights[:, inverse.reshape(-1)], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is said of a probe on test rows."""

    f1: Measured
    precision: Measured
    recall: Measured
    mcc: Measured
    average_precision: Measured
    roc_auc: Measured
    log_loss: float | None


def figures(scored: Scored, seed: int) -> Figures:
    """All figures; what is undefined (nothing called positive) has a reason."""
    weights = scored.draws(seed)
    truth, called = scored.positive, scored.margin > 0
    table = np.stack([truth & called, ~truth & called, truth & ~called, ~truth & ~called])
    whole = table.sum(1).astype(np.float64)
    drawn = None if weights is None else weights @ table.T.astype(np.float64)
    order = np.argsort(-scored.margin, kind="stable")

    def of_table(compute: Callable[[Array], Array], nothing: str) -> Measured:
        spread = None if drawn is None else compute(drawn.T)
        return measured(float(compute(whole)), spread, nothing, scored.witnesses)

    def of_order(compute: Callable[[Flags, Array, Array], Array], nothing: str) -> Measured:
        sorted_truth, margins = truth[order], scored.margin[order]
        one = np.ones((1, len(order)))
        spread = None if weights is None else compute(sorted_truth, margins, weights[:, order])
        value = float(compute(sorted_truth, margins, one)[0])
        return measured(value, spread, nothing, scored.witnesses)

    return Figures(
        f1=of_table(f1, "no row is positive"),
        precision=of_table(_precision, "no row is called positive"),
        recall=of_table(_recall, "no row is positive"),
        mcc=of_table(_mcc, "all rows are of one class or called so"),
        average_precision=of_order(_average_precision, "no row is positive"),
        roc_auc=of_order(_roc_auc, "all rows are of one class"),
        log_loss=log_loss(truth, scored.margin),
    )


def f1_of(scored: Scored, seed: int) -> Measured:
    """F1 alone."""
    weights = scored.draws(seed)
    truth, called = scored.positive, scored.margin > 0
    table = np.stack([truth & called, ~truth & called, truth & ~called]).astype(np.float64)
    spread = None if weights is None else f1((weights @ table.T).T)
    return measured(float(f1(table.sum(1))), spread, "no row is positive", scored.witnesses)


def measured(
    value: float, spread: Array | None, nothing: str, witnesses: int | None = None
) -> Measured:
    """A figure with the percentiles of its resamples; ``nothing`` says why it may be undefined.

    Where no resample differs (everything is right), the interval is Wilson's for as many
    independent ``witnesses`` (Wilson 1927): twenty documents without a fault do not prove that
    there is none.
    """
    if not np.isfinite(value):
        return Measured(value=None, reason=nothing)
    if spread is None:
        few = f"no interval: fewer than {LEAST_GROUPS} groups of documents"
        return Measured(value=value, reason=few)
    defined = spread[np.isfinite(spread)]
    if len(defined) < (1 - UNDEFINED_ALLOWED) * len(spread):
        return Measured(value=value, reason="no interval: the figure rests on too few groups")
    low, high = np.quantile(defined, [0.025, 0.975])
    if low == high and witnesses:
        if value >= 1:
            low = witnesses / (witnesses + _Z2)
        elif value <= 0:
            high = _Z2 / (witnesses + _Z2)
    return Measured(value=value, low=float(min(low, value)), high=float(max(high, value)))


def mean_measured(values: Array, seed: int, *, of: str = "features") -> Measured:
    """The mean of one value a unit of chance (``of``), with an interval over them."""
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return Measured(value=None, reason="nothing was measured")
    if n < LEAST_GROUPS:
        few = f"no interval: fewer than {LEAST_GROUPS} {of}"
        return Measured(value=float(values.mean()), reason=few)
    drawn = np.random.default_rng([seed, 4]).integers(n, size=(DRAWS, n - 1))
    return measured(float(values.mean()), values[drawn].mean(1), "nothing was measured")


def f1(table: Array) -> Array:
    """2 TP / (2 TP + FP + FN) of [TP, FP, FN, ...]; NaN where no row is positive."""
    with np.errstate(all="ignore"):
        found = 2 * table[0] / (2 * table[0] + table[1] + table[2])
        return np.where(table[0] + table[2] > 0, found, np.nan)


def plain_f1(truth: Flags, called: Flags) -> float:
    """F1 without an interval; 0 where nothing is called rightly, NaN where no row is positive."""
    table = [(truth & called).sum(), (~truth & called).sum(), (truth & ~called).sum()]
    return float(f1(np.array(table, dtype=np.float64)))


def _precision(table: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(table[0] / (table[0] + table[1]))


def _recall(table: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(table[0] / (table[0] + table[2]))


def _mcc(table: Array) -> Array:
    """Matthews' correlation of [TP, FP, FN, TN]."""
    tp, fp, fn, tn = table
    with np.errstate(all="ignore"):
        return np.asarray(
            (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        )


def _steps(margins: Array) -> NDArray[np.int64]:
    """The last place of each run of equal margins, which are sorted."""
    return np.append(np.flatnonzero(np.diff(margins)), len(margins) - 1)


def _average_precision(truth: Flags, margins: Array, weights: Array) -> Array:
    """Sum of precision times gain of recall over thresholds [draws]; rows sorted by margin."""
    if not len(margins):
        return np.full(len(weights), np.nan)
    ends = _steps(margins)
    hits = np.cumsum(weights * truth, axis=1)[:, ends]
    called = np.cumsum(weights, axis=1)[:, ends]
    gains = np.diff(hits, axis=1, prepend=0.0)
    with np.errstate(all="ignore"):
        precision = np.where(called > 0, hits / called, 0.0)
        return np.asarray((precision * gains).sum(1) / hits[:, -1])


def _roc_auc(truth: Flags, margins: Array, weights: Array) -> Array:
    """Probability that a positive stands above a negative, ties half [draws]."""
    if not len(margins):
        return np.full(len(weights), np.nan)
    ends = _steps(margins)
    hits = np.cumsum(weights * truth, axis=1)[:, ends]
    misses = np.cumsum(weights * ~truth, axis=1)[:, ends]
    more = np.diff(misses, axis=1, prepend=0.0)
    before = np.concatenate([np.zeros((len(hits), 1)), hits[:, :-1]], axis=1)
    with np.errstate(all="ignore"):
        area = (more * (before + hits) / 2).sum(1)
        return np.asarray(area / (hits[:, -1] * misses[:, -1]))


def log_loss(truth: Flags, margin: Array) -> float | None:
    """Mean of -log p in nats, both classes with equal weight, as the probe was fitted."""
    if truth.all() or not truth.any():
        return None
    loss = np.logaddexp(0.0, np.where(truth, -margin, margin))
    return float((loss[truth].mean() + loss[~truth].mean()) / 2)
