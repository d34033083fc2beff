"""Moments of one noon, so that tests of leases need no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def at(minute: float) -> datetime:
    """Noon, and so many minutes."""
    return datetime(2025, 1, 31, 12, tzinfo=UTC) + timedelta(minutes=minute)


def stored(minute: int) -> str:
    """The same moment as the store gives it back."""
    return f"2025-01-31T12:{minute:02}:00.000000Z"
