"""From one shard of documents to its sums and tables: the unit of work of a collection.

:class:`ShardWork` is all that a process with the subject needs, so that shards can be collected
here or anywhere (:class:`Shards`); they are folded in order of their numbers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from core.errors import SubjectError
from core.evidence import SPLITS
from subjects.corpora.document import Document
from subjects.index.layout import window_number
from subjects.index.state import SiteState
from subjects.index.tables import ChunkMaxima
from subjects.index.windows import DocumentWindows, chunks, cut
from subjects.protocol import SiteInfo, Subject

CHUNK_WINDOWS = 256
_BATCH_BYTES = 256 << 20


@dataclass(slots=True)
class ShardResult:
    """What one shard adds: states by site, and the cut documents they came from."""

    number: int
    states: dict[str, SiteState]
    cuts: list[DocumentWindows]


@dataclass(frozen=True, slots=True)
class ShardWork:
    """One shard to be collected: its number, its documents, and what is wanted of them."""

    number: int
    documents: list[Document]
    sites: list[SiteInfo]
    window: int
    per_document: int

    def __str__(self) -> str:
        first, last = self.documents[0].id, self.documents[-1].id
        return f"shard {self.number} (documents {first!r} to {last!r})"

    def run(self, subject: Subject) -> ShardResult:
        """Tokenise, cut and collect."""
        cuts = [cut(d, subject, self.window, self.per_document) for d in self.documents]
        return collect_shard(subject, self.sites, self.number, cuts)


class Shards(Protocol):
    """Who collects the shards. Which one does must not change a bit of what it gives."""

    def results(self, subject: Subject, work: Iterator[ShardWork]) -> Generator[ShardResult]:
        """The results of ``work`` on ``subject``, in its order.

        At most a fixed number of shards is taken from ``work`` before their results are wanted.
        What ``work`` raises is raised after the results of all that it gave.
        """
        ...


class InProcess:
    """Shard after shard, in this process."""

    def results(self, subject: Subject, work: Iterator[ShardWork]) -> Generator[ShardResult]:
        """See :class:`Shards`; nothing is taken ahead."""
        for shard in work:
            yield shard.run(subject)


def batch_windows(sites: list[SiteInfo], length: int) -> int:
    """Windows a forward pass: at most 32, fewer where their activations would exceed 256 MiB."""
    row = length * 4 * sum(site.width for site in sites)
    return max(1, min(32, _BATCH_BYTES // row))


def collect_shard(
    subject: Subject, sites: list[SiteInfo], number: int, cuts: list[DocumentWindows]
) -> ShardResult:
    """Run the subject over a shard's windows and keep what the index needs of every site.

    Depends on nothing but the subject and the documents: shards may be collected anywhere, in any
    order, and folded in order of ``number``.
    """
    states: dict[str, SiteState] = {}
    position = 0
    for chunk in chunks(cuts, CHUNK_WINDOWS):
        size = sum(len(windows.ids) for windows in chunk)
        first = window_number(number, position)
        position += size
        _collect_chunk(subject, sites, states, chunk, first)
    return ShardResult(number, {name: state.on_cpu() for name, state in states.items()}, cuts)


def _collect_chunk(
    subject: Subject,
    sites: list[SiteInfo],
    states: dict[str, SiteState],
    chunk: list[DocumentWindows],
    first: int,
) -> None:
    ids = np.concatenate([windows.ids for windows in chunk])
    highs: dict[str, list[torch.Tensor]] = {site.name: [] for site in sites}
    lows: dict[str, list[torch.Tensor]] = {site.name: [] for site in sites}
    names = [site.name for site in sites]
    step = batch_windows(sites, ids.shape[1])
    for start in range(0, len(ids), step):
        values = subject.activations(subject.batch(ids[start : start + step]), names)

        for site in sites:
            value = values.pop(site.name)
            if site.name not in states:
                states[site.name] = SiteState.empty(site, value.device)
            high, low = states[site.name].add_batch(value, first + start)
            highs[site.name].append(high)
            if low is not None:
                lows[site.name].append(low)
    priorities = torch.from_numpy(np.concatenate([windows.priorities for windows in chunk]))
    splits = list(_by_split(chunk))
    for site in sites:
        high = _finite(torch.cat(highs[site.name]), site, chunk)
        low = _finite(torch.cat(lows[site.name]), site, chunk) if lows[site.name] else None
        for split, rows, documents in splits:
            here = rows.to(high.device)
            windows = ChunkMaxima(
                high=high[here],
                low=None if low is None else low[here],
                numbers=first + here,
                priorities=priorities[rows].to(high.device),
                documents=documents,
            )
            states[site.name].add_chunk(split, windows)


def _finite(extremes: torch.Tensor, site: SiteInfo, chunk: list[DocumentWindows]) -> torch.Tensor:
    """``extremes``, which show every infinity and NaN of their windows, unless there are any.

    The error names the first unit and excerpt that are concerned.
    """
    bad = ~torch.isfinite(extremes)
    if not bad.any():
        return extremes
    row, unit = bad.nonzero()[0].tolist()
    for windows in chunk:
        if row < len(windows.ids):
            break
        row -= len(windows.ids)
    raise SubjectError(
        f"unit {unit} of site {site.name!r} gave a value that is no number (infinite or NaN) in "
        f"window {row + 1} of document {windows.id!r}",
        "run the model in float32 or bfloat16",
    )


def _by_split(chunk: list[DocumentWindows]) -> Iterator[tuple[int, torch.Tensor, list[slice]]]:
    """For each split present: its rows of the chunk, and its documents as slices of those rows."""
    starts = np.cumsum([0, *(len(windows.ids) for windows in chunk)])
    for split in range(len(SPLITS)):
        rows: list[torch.Tensor] = []
        documents: list[slice] = []
        at = 0
        for start, windows in zip(starts, chunk, strict=False):
            if windows.split != split:
                continue
            size = len(windows.ids)
            rows.append(torch.arange(int(start), int(start) + size))
            documents.append(slice(at, at + size))
            at += size
        if rows:
            yield split, torch.cat(rows), documents
