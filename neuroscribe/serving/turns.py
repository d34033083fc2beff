"""Requests that hold a thread for long take turns, so that threads are left for all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.problems import ServiceError


@dataclass(slots=True)
class Turns:
    """Requests of one kind, ``what``, one at a time; at most ``most`` of them are there at once."""

    most: int
    what: str
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _here: int = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Waits for its turn; :class:`ServiceError` 503 where ``most`` are there already."""
        if self._here >= self.most:
            raise ServiceError(
                503,
                "queue_full",
                f"{self.most} such {self.what} wait already",
                "try again in a moment",
            )
        self._here += 1
        try:
            async with self._lock:
                yield
        finally:
            self._here -= 1
