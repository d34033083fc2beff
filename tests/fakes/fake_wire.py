"""Answers on their way: JSON, event streams, and both of them broken off."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fake_faults import Fault
from starlette.types import Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Pause = Callable[[float], Awaitable[None]]


_Ends = tuple[tuple[str, int], tuple[str, int]]


class TrackedProtocol(H11Protocol):
    """Keeps every connection at hand, by its two ends, so that it can be cut."""

    open: dict[_Ends, asyncio.Transport] = {}  # noqa: RUF012 (shared by all)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open[self._ends()] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.pop(self._ends(), None)
        super().connection_lost(exc)

    def _ends(self) -> _Ends:
        return self.client, self.server  # type: ignore[return-value]


async def hang_up(scope: Scope) -> None:
    """Reset the connection that a request came over."""
    ends = (scope["client"], scope["server"])
    transport = TrackedProtocol.open.get(ends)
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while ends in TrackedProtocol.open:
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Reply:
    """An answer: ``body`` as JSON, or ``events`` as a stream, or ``page`` as HTML."""

    body: Any = None
    events: list[str] | None = None
    page: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    async def send(
        self, scope: Scope, send: Send, fault: Fault | None, pace: float, pause: Pause
    ) -> None:
        """Send it, broken where ``fault`` says so."""
        kind = fault.kind if fault else None
        chunks, media = self._chunks()
        length = sum(map(len, chunks))
        if kind in ("cut", "dropped"):
            chunks = _first_half(chunks)
        headers = {"content-type": media} | self.headers
        if self.events is None:
            headers["content-length"] = str(sum(map(len, chunks)) if kind == "cut" else length)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        for number, chunk in enumerate(chunks):
            if fault and kind == "stall" and number == len(chunks) // 2:
                await pause(fault.delay)
            elif number and pace:
                await pause(pace)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if kind == "dropped":
            await pause(0.01)  # what was written shall arrive before the reset
            await hang_up(scope)
            return
        await send({"type": "http.response.body", "body": b""})

    def _chunks(self) -> tuple[list[bytes], str]:
        if self.events is not None:
            return [event.encode() for event in self.events], "text/event-stream"
        if self.page is not None:
            return [self.page.encode()], "text/html"
        return [json.dumps(self.body, ensure_ascii=False).encode()], "application/json"


def _first_half(chunks: list[bytes]) -> list[bytes]:
    if len(chunks) > 1:
        return chunks[: len(chunks) // 2]
    return [chunks[0][: len(chunks[0]) // 2]]


def openai_events(chunks: Iterable[dict[str, Any]]) -> list[str]:
    """Server-sent events without names, and the mark of the end."""
    return [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]


def anthropic_events(events: Iterable[dict[str, Any]]) -> list[str]:
    """Server-sent events named after their type."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
