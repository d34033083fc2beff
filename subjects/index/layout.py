"""Bins and keys: how values become histogram cells, and windows become sortable 64-bit keys.

A *bin* is read off a float's bits: four bins an octave from 2^-16 to 2^16, so that one histogram
serves units of any scale. A *key* holds a value (high 32 bits, order-preserving) and a window
(low 32 bits, inverted), so that the largest keys are the strongest windows, and of equal windows
the earliest: no tie is ever broken by arrival.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

BINS_PER_OCTAVE = 4
LOWEST_OCTAVE = -16
N_BINS = 32 * BINS_PER_OCTAVE
_FIRST = (127 + LOWEST_OCTAVE) * BINS_PER_OCTAVE
_LOW = 0xFFFFFFFF
WINDOWS_PER_SHARD = 1 << 16
MAX_SHARDS = 1 << 16

NO_KEY = torch.iinfo(torch.int64).min
ABOVE_ZERO = 1 << 32  # the least value key of a positive value


def magnitude_bins(values: torch.Tensor) -> torch.Tensor:
    """Bin of |value| for float32 values: int32 in [0, N_BINS); out-of-range values are clamped."""
    bits = values.contiguous().view(torch.int32) & 0x7FFFFFFF
    return bits.bitwise_right_shift_(21).sub_(_FIRST).clamp_(0, N_BINS - 1)


def bin_edges() -> NDArray[np.float64]:
    """The ``N_BINS + 1`` edges: within an octave the four bins are equally wide."""
    octaves = np.arange(LOWEST_OCTAVE, LOWEST_OCTAVE + N_BINS // BINS_PER_OCTAVE)
    inside = 1.0 + np.arange(BINS_PER_OCTAVE) / BINS_PER_OCTAVE
    return np.append((2.0 ** octaves[:, None] * inside).ravel(), 2.0 ** (octaves[-1] + 1))


def value_keys(values: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Sortable keys of float32 ``values`` [..., windows, units] for window numbers [windows]."""
    bits = (values + 0.0).view(torch.int32).long()  # adding zero makes -0.0 equal to 0.0
    ordered = torch.where(bits >= 0, bits, (~bits) - 0x80000000)
    return (ordered << 32) | (_LOW - windows)[:, None]


def priority_keys(priorities: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Keys [windows] whose largest are the windows of *lowest* 31-bit priority."""
    return ((0x7FFFFFFF - priorities) << 32) | (_LOW - windows)


def key_windows(keys: torch.Tensor) -> torch.Tensor:
    """The window numbers held by keys."""
    return _LOW - (keys & _LOW)


def key_values(keys: torch.Tensor) -> torch.Tensor:
    """The float32 values held by value keys."""
    ordered = keys >> 32
    bits = torch.where(ordered >= 0, ordered, ~(ordered + 0x80000000))
    return bits.to(torch.int32).view(torch.float32)


def window_number(shard: int, position: int) -> int:
    """The number of a window: its shard and its place there, in corpus order."""
    return shard * WINDOWS_PER_SHARD + position
