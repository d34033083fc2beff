"""Train and test rows: 70 / 30, both classes alike, and no group of documents in both.

Also labels without meaning, for the null: shuffled as the true ones are tied together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discovery.probing.dataset import ProbingDataset

TEST_SHARE = 0.3
_TRIED = 200
LEAST_IN_TEST = 5

Flags = NDArray[np.bool_]


def groups_of(dataset: ProbingDataset) -> NDArray[np.int64]:
    """The number of each row's group [rows]."""
    _, numbers = np.unique(np.array(dataset.groups, dtype=object), return_inverse=True)
    return np.asarray(numbers.reshape(-1)[dataset.row_documents], dtype=np.int64)


def test_rows(labels: NDArray[np.int8], groups: NDArray[np.int64], seed: int) -> Flags | None:
    """Which rows of one feature are for testing [rows]; None where its groups cannot be divided.

    Of random divisions of the groups the one is taken whose test part has most nearly 30 % of
    either class. Both parts must have at least 5 rows of either class.
    """
    used = np.flatnonzero(labels)
    if not len(used):
        return None
    names, inverse = np.unique(groups[used], return_inverse=True)
    counts = np.zeros((2, len(names)))
    for row, label in enumerate((1, -1)):
        np.add.at(counts[row], inverse[labels[used] == label], 1)
    totals = counts.sum(1)
    if len(names) < 2 or (totals < 2 * LEAST_IN_TEST).any():
        return None
    rng = np.random.default_rng([seed, 1])
    drawn = rng.random((_TRIED, len(names)))
    # Groups are taken in random order until 30 % of the rows are reached.
    order = np.argsort(drawn, axis=1)
    sizes = counts.sum(0)
    before = np.cumsum(sizes[order], axis=1) - sizes[order] / 2
    chosen = np.zeros_like(drawn, dtype=bool)
    np.put_along_axis(chosen, order, before <= TEST_SHARE * sizes.sum(), axis=1)
    in_test = chosen @ counts.T
    allowed = ((in_test >= LEAST_IN_TEST) & (totals - in_test >= LEAST_IN_TEST)).all(1)
    if not allowed.any():
        return None
    distance = np.abs(in_test / totals - TEST_SHARE).max(1)
    best = int(np.where(allowed, distance, np.inf).argmin())
    found = np.zeros(len(labels), dtype=bool)
    found[used] = chosen[best][inverse]
    return found


def shuffled(
    labels: NDArray[np.int8], groups: NDArray[np.int64], test: Flags, seed: int
) -> NDArray[np.int8]:
    """The labels of one feature dealt out anew, within train and within test.

    Where nearly every group has one label only (the language of a document), whole groups change
    labels; otherwise rows do. Rows that were not used stay unused.
    """
    rng = np.random.default_rng([seed, 2])
    found = np.zeros_like(labels)
    for part in (test, ~test):
        rows = np.flatnonzero((labels != 0) & part)
        if _tied(labels[rows], groups[rows]):
            found[rows] = _by_group(labels[rows], groups[rows], rng)
        else:
            found[rows] = rng.permutation(labels[rows])
    return found


def _tied(labels: NDArray[np.int8], groups: NDArray[np.int64]) -> bool:
    """Whether at least 90 % of the groups that have two rows or more hold one class."""
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros(len(names))
    np.add.at(sums, inverse, labels)
    several = sizes > 1
    return bool(several.any() and (np.abs(sums[several]) == sizes[several]).mean() >= 0.9)


def _by_group(
    labels: NDArray[np.int8], groups: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Groups in random order are positive until about as many rows are as were."""
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order] / 2
    positive = np.zeros(len(names), dtype=bool)
    positive[order] = before <= (labels == 1).sum()
    if positive.all() or not positive.any():
        positive[order[0]] = not positive[order[0]]
    return np.where(positive[inverse], 1, -1).astype(np.int8)
