"""Stable hashes: what decides splits, priorities and fingerprints never depends on the process."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def text_hash(*parts: str) -> int:
    """A 64-bit hash of strings, the same on every machine and in every process."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def unit_interval(*parts: str) -> float:
    """The hash of ``parts`` as a number in [0, 1)."""
    return (text_hash(*parts) >> 11) / 2.0**53


def fingerprint(value: Any) -> str:
    """A 16-digit hexadecimal name for any JSON value (keys sorted, no spaces)."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(canonical.encode("ascii"), digest_size=8).hexdigest()
