"""Many units asked about at once, as items of a job that other workers may share.

A sweep takes items, asks about ``concurrency`` of them at a time, and writes how they ended. It
holds what it took by heartbeats; when it dies, its leases run out and another sweep goes on. A unit
that fails is a failed item and stops nothing. A budget that is used up pauses the job.

The database is never waited for between two units: items are taken a little ahead (about
``AHEAD_SECONDS`` of work, at most ``concurrency`` items), and endings are written together.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from agent.sweep_protocol import Ask, Done, Queue, SweepEnd, SweepProgress, Why
from agent.sweep_queue import PatientQueue
from core.errors import BudgetReached, NeuroscribeError, StorageError
from storage.calls import Spent
from storage.jobs import Ending, Held, JobCounts, JobItem

__all__ = ["Ask", "Done", "Queue", "SweepEnd", "SweepProgress", "sweep", "worker_name"]

AHEAD_SECONDS = 0.5
_LOOK_AGAIN = 1.0
_GRACE = 10.0
_LONGEST_ERROR = 500
_RATED = 256


def worker_name() -> str:
    """A name that no other worker has: host, process and something random."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


async def sweep(
    jobs: Queue,
    job: str,
    ask: Ask,
    *,
    worker: str | None = None,
    concurrency: int,
    lease: float = 60.0,
    beat: float | None = None,
    timeout: float | None = None,
    patience: float = 60.0,
    progress: Callable[[SweepProgress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> SweepEnd:
    """Ask about the units of ``job`` until none is open, and say why it ended.

    ``worker`` must be a name of its own (default: :func:`worker_name`). Items are held for
    ``lease`` seconds and kept every ``beat`` (default: a quarter of that). A unit that takes longer
    than ``timeout`` seconds fails with the code ``timeout``. A database that fails is asked again
    for ``patience`` seconds; then the sweep ends with the error. ``progress`` is called on the
    event loop. Items that other workers hold are waited for, and taken when their leases run out.

    When the job is paused, or ``stop`` is set, or the budget is reached, what was begun is
    finished; when the job is cancelled, it is dropped. A sweep that is cancelled itself writes what
    has ended, gives back what it holds, and raises :class:`asyncio.CancelledError`.
    """
    queue = PatientQueue(jobs, job, worker or worker_name(), lease=lease, patience=patience)
    every = lease / 4 if beat is None else beat
    try:
        return await _Sweep(queue, job, ask, concurrency, every, timeout, progress).run(stop)
    finally:
        queue.close()


class _Sweep:
    """The state of a sweep. ``held`` are all items of this worker, by position.

    A held item waits in ``ahead``, is asked about in ``asking``, or has ended and waits in
    ``ended`` to be written. One in none of these (the budget stopped it, the job was cancelled) is
    given back at the end.
    """

    def __init__(
        self,
        queue: PatientQueue,
        job: str,
        ask: Ask,
        concurrency: int,
        beat: float,
        timeout: float | None,
        progress: Callable[[SweepProgress], None] | None,
    ) -> None:
        self.queue, self.job, self.ask = queue, job, ask
        self.concurrency, self.beat, self.timeout = concurrency, beat, timeout
        self.progress = progress
        self.held: dict[int, JobItem] = {}
        self.ahead: deque[int] = deque()
        self.asking: dict[int, asyncio.Task[Ending | BudgetReached]] = {}
        self.dropped: set[asyncio.Task[Ending | BudgetReached]] = set()
        self.ended: list[Ending] = []
        self.why: Why | None = None
        self.reason = ""
        self.error: StorageError | None = None
        self.news = asyncio.Event()
        self.to_write = asyncio.Event()
        self.counts = JobCounts()
        self.spent: Spent | None = None
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.ends: deque[float] = deque(maxlen=_RATED)

    async def run(self, stop: asyncio.Event | None) -> SweepEnd:
        """Work until there is a reason to end, and leave nothing behind."""
        feeding = asyncio.create_task(self._noting_failure(self._feed()))
        others = [self._noting_failure(work) for work in (self._write(), self._beat())]
        if stop is not None:
            others.append(self._heed(stop))
        pending = {feeding, *(asyncio.create_task(other) for other in others)}
        helpers = list(pending)
        try:
            while feeding in pending:
                finished, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for helper in finished:
                    helper.result()  # a defect in one of them ends the sweep
        finally:
            self._close("stopped", "interrupted")
            self._drop(list(self.asking))
            for helper in helpers:
                helper.cancel()
            tasks = [*helpers, *self.dropped]
            await asyncio.wait(tasks, timeout=_GRACE)
            try:
                self.counts = await self.queue.leave(self.ended)
            except StorageError as error:  # what was held is free again when its lease runs out
                self.error = self.error or error
        seconds = self.loop.time() - self.began
        assert self.why is not None
        return SweepEnd(self.job, self.why, self.reason, self.counts, seconds, self.error)

    # taking and starting

    async def _feed(self) -> None:
        """Take items while there is room for them; return when all that was begun has ended."""
        dry_until = 0.0
        while not self._closed():
            room = self._room()
            if room and self.loop.time() >= dry_until:
                found = await self.queue.claim(room)
                if len(found) < room:
                    dry_until = self.loop.time() + _LOOK_AGAIN
                self._take(found)
                continue
            if not self.held:
                self._learn(await self.queue.heartbeat(()), {})
            if not self._closed():
                await self._wait(min(self.beat, _LOOK_AGAIN))
        if self.why == "budget":
            await self.queue.pause(self.reason)
        if self.ahead:
            unbegun = [self.held.pop(self.ahead.popleft()).position for _ in list(self.ahead)]
            await self.queue.release(unbegun)
        while self.asking or (self.ended and self.why != "storage"):
            await self._wait(self.beat)

    def _room(self) -> int:
        """How many items to take now; 0 until taking them is worth a transaction."""
        rate = self._rate()
        spare = min(self.concurrency, int((rate or 0.0) * AHEAD_SECONDS))
        free = self.concurrency - len(self.asking)
        if len(self.ahead) >= max(free, (spare + 1) // 2):
            return 0
        return free + spare - len(self.ahead)

    def _take(self, found: Iterable[JobItem]) -> None:
        for item in found:
            if item.position not in self.held:
                self.ahead.append(item.position)
            self.held[item.position] = item  # taken again, if our lease had run out
        self._start()

    def _start(self) -> None:
        while not self._closed() and self.ahead and len(self.asking) < self.concurrency:
            position = self.ahead.popleft()
            task = asyncio.create_task(self._one(self.held[position]))
            self.asking[position] = task
            task.add_done_callback(partial(self._over, position))

    # asking

    async def _one(self, item: JobItem) -> Ending | BudgetReached:
        """Ask about one unit; whatever is raised becomes its ending."""
        began = self.loop.time()
        scope = asyncio.timeout(self.timeout)
        try:
            async with scope:
                done = await self.ask(item.unit)
            taken = self.loop.time() - began if done.seconds is None else done.seconds
            return Ending(
                item=item,
                run_id=done.run_id,
                verdict=done.verdict,
                score=done.score,
                null_p95=done.null_p95,
                seconds=taken,
            )
        except BudgetReached as error:
            return error
        except NeuroscribeError as error:
            code, message = error.code, error.message
        except Exception as error:
            code, message = "internal", f"{type(error).__name__}: {error}"
            if scope.expired():
                code, message = "timeout", f"it took longer than {self.timeout:g} seconds"
        return _failed(item, code, message, self.loop.time() - began)

    def _over(self, position: int, task: asyncio.Task[Ending | BudgetReached]) -> None:
        """A task of an item ended: its slot is free, its ending is to be written."""
        del self.asking[position]
        self.news.set()
        item = self.held.get(position)
        if item is None:  # somebody else has it now
            return
        if task.cancelled():
            if task not in self.dropped:
                self._finish(_failed(item, "internal", "it cancelled itself", None))
        elif task.exception() is None:
            outcome = task.result()
            if isinstance(outcome, BudgetReached):
                self._close("budget", f"budget reached: {outcome.message}")
            elif outcome.state == "done" or task not in self.dropped:
                self._finish(outcome.model_copy(update={"item": item}))
        self._start()

    def _finish(self, ending: Ending) -> None:
        self.ends.append(self.loop.time())
        self.ended.append(ending)
        self.to_write.set()

    def _drop(self, positions: Iterable[int]) -> None:
        for position in positions:
            self.dropped.add(self.asking[position])
            self.asking[position].cancel()

    # telling the database

    async def _write(self) -> None:
        """Write endings, all that have gathered at a time."""
        while True:
            await self.to_write.wait()
            self.to_write.clear()
            if not self.ended:
                continue
            batch = list(self.ended)
            taken = await self.queue.end(batch)
            del self.ended[: len(batch)]
            for ending, ok in zip(batch, taken, strict=True):
                self.held.pop(ending.item.position, None)
                if ok:
                    self._count(ending)
            self.news.set()

    async def _beat(self) -> None:
        """Keep what is held, and hear what was asked of the job."""
        while True:
            if self.progress is not None:
                self.counts, self.spent = await self.queue.standing()
                self._tell(None)
            await asyncio.sleep(self.beat)
            known = {position: item.attempts for position, item in self.held.items()}
            self._learn(await self.queue.heartbeat(tuple(known)), known)

    def _learn(self, found: Held, known: dict[int, int]) -> None:
        """Do as the job's state says, and drop items that are held no more."""
        for position, attempts in known.items():
            item = self.held.get(position)
            if position in found.positions or item is None or item.attempts != attempts:
                continue
            if position in self.asking:
                self._drop([position])
            elif position in self.ahead:
                self.ahead.remove(position)
            else:
                continue  # it has ended, and whether that counts is told when it is written
            del self.held[position]
            self.news.set()
        if found.state == "done":
            self._close("done", "every item has ended")
        elif found.state == "paused":
            self._close("paused", found.reason or "")
        elif found.state == "cancelled":
            self._close("cancelled", found.reason or "")
            self._drop(list(self.asking))

    # ending

    def _closed(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.why is not None

    def _close(self, why: Why, reason: str) -> None:
        """Begin nothing more; the first reason counts, but that of a failed database."""
        if self.why is None or why == "storage":
            self.why, self.reason = why, reason
        self.news.set()

    async def _noting_failure(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StorageError as error:
            self.error = error
            self._close("storage", error.message)
            self._drop(list(self.asking))

    async def _heed(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._close("stopped", "asked to stop")

    async def _wait(self, seconds: float) -> None:
        """Until there is news, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        self.news.clear()

    # counting

    def _count(self, ending: Ending) -> None:
        opened = "running" if self.counts.running else "queued"
        changes = {opened: max(getattr(self.counts, opened) - 1, 0)}
        changes[ending.state] = getattr(self.counts, ending.state) + 1
        self.counts = self.counts.model_copy(update=changes)
        self._tell(ending)

    def _tell(self, last: Ending | None) -> None:
        if self.progress is None:
            return
        running, rate = len(self.asking), self._rate()
        self.progress(
            SweepProgress(
                job=self.job,
                done=self.counts.done,
                failed=self.counts.failed,
                running=running,
                queued=max(self.counts.open - running, 0),
                spent=self.spent,
                rate=rate,
                eta_seconds=self.counts.open / rate if rate else None,
                last=last,
            )
        )

    def _rate(self) -> float | None:
        """Units a second over the last that ended here."""
        if not self.ends:
            return None
        since = self.began if len(self.ends) < _RATED else self.ends[0]
        return len(self.ends) / max(self.loop.time() - since, 1e-3)


def _failed(item: JobItem, code: str, message: str, seconds: float | None) -> Ending:
    said = " ".join(message.split())[:_LONGEST_ERROR]
    return Ending(item=item, error_code=code, error=said, seconds=seconds)
