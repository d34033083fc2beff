"""The units' values at labelled places only, for all sites in one pass over the windows.

What passes by is at most a batch; what is kept is float32 [rows, width] a site, in a file where a
folder is given, so that processes share it without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidSetting
from discovery.probing.dataset import ProbingDataset
from subjects.protocol import Subject

BATCH_BYTES = 256 << 20
"""Activations of one batch of windows, all sites together."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """Values [rows, width] by site, on the subject's device, and which ``rows`` they are."""

    rows: NDArray[np.int64]
    values: Mapping[str, Tensor]


def parts(
    subject: Subject,
    dataset: ProbingDataset,
    sites: Sequence[str],
    *,
    batch_bytes: int = BATCH_BYTES,
    told: Callable[[int], None] | None = None,
) -> Iterator[Part]:
    """Every row of the dataset once, in batches of windows of equal length.

    ``told`` hears the number of windows done. Raises :class:`core.errors.UnknownSite`.
    """
    known = subject.sites()
    width = sum(known[site].width for site in sites if site in known)
    bounds = np.searchsorted(dataset.rows[:, 0], np.arange(len(dataset.ids) + 1))
    done = 0
    for length in np.unique(dataset.lengths):
        windows = np.flatnonzero(dataset.lengths == length)
        step = max(1, batch_bytes // max(1, int(length) * width * 4))
        for begin in range(0, len(windows), step):
            batch = windows[begin : begin + step]
            yield _part(subject, dataset, sites, batch, int(length), bounds)
            done += len(batch)
            if told is not None:
                told(done)


def _part(
    subject: Subject,
    dataset: ProbingDataset,
    sites: Sequence[str],
    windows: NDArray[np.int64],
    length: int,
    bounds: NDArray[np.int64],
) -> Part:
    rows = np.concatenate([np.arange(bounds[w], bounds[w + 1]) for w in windows])
    place = np.repeat(np.arange(len(windows)), bounds[windows + 1] - bounds[windows])
    first, stop = dataset.rows[rows, 1], dataset.rows[rows, 2]
    ids = dataset.ids[windows, :length].astype(np.int64)
    read = subject.activations(subject.batch(ids), sites)
    if dataset.aggregate is None:
        values = {site: tensor[place, stop - 1] for site, tensor in read.items()}
        return Part(rows, values)
    counts = stop - first
    of_row, _, token = dataset.tokens_of(rows)
    flat = place[of_row]
    return Part(
        rows,
        {
            site: _together(tensor, dataset.aggregate == "max", flat, token, of_row, counts)
            for site, tensor in read.items()
        },
    )


def _together(
    tensor: Tensor,
    largest: bool,
    windows: NDArray[np.int64],
    tokens: NDArray[np.int64],
    rows: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> Tensor:
    """Mean or maximum over the tokens of each row [rows, width], some tokens at a time."""
    n, width = len(counts), tensor.shape[-1]
    start = float("-inf") if largest else 0.0
    result = torch.full((n, width), start, device=tensor.device)
    step = max(1, BATCH_BYTES // (4 * width))
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        values = tensor[windows[part], tokens[part]]
        index = torch.as_tensor(rows[part], device=tensor.device)
        if largest:
            wide = index[:, None].expand(-1, width)
            result.scatter_reduce_(0, wide, values, "amax")
        else:
            result.index_add_(0, index, values)
    if not largest:
        result /= torch.as_tensor(counts, device=tensor.device)[:, None]
    return result


class Rows:
    """The kept values [rows, width] by site, in memory or in files of ``folder``.

    Another process is sent the name of the folder, and opens the files itself.
    """

    def __init__(self, arrays: Mapping[str, Floats], folder: Path | None = None) -> None:
        self.arrays = arrays
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., Rows], tuple[Any, ...]]:
        if self.folder is None:
            return Rows, (dict(self.arrays),)
        return Rows.opened, (self.folder, tuple(self.arrays))

    @classmethod
    def empty(cls, n: int, widths: Mapping[str, int], folder: Path | None = None) -> Rows:
        """Room for ``n`` rows; in ``folder`` where one is given."""
        if folder is None:
            return cls({s: np.empty((n, w), dtype=np.float32) for s, w in widths.items()})
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            {
                site: np.lib.format.open_memmap(
                    folder / f"{site}.npy", mode="w+", dtype=np.float32, shape=(n, width)
                )
                for site, width in widths.items()
            },
            folder,
        )

    @classmethod
    def opened(cls, folder: Path, sites: Sequence[str]) -> Rows:
        """What :meth:`empty` made in a folder, to be read; OSError, ValueError when it is not."""
        return cls(
            {
                site: np.load(folder / f"{site}.npy", mmap_mode="r", allow_pickle=False)
                for site in sites
            },
            folder,
        )

    def put(self, part: Part) -> None:
        """Keep a part."""
        for site, array in self.arrays.items():
            array[part.rows] = part.values[site].float().cpu().numpy()

    def columns(
        self, site: str, rows: NDArray[np.int64], neurons: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Values of some neurons in some rows [rows, neurons]."""
        found: NDArray[np.float32] = np.asarray(self.arrays[site][np.ix_(rows, neurons)])
        return found


def read_rows(
    subject: Subject,
    dataset: ProbingDataset,
    sites: Sequence[str],
    *,
    folder: Path | None = None,
    most_bytes: int = 16 << 30,
    each: Callable[[Part], None] | None = None,
    told: Callable[[int], None] | None = None,
) -> Rows:
    """Read and keep all rows at ``sites``; ``each`` also sees every part as it passes.

    Raises :class:`InvalidSetting` where they would take more than ``most_bytes``.
    """
    known = subject.sites()
    widths = {site: known[site].width for site in sites}
    needed = 4 * len(dataset.rows) * sum(widths.values())
    if needed > most_bytes:
        raise InvalidSetting(
            f"activations of {len(dataset.rows):,} rows at {len(sites)} sites take "
            f"{needed / 2**30:.1f} GiB, more than {most_bytes / 2**30:.1f}",
            "probe fewer sites at a time, or fewer rows a feature",
        )
    kept = Rows.empty(len(dataset.rows), widths, folder)
    for part in parts(subject, dataset, sites, told=told):
        if each is not None:
            each(part)
        kept.put(part)
    return kept
