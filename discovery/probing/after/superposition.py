"""Compound words in superposition: the sum of several neurons against the best single one.

Each neuron fires on much else, but hardly two of them on the same, so their sum tells the compound
from all other text (Gurnee et al. 2023, figure 2b). Units are chosen on some documents and measured
on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discovery.probing.after.reading import random_units, read_tokens, summarise
from discovery.probing.after.records import CompoundSum, Separation
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.results import Measured
from discovery.probing.statistics import (
    Array,
    Ints,
    auroc,
    auroc_interval,
    ratio_interval,
    reached,
)
from subjects.protocol import Subject

COMPOUND, NEAR, OTHER = 1, 0, -1
_MOST_UNITS = 5
_DRAWS = 20
_TRAIN = 0.5
_LEAST_ROWS = 10


@dataclass(frozen=True, slots=True)
class CompoundRows:
    """Activations on compounds and beside them.

    ``values`` [rows, units]; ``kind`` [rows]: 1 the compound, 0 a row with one of its words, -1
    other text; ``clusters`` [rows]; ``train`` [rows] marks those that units are chosen on, which
    share no cluster with the others.
    """

    values: NDArray[np.float32]
    kind: NDArray[np.int8]
    clusters: Ints
    train: NDArray[np.bool_]


def compound_sum(
    subject: Subject,
    site: str,
    units: Sequence[int],
    compounds: LabelledWindows,
    other: LabelledWindows,
    *,
    most: int = _MOST_UNITS,
    draws: int = _DRAWS,
    seed: int = 0,
) -> CompoundSum:
    """:func:`compound_sum_of` for ``units``, read on windows.

    ``compounds`` has the compound's tokens in the context and those of XZ and WY out of it;
    ``other`` is any text of other documents, of which tokens out of the context are used.
    """
    return compound_sum_between(
        subject,
        site,
        units,
        compounds.divided(_TRAIN, seed),
        other.divided(_TRAIN, seed + 1),
        most=most,
        draws=draws,
        seed=seed,
    )


def compound_sum_between(
    subject: Subject,
    site: str,
    units: Sequence[int],
    compounds: tuple[LabelledWindows, LabelledWindows],
    other: tuple[LabelledWindows, LabelledWindows],
    *,
    most: int = _MOST_UNITS,
    draws: int = _DRAWS,
    seed: int = 0,
) -> CompoundSum:
    """:func:`compound_sum` with train and test windows given, which share no cluster.

    What there is of other text is 0 windows or more; which units are live is read on train.
    """
    (train_near, test_near), (train_other, test_other) = compounds, other
    live = summarise(subject, site, train_other).live
    sets = random_units(live, list(units)[:most], draws, seed)
    extra = [] if sets is None else sorted(set(sets.ravel().tolist()) - set(units))
    every = [*units, *extra]
    blocks = []
    shift = max(int(part.clusters.max(initial=-1)) for part in compounds) + 1
    for windows, kinds, offset, train in (
        (train_near, (COMPOUND, NEAR), 0, True),
        (test_near, (COMPOUND, NEAR), 0, False),
        (train_other, (None, OTHER), shift, True),
        (test_other, (None, OTHER), shift, False),
    ):
        tokens = read_tokens(subject, site, every, windows)
        kept = ~tokens.inside if kinds[0] is None else np.ones(len(tokens.inside), dtype=np.bool_)
        kind = np.where(tokens.inside[kept], COMPOUND, kinds[1]).astype(np.int8)
        blocks.append(
            (
                tokens.values[kept],
                kind,
                tokens.clusters[kept] + offset,
                np.full(len(kind), train, dtype=np.bool_),
            )
        )
    values, kind, clusters, train_rows = (
        np.concatenate(part) for part in zip(*blocks, strict=True)
    )
    rows = CompoundRows(values, kind, clusters, train_rows)
    place = {unit: column for column, unit in enumerate(every)}
    null = [] if sets is None else [[place[unit] for unit in one] for one in sets.tolist()]
    return compound_sum_of(rows, site, units, null, most=most, seed=seed, of=test_other.over)


def compound_sum_of(
    rows: CompoundRows,
    site: str,
    units: Sequence[int],
    null: Sequence[Sequence[int]] = (),
    *,
    most: int = _MOST_UNITS,
    seed: int = 0,
    of: str = "documents",
) -> CompoundSum:
    """The best of ``units`` (first columns of values) alone, and the best sum of up to ``most``.

    Both are chosen on train rows by AUROC against the two kinds of negatives weighted alike; the
    sum grows by the unit that adds most until none does. ``null`` are sets of columns of random
    units, of which as many are summed. Fewer than ten rows of a kind in train or test get a reason.
    """
    test = ~rows.train
    for part in (rows.train, test):
        for kind in (COMPOUND, NEAR, OTHER):
            if int((rows.kind[part] == kind).sum()) < _LEAST_ROWS:
                return _nothing(rows, site, f"fewer than {_LEAST_ROWS} rows of a kind")
    chosen = _chosen(rows, len(units), most)
    single = rows.values[:, chosen[0]].astype(np.float64)
    summed = rows.values[:, chosen].sum(1, dtype=np.float64)
    gain = auroc_interval(
        [summed[test], single[test]],
        rows.kind[test] == COMPOUND,
        rows.clusters[test],
        seed,
        weights=_weights(rows.kind[test]),
        of=of,
    )
    kinds = rows.kind[test]
    others = tuple(
        _auroc(rows.values[test][:, list(one)[: len(chosen)]].sum(1, dtype=np.float64), kinds)
        for one in null
    )
    both = _auroc(summed[test], kinds)
    return CompoundSum(
        site=site,
        positives=int((rows.kind == COMPOUND).sum()),
        near=int((rows.kind == NEAR).sum()),
        other=int((rows.kind == OTHER).sum()),
        single=_separation(rows, single, [units[chosen[0]]], seed, of),
        summed=_separation(rows, summed, [units[c] for c in chosen], seed, of),
        gain=gain,
        null=others,
        p=reached(both, others) if others else None,
    )


def _chosen(rows: CompoundRows, count: int, most: int) -> list[int]:
    """Columns of the sum, the best single one first."""
    values = rows.values[rows.train].astype(np.float64)
    kinds = rows.kind[rows.train]
    chosen: list[int] = []
    total, reach = np.zeros(len(values)), -np.inf
    while len(chosen) < min(most, count):
        left = [column for column in range(count) if column not in chosen]
        found = [_auroc(total + values[:, column], kinds) for column in left]
        best = int(np.argmax(found))
        if found[best] <= reach:
            break
        chosen.append(left[best])
        total, reach = total + values[:, left[best]], found[best]
    return chosen


def _weights(kinds: NDArray[np.int8]) -> Array:
    """Weight of each row such that near and other negatives count alike."""
    near, other = (kinds == NEAR), (kinds == OTHER)
    weights = np.ones(len(kinds))
    weights[near], weights[other] = 1 / near.sum(), 1 / other.sum()
    return weights


def _auroc(scores: Array, kinds: NDArray[np.int8]) -> float:
    return float(auroc(scores, kinds == COMPOUND, _weights(kinds)[None])[0])


def _separation(
    rows: CompoundRows, scores: Array, units: Sequence[int], seed: int, of: str
) -> Separation:
    test = ~rows.train
    kinds, clusters, tested = rows.kind[test], rows.clusters[test], scores[test]
    threshold = float(scores[rows.train & (rows.kind != COMPOUND)].max())

    def against(kind: int) -> Measured:
        used = (kinds == COMPOUND) | (kinds == kind)
        return auroc_interval([tested[used]], kinds[used] == COMPOUND, clusters[used], seed, of=of)

    def above(used: NDArray[np.bool_]) -> Measured:
        _, cluster = np.unique(clusters[used], return_inverse=True)
        passed = tested[used] > threshold
        return ratio_interval(passed, np.ones(len(passed)), cluster, seed, of=of, share=True)

    return Separation(
        units=tuple(units),
        near=against(NEAR),
        other=against(OTHER),
        everything=auroc_interval(
            [tested], kinds == COMPOUND, clusters, seed, weights=_weights(kinds), of=of
        ),
        threshold=threshold,
        recall=above(kinds == COMPOUND),
        false_positives=above(kinds != COMPOUND),
    )


def _nothing(rows: CompoundRows, site: str, reason: str) -> CompoundSum:
    return CompoundSum(
        site=site,
        positives=int((rows.kind == COMPOUND).sum()),
        near=int((rows.kind == NEAR).sum()),
        other=int((rows.kind == OTHER).sum()),
        single=None,
        summed=None,
        gain=Measured(value=None, reason=reason),
        reason=reason,
    )
