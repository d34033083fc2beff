"""Values of all rows and the ranking of all neurons, read from the model once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from discovery.probing.activations import Part, Rows, read_rows
from discovery.probing.dataset import ProbingDataset
from discovery.probing.moments import Moments
from subjects.index.files import write_bytes
from subjects.protocol import Subject

_ROWS_AT_ONCE = 4096
_DONE = "read"


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the model, or ``folder``, where an earlier run has put them."""

    subject: Subject
    dataset: ProbingDataset
    sites: tuple[str, ...]
    folder: Path | None = None

    def read(self, labels: NDArray[np.int8], told: Callable[[int], None]) -> tuple[Rows, Moments]:
        """All rows, and the moments of ``labels`` [rows, tasks] (1, -1, 0: not counted)."""
        moments = Moments(labels, self.sites)
        kept = self._kept()
        if kept is not None:
            for part in _stored(kept, self.sites, len(self.dataset.rows)):
                moments.add(part)
            return kept, moments
        rows = read_rows(
            self.subject, self.dataset, self.sites, folder=self.folder, each=moments.add, told=told
        )
        if self.folder is not None:
            write_bytes(self.folder / _DONE, b"")
            rows = Rows.opened(self.folder, self.sites)
        return rows, moments

    def _kept(self) -> Rows | None:
        if self.folder is None or not (self.folder / _DONE).exists():
            return None
        try:
            rows = Rows.opened(self.folder, self.sites)
        except (OSError, ValueError):
            return None
        n = len(self.dataset.rows)
        return rows if all(len(array) == n for array in rows.arrays.values()) else None


def _stored(rows: Rows, sites: Sequence[str], n: int) -> Iterator[Part]:
    for begin in range(0, n, _ROWS_AT_ONCE):
        numbers = np.arange(begin, min(begin + _ROWS_AT_ONCE, n))
        values = {s: torch.from_numpy(np.array(rows.arrays[s][numbers])) for s in sites}
        yield Part(numbers, values)
