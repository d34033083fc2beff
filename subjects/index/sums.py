"""Running sums over tokens: moments, extremes, share active and histogram of one site.

Each batch gives exact central sums; batches and shards are joined with Pébay's pairwise formulas in
float64 (SAND2008-6212, eqs. 2.1, 3.1), so a large mean does not drown the variance and the result
depends on the order of folding only, which is fixed. Sparse batches (ReLU sites) touch their
non-zero values alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch

from subjects.index.layout import N_BINS, magnitude_bins

SPARSE_BELOW = 0.3
_ROWS = 256


@dataclass(slots=True)
class TokenSums:
    """Sums of one site over ``count`` tokens; every tensor is [units] but ``histogram``.

    ``m2`` .. ``m4`` are sums of powers about ``mean``. ``histogram`` [sides, units, N_BINS] counts
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
                (2 if signed else 1, width, N_BINS), dtype=torch.int64, device=device
            ),
        )

    def fold(self, other: TokenSums) -> None:
        """Add the sums of further tokens, in place."""
        if not other.count:
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
        self.active += other.active
        self.histogram += other.histogram

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
    values: torch.Tensor, low: torch.Tensor, high: torch.Tensor, signed: bool
) -> TokenSums:
    """Sums of one batch: ``values`` [windows, tokens, units] float32; ``low``/``high`` per window.

    ``low`` and ``high`` [windows, units] are the extremes over each window's tokens.
    """
    flat = values.reshape(-1, values.shape[-1])
    if signed:
        return _dense(flat, low, high)
    occupied = torch.count_nonzero(flat[:: max(1, len(flat) // 256)]).item()
    sampled = flat[:: max(1, len(flat) // 256)].numel()
    if occupied / sampled < SPARSE_BELOW:
        return _sparse(flat, high)
    return _dense(flat, low, high, sides=1)


def _sparse(flat: torch.Tensor, high: torch.Tensor) -> TokenSums:
    count, width = flat.shape
    where = torch.nonzero(flat.reshape(-1)).squeeze(1)
    found = flat.reshape(-1)[where]
    unit = where % width
    exact = found.double()
    powers = []
    weights = exact
    for _ in range(4):
        powers.append(torch.bincount(unit, weights=weights, minlength=width))
        weights = weights * exact
    active = torch.bincount(unit, minlength=width)
    cells = torch.bincount(unit * N_BINS + magnitude_bins(found), minlength=width * N_BINS)
    s1, s2, s3, s4 = powers
    mean = s1 / count
    return TokenSums(
        count=count,
        mean=mean,
        m2=s2 - count * mean**2,
        m3=s3 - 3 * mean * s2 + 2 * count * mean**3,
        m4=s4 - 4 * mean * s3 + 6 * mean**2 * s2 - 3 * count * mean**4,
        minimum=torch.where(active < count, 0.0, high.amin(0)),
        maximum=high.amax(0),
        active=active,
        histogram=cells.reshape(1, width, N_BINS),
    )


def _dense(flat: torch.Tensor, low: torch.Tensor, high: torch.Tensor, sides: int = 2) -> TokenSums:
    count, width = flat.shape
    mean = flat.mean(0)
    m2 = torch.zeros(width, dtype=torch.float64, device=flat.device)
    m3, m4 = torch.zeros_like(m2), torch.zeros_like(m2)
    active = torch.zeros(width, dtype=torch.int64, device=flat.device)
    cells = torch.zeros(sides * width * N_BINS, dtype=torch.int64, device=flat.device)
    first = torch.arange(width, device=flat.device) * N_BINS
    for rows in flat.split(_ROWS):
        centred = rows - mean
        squared = centred * centred
        m2 += squared.sum(0)
        m3 += (squared * centred).sum(0)
        m4 += (squared * squared).sum(0)
        active += (rows > 0).sum(0)
        cells += _dense_cells(rows, first, sides)
    return TokenSums(
        count=count,
        mean=mean.double(),
        m2=m2,
        m3=m3,
        m4=m4,
        minimum=low.amin(0),
        maximum=high.amax(0),
        active=active,
        histogram=cells.reshape(sides, width, N_BINS),
    )


def _dense_cells(rows: torch.Tensor, first: torch.Tensor, sides: int) -> torch.Tensor:
    width = rows.shape[1]
    present = rows != 0
    cell = magnitude_bins(rows) + first
    if sides == 2:
        cell = cell + (rows < 0) * (width * N_BINS)
    return torch.bincount(cell[present], minlength=sides * width * N_BINS)
