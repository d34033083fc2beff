"""What the index knows of one site, and how shards fold into it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.evidence import SPLITS
from subjects.index.layout import NO_KEY, key_windows
from subjects.index.sums import TokenSums, batch_sums
from subjects.index.tables import ChunkMaxima, SplitTables
from subjects.protocol import SiteInfo


@dataclass(slots=True)
class SiteState:
    """Token sums, per-split tables and the number of documents in which each unit fired."""

    sums: TokenSums
    splits: list[SplitTables]
    documents_active: torch.Tensor
    signed: bool

    @classmethod
    def empty(cls, site: SiteInfo, device: torch.device | str = "cpu") -> SiteState:
        """Nothing seen yet."""
        signed = not site.non_negative
        return cls(
            sums=TokenSums.empty(site.width, signed, device),
            splits=[SplitTables.empty(site.width, s, signed, device) for s in range(len(SPLITS))],
            documents_active=torch.zeros(site.width, dtype=torch.int64, device=device),
            signed=signed,
        )

    def add_batch(
        self, values: torch.Tensor, first: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Enter a batch [windows, tokens, units] that begins with window number ``first``.

        Returns its windows' maxima and, where the site is signed, minima: each [windows, units].
        """
        high = values.amax(1)
        low = values.amin(1) if self.signed else None
        self.sums.fold(batch_sums(values, high, low, first))
        return high, low

    def add_chunk(self, split: int, windows: ChunkMaxima) -> None:
        """Enter the window extremes of whole documents of one split."""
        self.documents_active += self.splits[split].add(windows)

    def fold(self, later: SiteState) -> None:
        """Join the state of the next shard, in place. Call in shard order."""
        self.sums.fold(later.sums)
        for mine, theirs in zip(self.splits, later.splits, strict=True):
            mine.fold(theirs)
        self.documents_active += later.documents_active

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything as named tensors for a safetensors file."""
        held = self.sums.tensors("sums.")
        for split, tables in enumerate(self.splits):
            held |= tables.tensors(split)
        held["documents_active"] = self.documents_active.cpu().contiguous()
        return held

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], site: SiteInfo) -> SiteState:
        """The inverse of :meth:`tensors`."""
        return cls(
            sums=TokenSums.from_tensors(tensors, "sums."),
            splits=[SplitTables.from_tensors(tensors, s) for s in range(len(SPLITS))],
            documents_active=tensors["documents_active"],
            signed=not site.non_negative,
        )

    def on_cpu(self) -> SiteState:
        """The same state in main memory, where shards are folded."""
        return SiteState(
            TokenSums.from_tensors(self.sums.tensors(""), ""),
            [tables.on_cpu() for tables in self.splits],
            self.documents_active.cpu(),
            self.signed,
        )

    def windows_held(self) -> torch.Tensor:
        """The numbers of every window that any table names, sorted."""
        keys = [t for s in self.splits for t in (s.top, s.bottom, s.active)]
        flat = torch.cat([k.reshape(-1) for k in keys])
        held: torch.Tensor = torch.unique(key_windows(flat[flat != NO_KEY]))
        return held
