"""Whether the units of one probe share a feature out among them, or say it together.

A union: each fires on other positives, and coverage adds up. Superposition: they fire together on
the positives while each alone fires on much else (Gurnee et al. 2023, section 5.1). Chance is
shuffling each unit's column among the positives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from discovery.probing.after.reading import read_tokens
from discovery.probing.after.records import Cooccurrence, Covered, Pair
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.results import Measured
from discovery.probing.statistics import Array, Flags, Ints, cluster_sums, figure, ratio_interval
from subjects.protocol import Subject

_SHUFFLES = 200
_MOST_POSITIVES = 10_000
_LEAST_POSITIVES = 20
_ADDS = 0.1
_TOGETHER = 0.2
_POLYSEMANTIC = 0.9
_BETTER = 0.05
RULE = (
    f"union: mean phi not above shuffles (97.5 %) and all units cover {_ADDS:g} more than the "
    f"best one; superposition: mean phi above shuffles and at least {_TOGETHER:g}, no unit's "
    f"precision above {_POLYSEMANTIC:g}, and precision where all fire {_BETTER:g} above the best "
    "unit's; undecided otherwise"
)

Reading = Literal["union", "superposition", "undecided"]


@dataclass(frozen=True, slots=True)
class Firing:
    """Which rows a unit fires on: above ``thresholds`` [units], or below where not ``above``."""

    thresholds: Array
    above: Flags

    def of(self, values: NDArray[np.float32]) -> Flags:
        """[rows, units] of values [rows, units]."""
        return np.where(self.above, values > self.thresholds, values < self.thresholds)


def firing(values: NDArray[np.float32], positive: Flags) -> Firing:
    """Of each unit the threshold, and the side of it, with the largest |TPR - FPR|.

    ``values`` are [rows, units], ``positive`` [rows] with rows of both classes.
    """
    step = np.where(positive, 1 / positive.sum(), -1 / (~positive).sum())
    thresholds, above = [], []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order].astype(np.float64)
        lead = np.cumsum(step[order])  # FPR - TPR of "above", were the threshold here
        last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], False])
        if not len(last):  # the same value everywhere: it never fires
            thresholds.append(ordered[0])
            above.append(True)
            continue
        best = last[np.argmax(np.abs(lead[last]))]
        thresholds.append((ordered[best] + ordered[best + 1]) / 2)
        above.append(bool(lead[best] < 0))
    return Firing(np.array(thresholds), np.array(above, dtype=np.bool_))


def cooccurrence(
    subject: Subject,
    site: str,
    units: Sequence[int],
    windows: LabelledWindows,
    *,
    shuffles: int = _SHUFFLES,
    seed: int = 0,
) -> Cooccurrence:
    """:func:`cooccurrence_of` for the labelled tokens of windows."""
    tokens = read_tokens(subject, site, units, windows)
    return cooccurrence_of(
        tokens.values,
        tokens.inside,
        tokens.clusters,
        site,
        units,
        shuffles=shuffles,
        seed=seed,
        of=windows.over,
    )


def cooccurrence_of(
    values: NDArray[np.float32],
    positive: Flags,
    clusters: Ints,
    site: str,
    units: Sequence[int],
    *,
    shuffles: int = _SHUFFLES,
    seed: int = 0,
    of: str = "documents",
) -> Cooccurrence:
    """Pairs, coverage and a reading by :data:`RULE`, for values [rows, units].

    Of more than 10,000 positives as many are drawn. One unit, or fewer than 20 rows of a class,
    get a reason.
    """
    counts = int(positive.sum()), int((~positive).sum())
    if len(units) < 2:
        return _nothing(site, units, counts, "one unit does not occur together with others")
    if min(counts) < _LEAST_POSITIVES:
        return _nothing(site, units, counts, f"fewer than {_LEAST_POSITIVES} rows of a class")
    generator = np.random.default_rng(seed)
    rule = firing(values, positive)
    fires, outside = rule.of(values[positive]), rule.of(values[~positive])
    of_positive = clusters[positive]
    if len(fires) > _MOST_POSITIVES:
        drawn = np.sort(generator.permutation(len(fires))[:_MOST_POSITIVES])
        fires, of_positive = fires[drawn], of_positive[drawn]
    _, cluster = np.unique(of_positive, return_inverse=True)
    null = np.stack(
        [_phis(generator.permuted(fires, axis=0)) for _ in range(shuffles)]
    )  # [shuffles, pairs], NaN where a unit fires always or never
    pairs = list(combinations(range(len(units)), 2))
    mean_phi = _mean_phi(fires, cluster, pairs, seed, of)
    ends = np.quantile(np.nan_to_num(null).mean(1), [0.025, 0.975])
    precisions = _precisions(fires.mean(0), outside.mean(0))
    together = _precision_of_all(fires, outside, np.r_[of_positive, clusters[~positive]], seed, of)
    covered = _coverage(fires, rule, precisions, cluster, units, seed, of)
    return Cooccurrence(
        site=site,
        units=tuple(units),
        positives=counts[0],
        negatives=counts[1],
        shuffles=shuffles,
        pairs=tuple(
            _pair(fires, cluster, pair, null[:, number], units, seed, of)
            for number, pair in enumerate(pairs)
        ),
        coverage=covered,
        mean_phi=mean_phi,
        mean_phi_null=(float(ends[0]), float(ends[1])),
        all_precision=together,
        reading=_reading(mean_phi.value, float(ends[1]), covered, precisions, together.value),
        rule=RULE,
    )


def _phis(fires: Flags) -> Array:
    """φ of each pair of columns; NaN where one is constant."""
    counts = fires.astype(np.float64)
    joint, single, rows = counts.T @ counts, counts.sum(0), len(fires)
    spread = single * (rows - single)
    with np.errstate(all="ignore"):
        phi = (rows * joint - np.outer(single, single)) / np.sqrt(np.outer(spread, spread))
    return np.asarray(phi[np.triu_indices(len(single), 1)])


def _phi(sums: Array) -> Array:
    """φ of summed columns [..., 4]: rows, first, second, both."""
    rows, first, second, both = np.moveaxis(sums, -1, 0)
    spread = first * (rows - first) * second * (rows - second)
    return np.asarray(
        (rows * both - first * second) / np.sqrt(np.where(spread > 0, spread, np.nan))
    )


def _pair_columns(fires: Flags, pair: tuple[int, int]) -> Array:
    first, second = fires[:, pair[0]], fires[:, pair[1]]
    columns = np.stack([np.ones(len(fires)), first, second, first & second], axis=1)
    return columns.astype(np.float64)


def _pair(
    fires: Flags,
    cluster: Ints,
    pair: tuple[int, int],
    null: Array,
    units: Sequence[int],
    seed: int,
    of: str,
) -> Pair:
    sums = cluster_sums(_pair_columns(fires, pair), cluster, int(cluster.max()) + 1)
    rows, first, second, both = sums.sum(0)
    chance = first * second / rows
    known = null[np.isfinite(null)]
    return Pair(
        first=units[pair[0]],
        second=units[pair[1]],
        both=int(both),
        phi=figure(sums, _phi, seed, of=of, undefined="a unit fires on all positives or on none"),
        null_low=float(np.quantile(known, 0.025)) if len(known) else None,
        null_high=float(np.quantile(known, 0.975)) if len(known) else None,
        jaccard=_share(both, first + second - both),
        jaccard_by_chance=_share(chance, first + second - chance),
    )


def _mean_phi(
    fires: Flags, cluster: Ints, pairs: Sequence[tuple[int, int]], seed: int, of: str
) -> Measured:
    """Mean of φ over pairs; a pair with a constant unit counts as 0."""
    columns = np.concatenate([_pair_columns(fires, pair) for pair in pairs], axis=1)
    sums = cluster_sums(columns, cluster, int(cluster.max()) + 1)

    def compute(summed: Array) -> Array:
        phis = _phi(summed.reshape(*summed.shape[:-1], len(pairs), 4))
        return np.asarray(np.nan_to_num(phis).mean(-1))

    return figure(sums, compute, seed, of=of)


def _precisions(recalls: Array, alarms: Array) -> list[float | None]:
    return [_share(r, r + a) for r, a in zip(recalls.tolist(), alarms.tolist(), strict=True)]


def _precision_of_all(fires: Flags, outside: Flags, clusters: Ints, seed: int, of: str) -> Measured:
    """Precision where all units fire, both classes weighted alike, interval over clusters."""
    rows = np.r_[fires.all(1) / len(fires), outside.all(1) / len(outside)]
    inside = np.r_[np.ones(len(fires), dtype=np.bool_), np.zeros(len(outside), dtype=np.bool_)]
    _, cluster = np.unique(clusters, return_inverse=True)
    return ratio_interval(
        rows * inside, rows, cluster, seed, of=of, undefined="all units fire on no row", share=True
    )


def _coverage(
    fires: Flags,
    rule: Firing,
    precisions: Sequence[float | None],
    cluster: Ints,
    units: Sequence[int],
    seed: int,
    of: str,
) -> tuple[Covered, ...]:
    """Units in the order in which each covers most that is not covered yet."""
    covered = np.zeros(len(fires), dtype=np.bool_)
    missed, left, found = 1.0, list(range(len(units))), []
    recalls = fires.mean(0)
    while left:
        gains = [int((fires[:, unit] & ~covered).sum()) for unit in left]
        unit = left.pop(int(np.argmax(gains)))
        covered = covered | fires[:, unit]
        missed *= 1 - float(recalls[unit])  # shuffled columns are independent
        found.append(
            Covered(
                unit=units[unit],
                threshold=float(rule.thresholds[unit]),
                above=bool(rule.above[unit]),
                recall=float(recalls[unit]),
                precision=precisions[unit],
                coverage=ratio_interval(
                    covered, np.ones(len(covered)), cluster, seed, of=of, share=True
                ),
                by_chance=1 - missed,
            )
        )
    return tuple(found)


def _reading(
    phi: float | None,
    null_high: float,
    covered: Sequence[Covered],
    precisions: Sequence[float | None],
    together: float | None,
) -> Reading:
    all_of_them = covered[-1].coverage.value
    if phi is None or all_of_them is None:
        return "undecided"
    if phi <= null_high:
        adds = all_of_them - max(one.recall for one in covered) >= _ADDS
        return "union" if adds else "undecided"
    best = max((p for p in precisions if p is not None), default=1.0)
    better = together is not None and together - best >= _BETTER
    if phi >= _TOGETHER and best <= _POLYSEMANTIC and better:
        return "superposition"
    return "undecided"


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _nothing(site: str, units: Sequence[int], counts: tuple[int, int], reason: str) -> Cooccurrence:
    none = Measured(value=None, reason=reason)
    return Cooccurrence(
        site=site,
        units=tuple(units),
        positives=counts[0],
        negatives=counts[1],
        shuffles=0,
        pairs=(),
        coverage=(),
        mean_phi=none,
        mean_phi_null=None,
        all_precision=none,
        reading=None,
        rule=RULE,
        reason=reason,
    )
