"""What happens in a job, as server-sent events: numbered, resumable, none lost.

Events are rows that are numbered without gaps within their job, written by whoever works at it, in
whatever process. One reader a job asks the store for new ones, however many streams are open.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from typing import TypeVar

from core.errors import StorageError
from service.desk import Desk
from storage.jobs import JobEvent

T = TypeVar("T")
AT_ONCE = 500
KEPT = 2_000
EVERY = 0.25
HEARTBEAT = 15.0
ENDED = ("done", "cancelled")


def is_end(event: JobEvent) -> bool:
    """Whether nothing follows, unless the job is taken up again."""
    return event.kind == "job" and event.data.get("state") in ENDED


def written(event: JobEvent) -> str:
    """The event as it goes over the wire."""
    data = json.dumps({"time": event.time, **event.data}, ensure_ascii=False)
    return f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n"


class Feed:
    """The newest events of one job, for all who follow it."""

    def __init__(self, desk: Desk, job: str, every: float) -> None:
        self._desk, self._job, self._every = desk, job, every
        self._kept: deque[JobEvent] = deque(maxlen=KEPT)
        self._last = 0
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None
        self.followers = 0

    async def after(self, number: int, seconds: float) -> Sequence[JobEvent]:
        """Events beyond ``number``, waited for ``seconds`` at most."""
        if self._reading is None:
            self._last = max(self._last, number)
            self._reading = asyncio.create_task(self._read())
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: self._last > number), seconds)
            except TimeoutError:
                return ()
        if number < self._first() - 1:
            try:
                return await self._desk.events(self._job, number, AT_ONCE)
            except StorageError:
                await asyncio.sleep(self._every)
                return ()
        return [event for event in self._kept if event.number > number]

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _first(self) -> int:
        return self._kept[0].number if self._kept else self._last + 1

    async def _read(self) -> None:
        while True:
            try:
                found = await self._desk.events(self._job, self._last, AT_ONCE)
            except StorageError:
                found = ()  # asked again in a moment; who follows hears heartbeats meanwhile
            if found:
                async with self._news:
                    self._kept.extend(found)
                    self._last = found[-1].number
                    self._news.notify_all()
            if len(found) < AT_ONCE:
                await asyncio.sleep(self._every)


class Feeds:
    """The feeds that somebody follows."""

    def __init__(self, desk: Desk, *, every: float = EVERY, heartbeat: float = HEARTBEAT) -> None:
        self._desk, self._every, self.heartbeat = desk, every, heartbeat
        self._feeds: dict[str, Feed] = {}
        self.closing = asyncio.Event()

    @property
    def following(self) -> int:
        """How many streams are open."""
        return sum(feed.followers for feed in self._feeds.values())

    async def follow(self, job: str, after: int) -> AsyncGenerator[JobEvent | None]:
        """Events of a job beyond ``after`` until it has ended; None when nothing came for a while.

        It stops as well when the service is about to.
        """
        feed = self._feeds.setdefault(job, Feed(self._desk, job, self._every))
        feed.followers += 1
        try:
            while not self.closing.is_set():
                found = await self.unless_closing(feed.after(after, self.heartbeat))
                if not found:
                    yield None
                for event in found or ():
                    yield event
                    after = event.number
                if found and is_end(found[-1]):
                    return
        finally:
            feed.followers -= 1
            if not feed.followers:
                feed.close()
                self._feeds.pop(job, None)

    async def unless_closing(self, waiting: Awaitable[T]) -> T | None:
        """What is waited for; None when the service stops before it is there."""
        asked = asyncio.ensure_future(waiting)
        closing = asyncio.ensure_future(self.closing.wait())
        try:
            await asyncio.wait({asked, closing}, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else None
        finally:
            for task in (asked, closing):
                task.cancel()

    async def stream(self, job: str, after: int) -> AsyncIterator[str]:
        """:meth:`follow` as text; a comment where nothing came, so that the line stays open."""
        yield ": follow\n\n"
        async with aclosing(self.follow(job, after)) as events:
            async for event in events:
                yield ": still here\n\n" if event is None else written(event)
