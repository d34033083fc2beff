"""Running sums over tokens: moments, extremes, share active and histogram of one site.

Each batch gives sums about its own mean; batches and shards are joined with Pébay's pairwise formulas
in float64 (SAND2008-6212, eqs. 2.1, 3.1), so a large mean does not drown the variance and the result
depends on the order of folding only, which is fixed. Sparse batches (ReLU sites) touch their
non-zero values alone. Counts are exact everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch

from subjects.index.layout import N_BINS, magnitude_bins

SPARSE_BELOW = 0.3
_ROWS = 256  # rows at a time: what is computed from them stays in the cache


@dataclass(slots=True)
class TokenSums:
    """Sums of one site over ``count`` tokens; every tensor is [units] but ``histogram``.

    ``m2`` .. ``m4`` are sums of powers about ``mean``. ``histogram`` [units, sides, N_BINS] counts
    values by magnitude: side 0 above zero, side 1 (signed sites only) below zero.
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
        held = {f.name: tensors[prefix + f.name] for f in fields(cls)}
        return cls(**{**held, "count": int(held["count"])})


def batch_sums(
    values: torch.Tensor, high: torch.Tensor, low: torch.Tensor | None = None
) -> TokenSums:
    """Sums of one batch: ``values`` [windows, tokens, units] float32, all finite.

    ``high`` and ``low`` [windows, units] are each window's extremes; ``low`` is None where the site
    is never negative.
    """
    width = values.shape[-1]
    if low is not None:
        # Adding zero copies (beginning-of-text positions cut out, rows one after another) and
        # makes every -0.0 a 0.0, so that the sign bit tells the histogram's side.
        return _dense((values + 0.0).reshape(-1, width), low.amin(0), high.amax(0), sides=2)
    flat = values.reshape(-1, width)
    sample = flat[:: max(1, len(flat) // _ROWS)]
    # Weighted bincount adds in no fixed order on a GPU, where dense passes are fast anyway.
    if flat.is_cpu and torch.count_nonzero(sample).item() < SPARSE_BELOW * sample.numel():
        return _sparse(flat, high.amax(0))
    return _dense(flat, flat.amin(0), high.amax(0), sides=1)


def _sparse(flat: torch.Tensor, maximum: torch.Tensor) -> TokenSums:
    count, width = flat.shape
    values = flat.numpy().reshape(-1)
    where = np.flatnonzero(values != 0)  # three times as fast as torch.nonzero
    found = torch.from_numpy(values.take(where))
    unit = torch.from_numpy(where % width)
    exact = found.double()
    powers = []
    weights = exact
    for _ in range(4):
        powers.append(torch.bincount(unit, weights=weights, minlength=width))
        weights = weights * exact
    cells = torch.bincount(unit * N_BINS + magnitude_bins(found), minlength=width * N_BINS)
    histogram = cells.reshape(width, 1, N_BINS)
    active = histogram.sum((1, 2))
    minimum = torch.zeros_like(maximum)
    always = torch.nonzero(active == count).squeeze(1)
    if len(always):
        minimum[always] = flat[:, always].amin(0)
    return _about_mean(count, None, powers, minimum, maximum, active, histogram)


def _dense(
    flat: torch.Tensor, minimum: torch.Tensor, maximum: torch.Tensor, sides: int
) -> TokenSums:
    # Powers are summed about a value near the mean, so that float32 keeps a small variance beside
    # a large mean; a constant unit is its own pivot and gets exactly zero.
    pivot = torch.where(minimum == maximum, minimum, flat[:_ROWS].mean(0))
    powers = [torch.zeros_like(pivot, dtype=torch.float64) for _ in range(4)]
    for rows in flat.split(_ROWS):
        centred = rows - pivot
        squared = centred * centred
        powers[0] += centred.sum(0)
        powers[1] += squared.sum(0)
        powers[2] += centred.mul_(squared).sum(0)
        powers[3] += squared.mul_(squared).sum(0)
    active = _positive(flat)
    histogram = _histogram(flat, sides)
    # Zeros were counted as the smallest positive values: take them out again.
    below = histogram[:, 1:].sum((1, 2))
    histogram[:, 0, 0] -= len(flat) - active - below
    return _about_mean(len(flat), pivot, powers, minimum, maximum, active, histogram)


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


def _positive(flat: torch.Tensor) -> torch.Tensor:
    """How many values of each unit are above zero [units]."""
    if not flat.is_cpu:
        return (flat > 0).sum(0)
    # torch adds booleans one by one; NumPy adds bytes, which hold the count of 255 rows.
    counts = np.zeros(flat.shape[1], np.int64)
    for rows in flat.split(255):
        counts += np.add.reduce((rows.numpy() > 0).view(np.uint8), axis=0, dtype=np.uint8)
    return torch.from_numpy(counts)


def _histogram(flat: torch.Tensor, sides: int) -> torch.Tensor:
    """Values by magnitude and sign [units, sides, N_BINS]; zeros are in cell [:, 0, 0]."""
    width = flat.shape[1]
    cells = torch.empty(flat.shape, dtype=torch.int32, device=flat.device)
    first = torch.arange(width, dtype=torch.int32, device=flat.device) * (sides * N_BINS)
    for rows, cell in zip(flat.split(_ROWS), cells.split(_ROWS), strict=True):
        torch.add(magnitude_bins(rows), first, out=cell)
        if sides == 2:
            cell += (rows.view(torch.int32) >> 31) & N_BINS
    counts = torch.bincount(cells.reshape(-1), minlength=width * sides * N_BINS)
    return counts.reshape(width, sides, N_BINS)
