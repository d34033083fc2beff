"""Noise that is a function of the input and yet says nothing about it.

Every value is drawn from a counter-based generator whose key is a hash of the *whole* window, so
the same window always gives the same values, in whatever batch it stands, and two windows that
differ in one token share nothing. Values at a position therefore carry no information about the
token there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

_BLOCK = 32  # windows drawn at a time: scratch memory stays small however large the batch


def _mix(x: Words) -> Words:
    """The finaliser of splitmix64 (Steele et al. 2014): all bits depend on all bits."""
    x = x ^ (x >> np.uint64(30))
    x = x * np.uint64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> np.uint64(27))
    x = x * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _key(value: int | Ids | Words) -> Words:
    words = np.asarray(value).astype(np.uint64)
    return _mix(np.atleast_1d(words + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def window_keys(ids: Ids, seed: int) -> Words:
    """One 64-bit hash a row of ``ids`` [n, T], sensitive to every token and its place -> [n]."""
    state = np.broadcast_to(_key(seed), (len(ids),)).astype(np.uint64)
    for column in ids.T:
        state = _mix(state + _key(column))
    return state


def _quantile_table() -> Floats:
    """Standard normal values at 2^16 equally likely points."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / 65536) for i in range(65536)], dtype=np.float32)


class Draws:
    """Numbers for some windows, [n, T, units]; each call names its own independent ``stream``."""

    _table: Floats | None = None

    def __init__(self, keys: Words, length: int, units: Ids) -> None:
        self.keys, self.length, self.units = keys, length, units

    def bits(self, stream: int) -> Words:
        """Uniform 64-bit words for every window, position and unit."""
        rows = _mix(self.keys ^ _key(stream))[:, None] + _key(np.arange(self.length))[None, :]
        return _mix(_mix(rows)[:, :, None] + _key(self.units)[None, None, :])

    def window_bits(self, stream: int) -> Words:
        """Uniform 64-bit words for every window and unit, [n, 1, units]."""
        rows = _mix(self.keys ^ _key(stream) ^ np.uint64(0xA5A5A5A5))
        return _mix(rows[:, None, None] + _key(self.units)[None, None, :])

    @classmethod
    def normal(cls, bits: Words) -> Floats:
        """Standard normal values from the top 16 bits of ``bits``."""
        if cls._table is None:
            cls._table = _quantile_table()
        return cls._table[(bits >> np.uint64(48)).astype(np.int64)]

    @staticmethod
    def uniform(bits: Words) -> Floats:
        """Values in [0, 1) from bits 8 to 32, which :meth:`normal` does not use."""
        middle = (bits >> np.uint64(8)) & np.uint64(0xFFFFFF)
        return middle.astype(np.float32) * np.float32(2.0**-24)


@dataclass(frozen=True, slots=True)
class NoiseKind:
    """One kind of noise: what to say of it, and the values for some windows [n, T, units]."""

    description: str
    draw: Callable[[Draws], Floats]


def _gaussian(draws: Draws) -> Floats:
    return Draws.normal(draws.bits(1))


def _shifted(draws: Draws) -> Floats:
    return _gaussian(draws) + Draws.normal(draws.window_bits(2))


def _positive(values: Floats, threshold: float = 0.0) -> Floats:
    out: Floats = np.maximum(values - np.float32(threshold), np.float32(0))
    return out


def _offset(draws: Draws) -> Floats:
    level = _positive(Draws.normal(draws.window_bits(2)), 0.6745)
    return level * (1 + np.float32(0.2) * np.maximum(_gaussian(draws), np.float32(-4)))


def _bursts(draws: Draws) -> Floats:
    bits = draws.window_bits(3)
    start = np.floor(Draws.uniform(bits) * np.float32(draws.length))
    shape = draws.window_bits(4)
    size = 2 + np.floor(Draws.uniform(shape) * np.float32(11))
    on = (bits >> np.uint64(48)) < np.uint64(65536 // 5)
    place = np.arange(draws.length, dtype=np.float32)[None, :, None]
    inside = on & (place >= start) & (place < start + size)
    height = (1 + np.abs(Draws.normal(shape))) * inside
    values: Floats = height.astype(np.float32) * (1 + Draws.uniform(draws.bits(5)) / 5)
    return values


def _spikes(draws: Draws) -> Floats:
    bits = draws.bits(6)
    on = (bits & np.uint64(0xFF)) == 0  # 1 in 256, apart from the bits of the height
    values: Floats = np.exp(Draws.normal(bits)) * on.astype(np.float32)
    return values


RECTIFIED: tuple[NoiseKind, ...] = (
    NoiseKind("above zero on 5 % of tokens, one by one", lambda d: _positive(_gaussian(d), 1.6449)),
    NoiseKind("above zero on half of the tokens", lambda d: _positive(_gaussian(d))),
    NoiseKind("on throughout one window in four, at the window's own level", _offset),
    NoiseKind("in one window of five, a run of 2 to 12 neighbouring tokens", _bursts),
    NoiseKind("rare spikes with log-normal heights, 1 token in 256", _spikes),
)
SIGNED: tuple[NoiseKind, ...] = (
    NoiseKind("gaussian, a new value at every token", _gaussian),
    NoiseKind("gaussian, half of its variance shared by the whole window", _shifted),
)


def noise(keys: Words, length: int, units: Ids, kinds: tuple[NoiseKind, ...]) -> Floats:
    """Unit u has kind ``u % len(kinds)``; windows with ``keys`` [n] -> [n, length, len(units)]."""
    out = np.empty((len(keys), length, len(units)), dtype=np.float32)
    columns = [(kind, np.flatnonzero(units % len(kinds) == i)) for i, kind in enumerate(kinds)]
    for first in range(0, len(keys), _BLOCK):
        rows = keys[first : first + _BLOCK]
        for kind, chosen in columns:
            if len(chosen):
                drawn = kind.draw(Draws(rows, length, units[chosen]))
                out[first : first + _BLOCK, :, chosen] = drawn
    return out
