"""One random number a place, the same for every feature: what features share is read once.

A place's priority depends on its document's name, its offset and the seed alone, so it is the same
in every order of reading and for every feature. The lowest are drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.hashing import text_hash

Priorities = NDArray[np.uint64]


def priorities(document: str, offsets: NDArray[np.int64], seed: int) -> Priorities:
    """Priorities of places of a document (splitmix64 of the document's hash and the offset)."""
    base = np.uint64(text_hash("neuroscribe/probing/1", document, str(seed)))
    with np.errstate(over="ignore"):
        mixed = base + (offsets.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


class Pool:
    """The ``most`` places of lowest priority among all that were offered, in bounded memory.

    A place is a row of whole numbers, ``columns`` of them.
    """

    def __init__(self, most: int, columns: int) -> None:
        self.most = most
        self.seen = 0
        self._priorities: Priorities = np.empty(0, dtype=np.uint64)
        self._places: NDArray[np.int64] = np.empty((0, columns), dtype=np.int64)
        self._limit: int | None = None

    def offer(self, found: Priorities, places: NDArray[np.int64]) -> None:
        """Take up what is low enough; ``found`` [n], ``places`` [n, columns]."""
        self.seen += len(found)
        if self._limit is not None:
            low = found < np.uint64(self._limit)
            found, places = found[low], places[low]
        if not len(found):
            return
        self._priorities = np.concatenate([self._priorities, found])
        self._places = np.concatenate([self._places, places])
        if len(self._priorities) > 2 * self.most + 1024:
            self._shrink()

    def lowest(self, count: int | None = None) -> tuple[Priorities, NDArray[np.int64]]:
        """The ``count`` lowest (default: all that are kept), in their order."""
        self._shrink()
        end = len(self._priorities) if count is None else count
        return self._priorities[:end], self._places[:end]

    def _shrink(self) -> None:
        order = np.lexsort((*self._places.T[::-1], self._priorities))[: self.most]
        self._priorities, self._places = self._priorities[order], self._places[order]
        if len(self._priorities) == self.most and self.most:
            self._limit = int(self._priorities[-1])
