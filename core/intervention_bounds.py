"""How much of an intervention may be asked for; apart, so that a command's help loads no NumPy."""

from __future__ import annotations

MOST_TEXTS = 16
NULL_UNITS = 32
MOST_NULL_UNITS = 100
MOST_BY = 1e6
