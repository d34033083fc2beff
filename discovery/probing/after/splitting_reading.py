"""What sums of a larger subject's units say of one unit of a smaller: one unit, split, undecided.

Two noisy copies of a unit predict it better than one does, too. So a gain of R² is called a split
only where the parts also answer to different text: at the target's strongest tokens, each of two
parts has a share at which it alone gives most of the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from discovery.probing.after.records import Part, SplitStep
from discovery.probing.results import Measured
from discovery.probing.statistics import Array, Flags, Ints, cluster_sums, figure, ratio_interval

GAIN = 0.05
KNOWN = 0.5
SHARE = 0.1
WORTH = 0.02
STRONGEST = 0.95
RULE = (
    f"one unit: R² at k = 1 is at least {KNOWN:g} and above every random set, and the largest sum "
    f"adds less than {GAIN:g}. split: the largest sum reaches {KNOWN:g}, is above every random set "
    f"and adds at least {GAIN:g}, and two parts each alone answer to {SHARE:.0%} of the target's "
    "strongest 5 % of tokens (giving twice what all other parts give together). Each by the ends "
    "of 95 % intervals on test; otherwise undecided"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One half of the tokens: target [tokens], columns [tokens, units], clusters [tokens]."""

    target: Array
    values: NDArray[np.float32]
    clusters: Ints


@dataclass(frozen=True, slots=True)
class Fitted:
    """A sum of ``columns`` with non-negative ``weights``; ``means`` are the columns' on train."""

    columns: tuple[int, ...]
    weights: Array
    intercept: float
    means: Array

    def given(self, side: Side) -> Array:
        """What each part adds to the sum's mean [tokens, units]."""
        return np.asarray((side.values[:, list(self.columns)] - self.means) * self.weights)


@dataclass(frozen=True, slots=True)
class Reading:
    """``gain``, ``parts`` and ``reading`` of :class:`.records.Splitting`."""

    gain: Measured
    parts: tuple[Part, ...]
    reading: Literal["one unit", "split", "undecided"]


def reading(
    sums: Sequence[Fitted],
    steps: Sequence[SplitStep],
    sides: tuple[Side, Side],
    names: Sequence[str],
    seed: int,
    of: str,
) -> Reading:
    """Sums of k = 1, 2, ... columns, their figures, and train and test; ``names`` by column."""
    train, test = sides
    gain = figure(
        error_sums(test, [sums[-1], sums[0]]),
        lambda table: r2(table) - r2(np.delete(table, 3, axis=-1)),
        seed,
        of=of,
    )
    most = max(step.train_r2 for step in steps)
    read = next(i for i, step in enumerate(steps) if step.train_r2 >= most - WORTH)
    parts = _parts(sums[read], train, test, names, seed, of)
    return Reading(gain, parts, _reading(steps, gain, parts))


def _reading(
    steps: Sequence[SplitStep], gain: Measured, parts: Sequence[Part]
) -> Literal["one unit", "split", "undecided"]:
    if gain.low is None or gain.high is None:
        return "undecided"
    if _stands(steps[0]) and gain.high < GAIN:
        return "one unit"
    apart = sum(p.share.low is not None and p.share.low >= SHARE for p in parts)
    if _stands(steps[-1]) and gain.low >= GAIN and apart >= 2:
        return "split"
    return "undecided"


def _stands(step: SplitStep) -> bool:
    low = step.r2.low
    return low is not None and low >= KNOWN and low > max(step.random, default=0.0)


def _parts(
    fitted: Fitted, train: Side, test: Side, names: Sequence[str], seed: int, of: str
) -> tuple[Part, ...]:
    """Parts of the sum, those that answer to most of train first; strongest tokens by train."""
    if len(fitted.columns) < 2:
        return ()
    strong = [_strongest(side, train) for side in (train, test)]
    shares = [
        _alone(fitted.given(side))[flags] for side, flags in zip((train, test), strong, strict=True)
    ]
    _, clusters = np.unique(test.clusters[strong[1]], return_inverse=True)
    order = np.argsort(-shares[0].sum(0), kind="stable")
    return tuple(
        Part(
            unit=names[fitted.columns[part]],
            weight=float(fitted.weights[part]),
            share=ratio_interval(
                shares[1][:, part],
                np.ones(len(clusters)),
                clusters,
                seed,
                of=of,
                undefined="no test token is among the strongest",
                share=True,
            ),
        )
        for part in order
    )


def _strongest(side: Side, train: Side) -> Flags:
    """Tokens that reach the quantile of train; a unit that is mostly off has to be on."""
    threshold = np.quantile(train.target, STRONGEST)
    if threshold > train.target.min():
        return np.asarray(side.target >= threshold)
    return np.asarray(side.target > threshold)


def _alone(given: Array) -> Flags:
    """Where a part gives twice what all others give together [tokens, parts]."""
    positive = np.maximum(given, 0)
    rest = positive.sum(1, keepdims=True) - positive
    return np.asarray((positive > 0) & (positive >= 2 * rest))


def error_sums(side: Side, sums: Sequence[Fitted]) -> Array:
    """[clusters, 3 + sums]: tokens, target, its square, then the squared error of each sum."""
    columns = [np.ones(len(side.target)), side.target, side.target**2]
    for one in sums:
        predicted = side.values[:, list(one.columns)] @ one.weights + one.intercept
        columns.append((side.target - predicted) ** 2)
    _, cluster = np.unique(side.clusters, return_inverse=True)
    return cluster_sums(np.stack(columns, axis=1), cluster, int(cluster.max()) + 1)


def r2(table: Array) -> Array:
    """Of summed columns [..., tokens, target, its square, squared error, ...]."""
    total = table[..., 2] - table[..., 1] ** 2 / table[..., 0]
    return np.asarray(1 - table[..., 3] / np.where(total > 0, total, np.nan))
