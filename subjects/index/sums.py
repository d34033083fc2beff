"""Running sums over tokens: moments, extremes, share active and histogram of one site.

Each batch gives sums about its own mean; batches and shards are joined with Pébay's pairwise
formulas in float64 (SAND2008-6212, eqs. 2.1, 3.1), so a large mean does not drown the variance and
the result depends on the order of folding only, which is fixed. Sparse batches (ReLU sites) touch
their non-zero values alone. All tokens enter, except that the histogram of signed sites, whose
values are nearly all non-zero, is taken over every ``HISTOGRAM_EVERY``-th window.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from subjects.index.layout import N_BINS, magnitude_bins

SPARSE_BELOW = 0.3
HISTOGRAM_EVERY = 5  # shares no factor with usual numbers of windows a document
_ROWS = 256  # rows at a time: what is computed from them stays in the cache


@dataclass(slots=True)
class TokenSums:
    """Sums of one site over ``count`` tokens; every tensor is [units] but ``histogram``.

    ``m2`` .. ``m4`` are sums of powers about ``mean``. ``histogram`` [units, sides, N_BINS] counts
    non-zero values by magnitude: side 0 above zero, side 1 (signed sites only) below zero.
    """

    count: int
    mean: torch.Tensor
    m2: torch.Tensor
    m3: torch.Tensor
    m4: torch.Tensor
    minimum: torch.Tensor
    maximum: torch.Tensor
    active: torch.Tensor
    histogram: torch.Tensor

    @classmethod
    def empty(cls, width: int, signed: bool, device: torch.device | str = "cpu") -> TokenSums:
        """Sums over no tokens."""

        def zeros() -> torch.Tensor:
            return torch.zeros(width, dtype=torch.float64, device=device)

        return cls(
            count=0,
            mean=zeros(),
            m2=zeros(),
            m3=zeros(),
            m4=zeros(),
            minimum=torch.full((width,), torch.inf, device=device),
            maximum=torch.full((width,), -torch.inf, device=device),
            active=torch.zeros(width, dtype=torch.int64, device=device),
            histogram=torch.zeros(
                (width, 2 if signed else 1, N_BINS), dtype=torch.int64, device=device
            ),
        )

    def fold(self, other: TokenSums) -> None:
        """Add the sums of further tokens, in place."""
        if not other.count:
            return
        if not self.count:
            for name in (f.name for f in fields(self)):
                setattr(self, name, getattr(other, name))
            return
        na, nb = float(self.count), float(other.count)
        n = na + nb
        delta = other.mean - self.mean
        part = delta / n
        m2 = self.m2 + other.m2 + delta * part * na * nb
        m3 = (
            self.m3
            + other.m3
            + delta * part * part * na * nb * (na - nb)
            + 3 * part * (na * other.m2 - nb * self.m2)
        )
        m4 = (
            self.m4
            + other.m4
            + delta * part**3 * na * nb * (na * na - na * nb + nb * nb)
            + 6 * part * part * (na * na * other.m2 + nb * nb * self.m2)
            + 4 * part * (na * other.m3 - nb * self.m3)
        )
        self.mean = self.mean + part * nb
        self.m2, self.m3, self.m4 = m2, m3, m4
        self.count += other.count
        self.minimum = torch.minimum(self.minimum, other.minimum)
        self.maximum = torch.maximum(self.maximum, other.maximum)
        self.active = self.active + other.active
        self.histogram = self.histogram + other.histogram

    def tensors(self, prefix: str) -> dict[str, torch.Tensor]:
        """Everything as named tensors for a safetensors file."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        held["count"] = torch.tensor(self.count, dtype=torch.int64)
        return {f"{prefix}{name}": value.cpu().contiguous() for name, value in held.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], prefix: str) -> TokenSums:
        """The inverse of :meth:`tensors`."""
        held: dict[str, Any] = {f.name: tensors[prefix + f.name] for f in fields(cls)}
        return cls(**{**held, "count": int(held["count"])})


def batch_sums(
    values: torch.Tensor, high: torch.Tensor, low: torch.Tensor | None = None, first: int = 0
) -> TokenSums:
    """Sums of one batch: ``values`` [windows, tokens, units] float32, all finite.

    ``high`` and ``low`` [windows, units] are each window's extremes; ``low`` is None where the site
    is never negative. ``first`` is the number of the first window, the others follow it.
    """
    if low is not None:
        chosen = values[-first % HISTOGRAM_EVERY :: HISTOGRAM_EVERY]
        return _dense(values, low.amin(0), high.amax(0), _histogram(chosen, sides=2))
    sample = values[:, :: max(1, values.shape[1] // 4)]
    # Weighted bincount adds in no fixed order on a GPU, where dense passes are fast anyway.
    if values.is_cpu and torch.count_nonzero(sample).item() < SPARSE_BELOW * sample.numel():
        return _sparse(values, high.amax(0))
    return _dense(values, values.amin((0, 1)), high.amax(0), _histogram(values, sides=1))


def _sparse(values: torch.Tensor, maximum: torch.Tensor) -> TokenSums:
    windows, tokens, width = values.shape
    count = windows * tokens
    powers = [torch.zeros(width, dtype=torch.float64) for _ in range(4)]
    binned = []
    # Block by block, so that all but the bins stays in the cache and no large memory is asked for.
    for block in torch.split(values, max(1, 2 * _ROWS // tokens)):
        flat = block.reshape(-1).numpy()
        where = np.flatnonzero(flat != 0)  # three times as fast as torch.nonzero
        found = torch.from_numpy(flat.take(where))
        unit = torch.from_numpy(where - where // width * width)  # twice as fast as %
        exact = found.double()
        weights = exact.clone()
        for power in powers:
            power += torch.bincount(unit, weights=weights, minlength=width)
            weights *= exact
        binned.append(unit.int().mul_(N_BINS).add_(magnitude_bins(found)))
    cells = torch.bincount(torch.cat(binned), minlength=width * N_BINS)
    histogram = cells.reshape(width, 1, N_BINS)
    active = histogram.sum((1, 2))
    minimum = torch.zeros_like(maximum)
    always = torch.nonzero(active == count).squeeze(1)
    if len(always):
        minimum[always] = values[:, :, always].amin((0, 1))
    return _about_mean(count, None, powers, minimum, maximum, active, histogram)


def _dense(
    values: torch.Tensor, minimum: torch.Tensor, maximum: torch.Tensor, histogram: torch.Tensor
) -> TokenSums:
    windows, tokens, width = values.shape
    step = max(1, _ROWS // tokens)
    # Powers are summed about a value near the mean, so that float32 keeps a small variance beside
    # a large mean; a constant unit is its own pivot and gets exactly zero.
    pivot = torch.where(minimum == maximum, minimum, values[:step].mean((0, 1)))
    powers = [torch.zeros_like(pivot, dtype=torch.float64) for _ in range(4)]
    active = torch.zeros_like(pivot, dtype=torch.int64)
    for block in torch.split(values, step):
        active += _positive(block)
        centred = (block - pivot).reshape(-1, width)
        squared = centred * centred
        powers[0] += centred.sum(0)
        powers[1] += squared.sum(0)
        powers[2] += centred.mul_(squared).sum(0)
        powers[3] += squared.mul_(squared).sum(0)
    return _about_mean(windows * tokens, pivot, powers, minimum, maximum, active, histogram)


def _about_mean(
    count: int,
    pivot: torch.Tensor | None,
    powers: list[torch.Tensor],
    minimum: torch.Tensor,
    maximum: torch.Tensor,
    active: torch.Tensor,
    histogram: torch.Tensor,
) -> TokenSums:
    """Sums of powers about ``pivot`` (None: about zero) become sums about the mean."""
    s1, s2, s3, s4 = powers
    mean = s1 / count
    return TokenSums(
        count=count,
        mean=mean if pivot is None else mean + pivot,
        m2=s2 - count * mean**2,
        m3=s3 - 3 * mean * s2 + 2 * count * mean**3,
        m4=s4 - 4 * mean * s3 + 6 * mean**2 * s2 - 3 * count * mean**4,
        minimum=minimum,
        maximum=maximum,
        active=active,
        histogram=histogram,
    )


def _positive(values: torch.Tensor) -> torch.Tensor:
    """How many values [windows, tokens, units] of each unit are above zero [units]."""
    if not values.is_cpu:
        return (values > 0).sum((0, 1))
    # torch adds booleans one by one; NumPy adds bytes, which hold the count of 255 rows.
    above = (values.numpy() > 0).reshape(-1, values.shape[-1]).view(np.uint8)
    counts = np.zeros(values.shape[-1], np.int64)
    for row in range(0, len(above), 255):
        counts += np.add.reduce(above[row : row + 255], axis=0, dtype=np.uint8)
    return torch.from_numpy(counts)


def _histogram(values: torch.Tensor, sides: int) -> torch.Tensor:
    """Non-zero ``values`` [windows, tokens, units] by magnitude and sign [units, sides, N_BINS]."""
    width = values.shape[-1]
    # Adding zero makes every -0.0 a 0.0, so that the sign bit tells the side.
    flat = (values + 0.0).reshape(-1, width)
    cells = magnitude_bins(flat)
    if sides == 2:
        cells += (flat.view(torch.int32) >> 31) & N_BINS
    cells += torch.arange(width, dtype=torch.int32, device=flat.device) * (sides * N_BINS)
    counts = torch.bincount(cells.reshape(-1), minlength=width * sides * N_BINS)
    histogram = counts.reshape(width, sides, N_BINS)
    # Zeros were counted as the smallest positive values: take them out again.
    histogram[:, 0, 0] -= len(flat) - _positive(values) - histogram[:, 1:].sum((1, 2))
    return histogram
