"""Answers of the chat under way: what happens in each, and whether one more may be begun."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from pydantic import JsonValue

from llms.budget import Budget
from service.conversations import ChatEvent, EventKind
from service.problems import ServiceError

MOST_AT_ONCE = 8
"""Answers under way: each may hold a thread that reading needs too."""
KEPT = 200
STOPPED: dict[str, JsonValue] = {"code": "stopped", "detail": "it was stopped", "hint": ""}
Name = tuple[str, str]
"""A conversation: its owner, and what it is called."""
log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Answering:
    """Events in order, the last of kind ``end``: whatever happens after it is nobody's business.

    To be used within one event loop. ``asked_as`` names the question, as
    :meth:`agent.chat.session.Chat.say` has it. ``stopped`` tells tools, which run in threads, that
    nobody waits for them any more; nothing is spent of ``budget`` from then on.
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

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what tells of the end at last; one that was stopped before it began ends as well."""
        if self.stopped.is_set():
            work.close()
            self.happen("end", {"state": "interrupted", "problem": STOPPED})
            return
        self.task = asyncio.create_task(work)
        self.task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an answer of the chat failed", exc_info=error)
        self.happen("end", {"state": "interrupted", "problem": STOPPED})

    def happen(self, kind: EventKind, data: dict[str, JsonValue]) -> None:
        """Tell all who follow, unless it has ended."""
        if self.ended:
            return
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

    async def stop(self) -> None:
        """Cut it short and wait for its end; what it began elsewhere goes on."""
        self.stopped.set()
        self.budget.calls = 0
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])


@dataclass(eq=False, slots=True)
class Answers:
    """What is under way, one answer in a conversation, and what has ended a little while ago.

    Who begins, stops or forgets something holds the conversation's :meth:`turn` meanwhile.
    """

    _held: dict[Name, Answering] = field(default_factory=dict)
    _turns: WeakValueDictionary[Name, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, name: Name) -> asyncio.Lock:
        """Held by one at a time."""
        return self._turns.setdefault(name, asyncio.Lock())

    def of(self, name: Name) -> Answering | None:
        """The conversation's last answer, under way or not."""
        return self._held.get(name)

    def under_way(self, name: Name) -> Answering | None:
        """The answer that a conversation waits for."""
        found = self._held.get(name)
        return None if found is None or found.ended else found

    def check(self, name: Name) -> None:
        """:class:`ServiceError` where no answer may be begun: 409 beside another, 503 for room."""
        if self.under_way(name) is not None:
            raise ServiceError(
                409,
                "conversation_busy",
                f"an answer in conversation {name[1]!r} is under way",
                "wait for its end, or stop it",
            )
        if sum(not answering.ended for answering in self._held.values()) >= MOST_AT_ONCE:
            raise ServiceError(
                503,
                "queue_full",
                f"{MOST_AT_ONCE} answers are under way already",
                "try again in a moment",
            )

    def put(self, name: Name, answering: Answering) -> None:
        """From now on it is the conversation's; :class:`ServiceError` as :meth:`check`."""
        self.check(name)
        self._held.pop(name, None)
        for old in [n for n, a in self._held.items() if a.ended][: -KEPT or None]:
            del self._held[old]
        self._held[name] = answering

    def drop(self, name: Name) -> None:
        """Know nothing of a conversation."""
        self._held.pop(name, None)

    async def close(self, seconds: float) -> None:
        """Wait for what is under way; what takes longer is cut short."""
        tasks = [a.task for a in self._held.values() if a.task is not None and not a.task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        await asyncio.gather(*(a.stop() for a in self._held.values() if not a.ended))
