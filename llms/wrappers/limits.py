"""How many requests at once: fewer when the server says so, slowly more while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from core.errors import ModelError
from llms.protocol import ChatRequest, ChatResponse, Model, Request
from llms.wrappers.base import R, Wrapper


class Gate:
    """At most ``limit`` requests at once; the limit moves between 1 and ``most``.

    A rate limit halves it, once for all the requests that were under way together; each ``limit``
    answers in a row raise it by one.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.open = 0
        self._turn = asyncio.Condition()
        self._generation = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot, hold it, and learn from how the request ended."""
        async with self._turn:
            await self._turn.wait_for(lambda: self.open < max(1, int(self.limit)))
            self.open += 1
        began = self._generation
        try:
            yield
        except ModelError as error:
            if error.rate_limited and began == self._generation:
                self.limit = max(1.0, self.limit / 2)
                self._generation += 1
            raise
        else:
            self.limit = min(float(self.most), self.limit + 1.0 / max(self.limit, 1.0))
        finally:
            async with self._turn:
                self.open -= 1
                self._turn.notify_all()


class Limits(Wrapper):
    """Holds a slot of ``gate`` for each request, and only while it is under way."""

    def __init__(self, inner: Model, gate: Gate) -> None:
        super().__init__(inner)
        self.gate = gate

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """Wait for a slot."""
        async with self.gate.slot():
            return await ask()

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """Streams hold a slot until their end."""
        async with self.gate.slot():
            async for piece in self.inner.stream(request):
                yield piece
