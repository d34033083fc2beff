"""Values of all rows and the ranking of all neurons, read from the model once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from discovery.probing.activations import BATCH_BYTES, Part, Rows, read_rows
from discovery.probing.dataset import ProbingDataset
from discovery.probing.moments import Moments
from subjects.index.files import write_bytes
from subjects.protocol import Subject

MOMENT_BYTES = 2 << 30
"""What the sums of one block of tasks may take, all sites together."""
_DONE = "read"


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the model, or ``folder``, where an earlier run has put them."""

    subject: Subject
    dataset: ProbingDataset
    sites: tuple[str, ...]
    folder: Path | None = None

    def read(
        self,
        tasks: Sequence[NDArray[np.int8]],
        counted: Callable[[Moments], None],
        told: Callable[[int], None],
        *,
        most_bytes: int = MOMENT_BYTES,
    ) -> Rows:
        """All rows; ``counted`` hears the moments of ``tasks``, some tasks at a time, in order.

        Tasks are labels [rows] of 1, -1, and 0 (not counted). Where the sums of all of them would
        take more than ``most_bytes``, those that do not fit are counted from the kept rows.
        """
        rows = self._kept()
        for some in self._blocks(len(tasks), most_bytes):
            moments = Moments(np.stack(tasks[some], axis=1), self.sites)
            if rows is None:
                rows = self._read(moments.add, told)
            else:
                for part in stored(rows):
                    moments.add(part)
            counted(moments)
        assert rows is not None
        return rows

    def _blocks(self, tasks: int, most_bytes: int) -> Iterator[slice]:
        known = self.subject.sites()
        one = Moments.BYTES * sum(known[site].width for site in self.sites)
        at_once = max(1, most_bytes // one)
        return (slice(begin, begin + at_once) for begin in range(0, tasks, at_once))

    def _read(self, each: Callable[[Part], None], told: Callable[[int], None]) -> Rows:
        if self.folder is not None:
            (self.folder / _DONE).unlink(missing_ok=True)
        rows = read_rows(
            self.subject, self.dataset, self.sites, folder=self.folder, each=each, told=told
        )
        if self.folder is None:
            return rows
        write_bytes(self.folder / _DONE, b"")
        return Rows.opened(self.folder, self.sites)

    def _kept(self) -> Rows | None:
        if self.folder is None or not (self.folder / _DONE).exists():
            return None
        try:
            rows = Rows.opened(self.folder, self.sites)
        except (OSError, ValueError):
            return None
        n = len(self.dataset.rows)
        return rows if all(len(array) == n for array in rows.arrays.values()) else None


def stored(rows: Rows, most_bytes: int = BATCH_BYTES) -> Iterator[Part]:
    """Kept rows in order, as many at a time as take ``most_bytes`` at all sites; at least one."""
    n = max((len(array) for array in rows.arrays.values()), default=0)
    row_bytes = sum(array.shape[1] * array.itemsize for array in rows.arrays.values())
    step = max(1, most_bytes // max(1, row_bytes))
    for begin in range(0, n, step):
        some = slice(begin, min(begin + step, n))
        values = {site: torch.from_numpy(np.array(a[some])) for site, a in rows.arrays.items()}
        yield Part(np.arange(some.start, some.stop), values)
