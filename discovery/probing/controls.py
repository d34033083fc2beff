"""What labels give away without the model: the token alone, the place alone, always yes.

A probe that does no better than its token says nothing about context, and one that does no better
than the place in the window says nothing at all. Both controls are naive Bayes over what stands
in a row, fitted on training rows with classes in equal weight and read on test rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discovery.probing.dataset import ProbingDataset
from discovery.probing.metrics import Resamples, Scored, f1_of
from discovery.probing.results import Controls, Measured

_SMOOTHING = 0.5
LEAK = 0.1
"""How far above always-yes a position-only control may come before it is called a leak."""
_EDGES = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384, 65536])


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in some rows of a dataset, so that the rest of it need not be sent along.

    Attributes:
        tokens: IDs of the first row's tokens, then of the second's, and so on.
        places: [rows, 4]: place in the window, tokens of the row, tokens of the window, place of
            the window in the document.
        vocabulary: One more than the largest ID of the whole dataset.
        documents: How many the rows are from.
    """

    tokens: NDArray[np.int32]
    places: NDArray[np.int32]
    vocabulary: int
    documents: int

    @classmethod
    def of(cls, dataset: ProbingDataset, labels: NDArray[np.int8]) -> Given:
        """Of the rows that ``labels`` [rows of the dataset] use."""
        used = np.flatnonzero(labels)
        _, windows, tokens = dataset.tokens_of(used)
        window, first, stop = dataset.rows[used].T
        places = (first, stop - first, dataset.lengths[window], dataset.offsets[window])
        return cls(
            dataset.ids[windows, tokens],
            np.stack(places, axis=1),
            int(dataset.ids.max(initial=0)) + 1,
            len(np.unique(dataset.documents[window])),
        )


@dataclass(frozen=True, slots=True)
class _Bags:
    """Categories of each row, flat: row of each entry and its category."""

    rows: NDArray[np.int64]
    categories: NDArray[np.int64]
    size: int


def controls(
    given: Given,
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    test: NDArray[np.bool_],
    seed: int,
) -> Controls:
    """Controls of one feature: ``given`` is of the rows that it uses; ``labels``, ``groups`` and
    ``test`` are [rows] of the whole dataset."""
    used = np.flatnonzero(labels)
    in_test = used[test[used]]
    drawn = Resamples(groups[in_test], seed)
    position = _f1(_place_bags(given), labels[used], test[used], drawn)
    token = _f1(_token_bags(given), labels[used], test[used], drawn)
    majority = f1_of(Scored(labels[in_test] == 1, np.ones(len(in_test)), drawn))
    return Controls(
        token=token,
        position=position,
        majority=majority,
        warnings=_warnings(position, majority),
    )


def _warnings(position: Measured, majority: Measured) -> tuple[str, ...]:
    if position.value is None or majority.value is None:
        return ()
    low = position.value if position.low is None else position.low
    if low > majority.value + LEAK:
        return (
            f"the place in the text alone gives F1 {position.value:.2f} "
            f"(always yes: {majority.value:.2f}): labels leak through position or length",
        )
    return ()


def _token_bags(given: Given) -> _Bags:
    rows = np.repeat(np.arange(len(given.places)), given.places[:, 1])
    return _Bags(rows, given.tokens.astype(np.int64), given.vocabulary)


def _place_bags(given: Given) -> _Bags:
    """The four columns of the places, binned."""
    bins = np.searchsorted(_EDGES, given.places.T, side="right")
    width = len(_EDGES) + 1
    categories = (np.arange(len(bins))[:, None] * width + bins).reshape(-1)
    return _Bags(np.tile(np.arange(len(given.places)), len(bins)), categories, width * len(bins))


def _f1(
    bags: _Bags, labels: NDArray[np.int8], test: NDArray[np.bool_], drawn: Resamples
) -> Measured:
    """Naive Bayes fitted on training rows, its F1 on test rows."""
    counts = np.full((2, bags.size), _SMOOTHING)
    for row, label in enumerate((1, -1)):
        of_class = (labels == label) & ~test
        np.add.at(counts[row], bags.categories[of_class[bags.rows]], 1.0)
    # A category that training rows lack says nothing, so its log-odds are those of no evidence.
    rates = counts / counts.sum(1, keepdims=True)
    seen = (counts > _SMOOTHING).any(0)
    odds = np.where(seen, np.log(rates[0] / rates[1]), 0.0)
    margin = np.zeros(len(labels))
    np.add.at(margin, bags.rows, odds[bags.categories])
    return f1_of(Scored(labels[test] == 1, margin[test], drawn))
