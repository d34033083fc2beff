"""Per-unit tables of windows: strongest, weakest, and a uniform sample of the active ones.

Each table is a matrix of sortable keys [units, size] (see :mod:`layout`), largest first, so joining
two tables is a top-k over their columns: exact, associative, and the same for one worker or many.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.evidence import SPLITS
from subjects.index.layout import N_BINS, NO_KEY, magnitude_bins, priority_keys, value_keys

TOP = (20, 10, 10)
BOTTOM = (20, 10, 10)
ACTIVE = (48, 32, 32)


def merge(table: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The ``table.shape[1]`` largest of both, descending; ``columns`` is [units, any]."""
    both = torch.cat([table, columns], dim=1)
    return both.topk(table.shape[1], dim=1, sorted=True).values


@dataclass(slots=True)
class SplitTables:
    """One site's windows of one split.

    ``top``/``bottom``/``active`` are key tables; ``maxima`` [units, N_BINS + 1] is the histogram of
    window maxima, cell 0 for windows whose maximum is zero or less.
    """

    top: torch.Tensor
    bottom: torch.Tensor
    active: torch.Tensor
    maxima: torch.Tensor

    @classmethod
    def empty(cls, width: int, split: int, signed: bool, device: torch.device | str) -> SplitTables:
        """Tables without windows; sites that are never negative get no bottom."""

        def table(size: int) -> torch.Tensor:
            return torch.full((width, size), NO_KEY, dtype=torch.int64, device=device)

        return cls(
            top=table(TOP[split]),
            bottom=table(BOTTOM[split] if signed else 0),
            active=table(ACTIVE[split]),
            maxima=torch.zeros((width, N_BINS + 1), dtype=torch.int64, device=device),
        )

    def add(self, windows: ChunkMaxima) -> None:
        """Enter the windows of a chunk (all of this split, whole documents)."""
        keys = value_keys(windows.high, windows.numbers)
        keys = torch.where(windows.high > 0, keys, NO_KEY) if not windows.signed else keys
        self.top = merge(self.top, windows.per_document(keys))
        if windows.signed:
            low = value_keys(-windows.low, windows.numbers)
            low = torch.where(windows.low < 0, low, NO_KEY)
            self.bottom = merge(self.bottom, windows.per_document(low))
        fires = windows.high > 0
        drawn = priority_keys(windows.priorities, windows.numbers)[:, None]
        self.active = merge(self.active, torch.where(fires, drawn, NO_KEY).T)
        width = windows.high.shape[1]
        cell = torch.where(fires, magnitude_bins(windows.high) + 1, 0)
        cell = cell + torch.arange(width, device=cell.device) * (N_BINS + 1)
        self.maxima += torch.bincount(cell.reshape(-1), minlength=width * (N_BINS + 1)).reshape(
            width, N_BINS + 1
        )

    def fold(self, other: SplitTables) -> None:
        """Join the tables of later shards, in place."""
        self.top = merge(self.top, other.top)
        self.bottom = merge(self.bottom, other.bottom)
        self.active = merge(self.active, other.active)
        self.maxima = self.maxima + other.maxima

    def tensors(self, split: int) -> dict[str, torch.Tensor]:
        """Everything as named tensors."""
        prefix = f"{SPLITS[split]}."
        return {
            prefix + "top": self.top.cpu().contiguous(),
            prefix + "bottom": self.bottom.cpu().contiguous(),
            prefix + "active": self.active.cpu().contiguous(),
            prefix + "maxima": self.maxima.cpu().to(torch.int32).contiguous(),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], split: int) -> SplitTables:
        """The inverse of :meth:`tensors`."""
        prefix = f"{SPLITS[split]}."
        return cls(
            top=tensors[prefix + "top"],
            bottom=tensors[prefix + "bottom"],
            active=tensors[prefix + "active"],
            maxima=tensors[prefix + "maxima"].long(),
        )


@dataclass(frozen=True, slots=True)
class ChunkMaxima:
    """The extremes of a chunk's windows of one split: ``high``/``low`` [windows, units].

    ``numbers`` and ``priorities`` [windows] name the windows; ``documents`` are slices of them.
    """

    high: torch.Tensor
    low: torch.Tensor
    numbers: torch.Tensor
    priorities: torch.Tensor
    documents: list[slice]
    signed: bool

    def per_document(self, keys: torch.Tensor) -> torch.Tensor:
        """The largest key of each document: [units, documents]."""
        return torch.stack([keys[rows].amax(0) for rows in self.documents], dim=1)

    def documents_active(self) -> torch.Tensor:
        """In how many of the documents each unit was above zero [units]."""
        fires = self.high > 0
        return torch.stack([fires[rows].any(0) for rows in self.documents]).sum(0)
