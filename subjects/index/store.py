"""The kept windows of an index: token IDs, document, offset and split of each window by number."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from core.evidence import SPLITS
from subjects.index.layout import window_number
from subjects.index.windows import DocumentWindows

RANDOM = (512, 512, 1024)


@dataclass(slots=True)
class WindowStore:
    """Columns sorted by window number. ``documents[document[i]]`` is row i's document ID.

    ``random[s]`` are the numbers of split s's windows of lowest priority: the uniform sample that
    all units of the index share.
    """

    length: int
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ids: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))
    offsets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    priorities: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    split: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    document: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    documents: list[str] = field(default_factory=list)
    random: list[NDArray[np.int64]] = field(
        default_factory=lambda: [np.empty(0, np.int64) for _ in SPLITS]
    )

    def __post_init__(self) -> None:
        if not self.ids.size:
            self.ids = np.empty((0, self.length), np.int32)

    def add(self, shard: int, cuts: list[DocumentWindows]) -> None:
        """Append a shard's windows (in document order) and redraw the shared random samples."""
        cuts = [c for c in cuts if len(c.ids)]
        if not cuts:
            return
        sizes = [len(c.ids) for c in cuts]
        first = window_number(shard, 0)
        known = len(self.documents)
        self.documents += [c.id for c in cuts]
        self.numbers = np.concatenate([self.numbers, first + np.arange(sum(sizes))])
        self.ids = np.concatenate([self.ids, *(c.ids.astype(np.int32) for c in cuts)])
        self.offsets = np.concatenate([self.offsets, *(c.offsets for c in cuts)])
        self.priorities = np.concatenate([self.priorities, *(c.priorities for c in cuts)])
        self.split = np.concatenate([self.split, np.repeat([c.split for c in cuts], sizes)])
        self.document = np.concatenate(
            [self.document, known + np.repeat(np.arange(len(cuts)), sizes)]
        )
        for s, size in enumerate(RANDOM):
            rows = np.flatnonzero(self.split == s)
            drawn = rows[np.lexsort((self.numbers[rows], self.priorities[rows]))[:size]]
            self.random[s] = self.numbers[drawn]

    def keep(self, numbers: NDArray[np.int64]) -> None:
        """Drop every window that is neither in ``numbers`` nor in a random sample."""
        wanted = np.union1d(numbers, np.concatenate(self.random))
        rows = np.flatnonzero(np.isin(self.numbers, wanted, assume_unique=True))
        used, self.document = np.unique(self.document[rows], return_inverse=True)
        self.documents = [self.documents[int(d)] for d in used]
        self.numbers, self.ids = self.numbers[rows], self.ids[rows]
        self.offsets, self.priorities = self.offsets[rows], self.priorities[rows]
        self.split = self.split[rows]

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row positions of window ``numbers``; every one must be kept."""
        rows = np.searchsorted(self.numbers, numbers)
        if not np.isin(numbers, self.numbers).all():
            raise KeyError("a window is not kept")
        return rows.astype(np.int64)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything but the document names, as named tensors."""
        held = {
            name: torch.from_numpy(np.ascontiguousarray(getattr(self, name)))
            for name in ("numbers", "ids", "offsets", "priorities", "split", "document")
        }
        for s, numbers in enumerate(self.random):
            held[f"random.{SPLITS[s]}"] = torch.from_numpy(np.ascontiguousarray(numbers))
        return held

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], documents: list[str]) -> WindowStore:
        """The inverse of :meth:`tensors`."""
        held = {name: value.numpy() for name, value in tensors.items()}
        random = [held.pop(f"random.{split}") for split in SPLITS]
        return cls(length=held["ids"].shape[1], documents=documents, random=random, **held)
