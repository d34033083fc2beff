"""Train and test rows: 70 / 30, both classes alike, and no group of documents in both.

Also labels without meaning, for the null: tied together as the true ones are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discovery.probing.dataset import ProbingDataset

TEST_SHARE = 0.3
_TRIED = 200
_DEALS = 100
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

    Every group takes over the labels of another one, in their order, begun at a random place and
    stretched or cut to its own number of rows. So what ties labels together (one language a
    document, a comment's run of tokens) ties them under the null as well; shuffling single rows
    would make the null too narrow. Rows are in order of documents and places. Rows that were not
    used stay unused, and both parts keep both classes.
    """
    rng = np.random.default_rng([seed, 2])
    found = np.zeros_like(labels)
    for part in (test, ~test):
        rows = np.flatnonzero((labels != 0) & part)
        rows = rows[np.argsort(groups[rows], kind="stable")]
        found[rows] = _taken_over(labels[rows], groups[rows], rng)
    return found


def _taken_over(
    labels: NDArray[np.int8], groups: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int8]:
    """The labels of other groups; ``groups`` is sorted."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sizes = np.diff(np.append(starts, len(groups)))
    found = labels
    for _ in range(_DEALS):
        donors = rng.permutation(len(starts))
        turns = rng.random(len(starts))
        # Row i of n takes the place i / n of its donor's rows, turned by a random share of them.
        own = np.repeat(np.arange(len(starts)), sizes)
        share = (np.arange(len(labels)) - starts[own]) / sizes[own] + turns[own]
        place = np.floor(share * sizes[donors][own]).astype(np.int64) % sizes[donors][own]
        found = np.asarray(labels[starts[donors][own] + place], dtype=np.int8)
        if min((found == 1).sum(), (found == -1).sum()) >= LEAST_IN_TEST:
            return found
    dealt: NDArray[np.int8] = rng.permutation(labels)
    return dealt
