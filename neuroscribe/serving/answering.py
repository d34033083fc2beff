"""One answer of the chat under way: what happens in it, for all who follow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from pydantic import JsonValue

from llms.budget import Budget
from service.conversations import ChatEvent, EventKind


@dataclass(eq=False, slots=True)
class Answering:
    """Events in order, the last of kind ``end``. To be used within one event loop.

    ``asked_as`` names the question, as :meth:`agent.chat.session.Chat.say` has it. ``stopped``
    tells tools, which run in threads, that nobody waits for them any more; nothing is spent of
    ``budget`` from then on.
    """

    asked_as: str = ""
    budget: Budget = field(default_factory=Budget)
    id: str = field(default_factory=lambda: uuid4().hex[:12])
    events: list[ChatEvent] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return bool(self.events) and self.events[-1].kind == "end"

    @property
    def problem(self) -> str:
        """Why it was cut short, in one line; empty where it was not."""
        found = self.events[-1].data.get("problem") if self.ended else None
        return str(found["detail"]) if isinstance(found, dict) else ""

    def happen(self, kind: EventKind, data: dict[str, JsonValue]) -> None:
        """Tell all who follow."""
        number = len(self.events) + 1
        self.events.append(ChatEvent(turn=self.id, number=number, kind=kind, data=data))
        self._news.set()
        self._news = asyncio.Event()

    async def after(self, number: int, seconds: float) -> Sequence[ChatEvent]:
        """Events beyond ``number``, waited for ``seconds`` at most; none where it has ended."""
        news = self._news
        if len(self.events) <= number and not self.ended:
            try:
                await asyncio.wait_for(news.wait(), seconds)
            except TimeoutError:
                return ()
        return self.events[number:]

    def stop(self) -> None:
        """Cut it short; what it began elsewhere goes on."""
        self.stopped.set()
        self.budget.calls = 0
        if self.task is not None:
            self.task.cancel()
