"""A job's queue as a sweep uses it: off the event loop, one question at a time, and patiently.

A thread of its own asks the database, so that heartbeats never wait for threads that are busy with
subjects. What fails is asked again for a bounded time: a locked database or a server that restarts
ends no sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay
from tenacity.wait import wait_random_exponential

from agent.sweep_protocol import Queue
from core.errors import JobState, NotStored, StorageError
from storage.calls import Spent
from storage.jobs import Ending, Held, JobCounts, JobItem

T = TypeVar("T")
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


class PatientQueue:
    """One worker's view of one job. Every method raises :class:`StorageError` when patience ends.

    ``lease`` and ``patience`` are in seconds.
    """

    def __init__(
        self, jobs: Queue, job: str, worker: str, *, lease: float, patience: float
    ) -> None:
        self._jobs, self._job, self._worker = jobs, job, worker
        self._lease = lease
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job-queue")
        self._patience = patience

    async def claim(self, limit: int) -> Sequence[JobItem]:
        """Up to ``limit`` items, from now on held by this worker."""
        claim = partial(self._jobs.claim, limit=limit, lease_seconds=self._lease)
        return await self._patiently(lambda: claim(self._job, self._worker))

    async def heartbeat(self, positions: Collection[int]) -> Held:
        """Keep these items; how the job stands."""
        keep = partial(self._jobs.heartbeat, lease_seconds=self._lease, positions=positions)
        return await self._patiently(lambda: keep(self._job, self._worker))

    async def end(self, endings: Sequence[Ending]) -> Sequence[bool]:
        """Write how items ended; whether each was taken."""
        return await self._patiently(lambda: self._jobs.end(self._worker, endings))

    async def release(self, positions: Collection[int]) -> None:
        """Give these items back."""
        give_back = partial(self._jobs.release, positions=positions)
        await self._patiently(lambda: give_back(self._job, self._worker))

    async def pause(self, reason: str) -> None:
        """Pause the job, unless it has ended."""

        def pause() -> None:
            try:
                self._jobs.pause(self._job, reason)
            except JobState:
                return

        await self._patiently(pause)

    async def standing(self) -> tuple[JobCounts, Spent]:
        """Items by state, and what the job cost so far."""
        return await self._patiently(
            lambda: (self._jobs.counts(self._job), self._jobs.spent(self._job))
        )

    async def leave(self, endings: Sequence[Ending]) -> JobCounts:
        """Write what has ended, give the rest back, and say how the job stands; tried once."""

        def leave() -> JobCounts:
            self._jobs.end(self._worker, endings)
            self._jobs.release(self._job, self._worker)
            return self._jobs.counts(self._job)

        return await self._once(leave)

    def close(self) -> None:
        """Let the thread end when it has nothing left to do."""
        self._thread.shutdown(wait=False)

    async def _patiently(self, work: Callable[[], T]) -> T:
        return await patiently(partial(self._once, work), self._patience)

    async def _once(self, work: Callable[[], T]) -> T:
        asked = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            await asyncio.wait([asked])
        except asyncio.CancelledError:
            # a transaction cannot be called off: whoever goes on must find it ended
            await asyncio.wait([asked])
            asked.exception()
            raise
        return asked.result()


async def patiently(ask: Callable[[], Awaitable[T]], patience: float) -> T:
    """What ``ask`` gives; it is called again for ``patience`` seconds while the database fails."""
    retrying = AsyncRetrying(
        stop=stop_after_delay(patience),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    return await retrying(ask)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, StorageError) and not isinstance(error, NotStored)
