"""How many requests at once: fewer when the server says so, slowly more while it does not."""

from __future__ import annotations

import asyncio
from collections import deque
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
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._generation = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot in turn, hold it, and learn from how the request ended."""
        await self._enter()
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
            self.open -= 1
            self._admit()

    async def _enter(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted and cancelled at once
                self.open -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        """Give free slots to those who wait longest."""
        while self._waiting and self.open < max(1, int(self.limit)):
            turn = self._waiting.popleft()
            if not turn.done():
                self.open += 1
                turn.set_result(None)


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
