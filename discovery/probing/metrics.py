"""Figures of a classifier on test rows, each with an interval over groups of documents.

Rows of one document are no independent witnesses, so the resamples of ``statistics`` draw groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from discovery.probing.results import Measured
from discovery.probing.statistics import (
    LEAST,
    SHARE,
    Array,
    Flags,
    between,
    cluster_sums,
    draws,
)

Counts = NDArray[np.float32]
_GROUPS = "groups of documents"


@dataclass(frozen=True)
class Resamples:
    """Draws of the groups of test rows, made once for all that is measured on these rows."""

    groups: NDArray[np.int64]
    seed: int

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """The group of each row [rows], numbered from 0."""
        return np.unique(self.groups, return_inverse=True)[1]

    @cached_property
    def counts(self) -> Array:
        """How often each group is drawn [draws, groups]; with fewer than five, no draw is made."""
        count = int(self.group.max(initial=-1)) + 1
        if count < LEAST:
            return np.empty((0, count))
        return np.concatenate(list(draws(count, self.seed)))

    def rows(self, order: NDArray[np.int64]) -> Counts:
        """How often each row counts, rows in ``order`` [draws, rows]; whole numbers."""
        return self.counts.astype(np.float32)[:, self.group[order]]


@dataclass(frozen=True, slots=True)
class Scored:
    """Test rows: ``positive`` [rows], the probe's ``margin`` [rows] (> 0 says yes), ``drawn``."""

    positive: Flags
    margin: Array
    drawn: Resamples

    def witnesses(self, rows: Flags) -> int:
        """Groups that hold one of ``rows`` [rows]."""
        return len(np.unique(self.drawn.group[rows]))

    @property
    def both(self) -> int:
        """Groups that hold a positive row or a negative one, whichever are fewer."""
        return min(self.witnesses(self.positive), self.witnesses(~self.positive))

    def table(self) -> tuple[Array, Array]:
        """Rows that are TP, FP, FN, TN: in all [4], and in each resample [4, draws]."""
        truth, called = self.positive, self.margin > 0
        kinds = (truth & called, ~truth & called, truth & ~called, ~truth & ~called)
        rows = np.stack(kinds, axis=1).astype(np.float64)
        sums = cluster_sums(rows, self.drawn.group, self.drawn.counts.shape[1])
        return rows.sum(0), (self.drawn.counts @ sums).T

    def measured(
        self,
        value: float,
        spread: Array,
        nothing: str,
        *,
        on: int | None = None,
        bounds: tuple[float, float] = SHARE,
    ) -> Measured:
        """A figure with the interval of its resamples; ``nothing`` says why it has none.

        It rests ``on`` so many groups: by default on those of the rarer class, since a figure that
        sees both is no better known than by these. Where everything is right, twenty documents
        without a fault do not prove that there is none: see :func:`between`.
        """
        if not np.isfinite(value):
            return Measured(value=None, reason=nothing)
        return between(value, spread, self.both if on is None else on, _GROUPS, bounds=bounds)


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


def figures(scored: Scored) -> Figures:
    """All figures; what is undefined (nothing called positive) has a reason."""
    whole, drawn = scored.table()
    order = np.argsort(-scored.margin, kind="stable")
    one = _Ordered.of(scored, order, np.ones((1, len(order)), dtype=np.float32))
    many = _Ordered.of(scored, order, scored.drawn.rows(order))

    def of_table(
        compute: Callable[[Array], Array],
        nothing: str,
        on: int | None = None,
        bounds: tuple[float, float] = SHARE,
    ) -> Measured:
        value = float(compute(whole))
        return scored.measured(value, compute(drawn), nothing, on=on, bounds=bounds)

    def of_order(compute: Callable[[_Ordered], Array], nothing: str) -> Measured:
        return scored.measured(float(compute(one)[0]), compute(many), nothing)

    return Figures(
        f1=of_table(f1, "no row is positive"),
        precision=of_table(
            _precision, "no row is called positive", scored.witnesses(scored.margin > 0)
        ),
        recall=of_table(_recall, "no row is positive", scored.witnesses(scored.positive)),
        mcc=of_table(_mcc, "all rows are of one class or called so", bounds=(-1.0, 1.0)),
        average_precision=of_order(_average_precision, "no row is positive"),
        roc_auc=of_order(_roc_auc, "all rows are of one class"),
        log_loss=log_loss(scored.positive, scored.margin),
    )


def f1_of(scored: Scored) -> Measured:
    """F1 alone."""
    whole, drawn = scored.table()
    return scored.measured(float(f1(whole)), f1(drawn), "no row is positive")


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


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Rows by falling margin: positives and rows so far at the end of each run of equal margins
    [draws, runs]. Sums of whole numbers below 2^24, so float32 is exact."""

    hits: Counts
    called: Counts

    @classmethod
    def of(cls, scored: Scored, order: NDArray[np.int64], counts: Counts) -> _Ordered:
        if not len(order):
            nothing = np.zeros((len(counts), 1), np.float32)
            return cls(nothing, nothing)
        ends = np.append(np.flatnonzero(np.diff(scored.margin[order])), len(order) - 1)
        hits = np.cumsum(counts * scored.positive[order], axis=1)[:, ends]
        return cls(hits, np.cumsum(counts, axis=1)[:, ends])


def _average_precision(rows: _Ordered) -> Array:
    """Sum of precision times gain of recall over thresholds [draws]."""
    gains = np.diff(rows.hits, axis=1, prepend=np.float32(0))
    with np.errstate(all="ignore"):
        precision = np.divide(rows.hits, rows.called, dtype=np.float64)
        total = np.einsum("dr,dr->d", np.where(rows.called > 0, precision, 0.0), gains)
        return np.asarray(total / rows.hits[:, -1])


def _roc_auc(rows: _Ordered) -> Array:
    """Probability that a positive stands above a negative, ties half [draws]."""
    more = np.diff(rows.called - rows.hits, axis=1, prepend=np.float32(0))
    before = np.concatenate([np.zeros((len(more), 1), np.float32), rows.hits[:, :-1]], axis=1)
    with np.errstate(all="ignore"):
        area = np.einsum("dr,dr->d", more, before + rows.hits, dtype=np.float64) / 2
        misses = (rows.called - rows.hits)[:, -1].astype(np.float64)
        return np.asarray(area / (rows.hits[:, -1] * misses))


def log_loss(truth: Flags, margin: Array) -> float | None:
    """Mean of -log p in nats, both classes with equal weight, as the probe was fitted."""
    if truth.all() or not truth.any():
        return None
    loss = np.logaddexp(0.0, np.where(truth, -margin, margin))
    return float((loss[truth].mean() + loss[~truth].mean()) / 2)
