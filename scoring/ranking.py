"""How well ratings tell one class of items from another: AUROC and balanced accuracy.

Every excerpt may bring one item of each class (a window with the right and with the wrong tokens
marked) or of one of them. Leaving out an excerpt leaves out both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.measured import Measured

Array = NDArray[np.float64]
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Items:
    """Ratings of positives and negatives by excerpt, each [n], with their weights [n].

    An excerpt without an item of a class has weight 0 there.
    """

    positive: Array
    negative: Array
    positive_weight: Array
    negative_weight: Array

    @property
    def fewest(self) -> int:
        """Items of the rarer class."""
        return int(min((self.positive_weight > 0).sum(), (self.negative_weight > 0).sum()))


def auroc(items: Items) -> Measured:
    """The chance that a positive is rated above a negative; ties count half (Mann and Whitney)."""
    if reason := _missing(items):
        return Measured.undefined(reason)
    wp, wn = items.positive_weight, items.negative_weight
    won = _won(items.positive, items.negative, wn)
    lost = _won(-items.negative, -items.positive, wp)
    total = wp @ won
    own = wp * wn * _beats(items.positive, items.negative)
    pairs = (wp.sum() - wp) * (wn.sum() - wn)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (total - wp * won - wn * lost + own) / pairs
    return _share(total / (wp.sum() * wn.sum()), left, items)


def auroc_value(items: Items) -> float | None:
    """:func:`auroc` without what it is when excerpts are left out."""
    wp, wn = items.positive_weight, items.negative_weight
    if _missing(items):
        return None
    return float(wp @ _won(items.positive, items.negative, wn) / (wp.sum() * wn.sum()))


def balanced_accuracy(items: Items, cut: float) -> Measured:
    """Mean of both classes' shares of right calls; ratings above ``cut`` are called positive."""
    if reason := _missing(items):
        return Measured.undefined(reason)
    wp, wn = items.positive_weight, items.negative_weight
    hit, kept = wp * (items.positive > cut), wn * (items.negative <= cut)
    value = hit.sum() / wp.sum() / 2 + kept.sum() / wn.sum() / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (hit.sum() - hit) / (wp.sum() - wp) / 2 + (kept.sum() - kept) / (wn.sum() - wn) / 2
    return _share(value, left, items)


def best_cut(items: Items) -> float:
    """The cut of highest balanced accuracy: the lowest such, half-way between two ratings."""
    if _missing(items):
        return 0.0
    used = np.concatenate(
        [items.positive[items.positive_weight > 0], items.negative[items.negative_weight > 0]]
    )
    levels = np.unique(used)
    cuts = np.concatenate([[levels[0] - 1.0], (levels[1:] + levels[:-1]) / 2])
    values = [balanced_accuracy(items, float(cut)).value or 0.0 for cut in cuts]
    return float(cuts[int(np.argmax(values))])


def _share(value: float, left_out: Array, items: Items) -> Measured:
    """A share of items; what is 0 or 1 up to rounding is exactly that."""
    exact = round(float(value))
    value = exact if abs(value - exact) < _ROUNDING else float(value)
    return Measured(float(value), np.clip(left_out, 0.0, 1.0), fewest=items.fewest)


def _missing(items: Items) -> str | None:
    if not (items.positive_weight > 0).any():
        return "no excerpt in which the unit fires"
    if not (items.negative_weight > 0).any():
        return "no excerpt in which the unit is silent"
    return None


def _won(ratings: Array, others: Array, weights: Array) -> Array:
    """For each rating the weight of ``others`` below it, and half of that beside it."""
    order = np.argsort(others, kind="stable")
    held = np.concatenate([[0.0], np.cumsum(weights[order])])
    below = held[np.searchsorted(others[order], ratings, side="left")]
    upto = held[np.searchsorted(others[order], ratings, side="right")]
    return np.asarray((below + upto) / 2)


def _beats(ratings: Array, others: Array) -> Array:
    return np.asarray((ratings > others) + 0.5 * (ratings == others))
