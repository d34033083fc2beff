"""A model around a model: passes everything on; each wrapper changes one thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from llms.protocol import (
    Capability,
    ChatRequest,
    ChatResponse,
    Model,
    Request,
    SlotRequest,
    SlotResponse,
)

R = TypeVar("R", ChatResponse, SlotResponse)


class Wrapper:
    """Asks ``inner``; subclasses change :meth:`around`, which every whole answer goes through."""

    def __init__(self, inner: Model) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        """The provider's."""
        return self.inner.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The provider's."""
        return self.inner.capabilities

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """Called for each request; ``ask`` puts it to the inner model."""
        return await ask()

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """Answer a conversation."""
        return await self.around(request, lambda: self.inner.chat(request))

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """Read what is expected at the slots of a text."""
        return await self.around(request, lambda: self.inner.slots(request))

    def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """Pieces of text as they come, and at the end the whole answer."""
        return self.inner.stream(request)

    async def close(self) -> None:
        """Close the inner model."""
        await self.inner.close()
