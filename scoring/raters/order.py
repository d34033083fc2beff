"""The order in which items are shown: drawn by hash, so that no place gives a class away."""

from __future__ import annotations

from collections.abc import Iterable

from core.evidence import Ints
from core.hashing import text_hash


def by_hash(salt: str, windows: Ints, rows: Iterable[int]) -> list[int]:
    """``rows`` of a pool in an order that depends on the numbers of their windows alone."""
    return sorted((int(row) for row in rows), key=lambda row: drawn(salt, int(windows[row])))


def drawn(salt: str, window: int) -> int:
    """A number for a window that depends on nothing else."""
    return text_hash("neuroscribe/shown/1", salt, str(window))
