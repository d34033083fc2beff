"""Per-unit tables of windows: strongest, weakest, and a uniform sample of the active ones.

Each table is a matrix of sortable keys [units, size] (see :mod:`layout`), largest first, so joining
two tables is a top-k over their columns: exact, associative, and the same for one worker or many.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.evidence import SPLITS
from subjects.index.layout import (
    ABOVE_ZERO,
    N_BINS,
    NO_KEY,
    magnitude_bins,
    priority_keys,
    value_keys,
)

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

    def add(self, windows: ChunkMaxima) -> torch.Tensor:
        """Enter the windows of a chunk (all of this split, whole documents).

        Returns in how many of the documents each unit was above zero [units].
        """
        fires = windows.high > 0
        best = windows.per_document(value_keys(windows.high, windows.numbers))
        above = best >= ABOVE_ZERO
        signed = windows.low is not None
        self.top = merge(self.top, best if signed else torch.where(above, best, NO_KEY))
        if windows.low is not None:
            low = windows.per_document(value_keys(-windows.low, windows.numbers))
            self.bottom = merge(self.bottom, torch.where(low >= ABOVE_ZERO, low, NO_KEY))
        drawn = priority_keys(windows.priorities, windows.numbers)[:, None]
        self.active = merge(self.active, torch.where(fires, drawn, NO_KEY).T)
        width = fires.shape[1]
        cell = (magnitude_bins(windows.high) + 1) * fires
        cell += torch.arange(width, dtype=torch.int32, device=cell.device) * (N_BINS + 1)
        counts = torch.bincount(cell.reshape(-1), minlength=width * (N_BINS + 1))
        self.maxima += counts.reshape(width, N_BINS + 1)
        return above.sum(1)

    def fold(self, other: SplitTables) -> None:
        """Join the tables of later shards, in place."""
        self.top = merge(self.top, other.top)
        self.bottom = merge(self.bottom, other.bottom)
        self.active = merge(self.active, other.active)
        self.maxima = self.maxima + other.maxima

    def on_cpu(self) -> SplitTables:
        """The same tables in main memory."""
        return SplitTables(self.top.cpu(), self.bottom.cpu(), self.active.cpu(), self.maxima.cpu())

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
    """The extremes of a chunk's windows of one split: ``high`` and ``low`` [windows, units].

    ``low`` is None where the site is never negative. ``numbers`` and ``priorities`` [windows] name
    the windows; ``documents`` are slices of them.
    """

    high: torch.Tensor
    low: torch.Tensor | None
    numbers: torch.Tensor
    priorities: torch.Tensor
    documents: list[slice]

    def per_document(self, keys: torch.Tensor) -> torch.Tensor:
        """The largest key of each document: [units, documents]."""
        return torch.stack([keys[rows].amax(0) for rows in self.documents], dim=1)
