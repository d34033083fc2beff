"""Jobs, fake asks and a queue that can be made to fail, for the tests of sweeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agent.sweep import Done, SweepEnd, sweep
from core.errors import StorageError
from core.ids import UnitId
from storage import JobRecord, JobStore

JOB = "job-0001"
SHORT = 0.01
"""Seconds between heartbeats where a test is about what they tell."""


def units(count: int) -> list[UnitId]:
    return [UnitId("demo", "mlp.2", index) for index in range(count)]


def make_job(jobs: JobStore, count: int, id: str = JOB) -> None:
    record = JobRecord(
        id=id, subject="demo", site="mlp.2", parameters={}, created="2025-01-31T12:00:00Z"
    )
    jobs.create(record, units(count))


def done(unit: UnitId) -> Done:
    return Done(f"run-{unit.index}", "explained", score=0.5, null_p95=0.1, seconds=2.0)


class Asked:
    """An ask that says what was asked, and lets each unit do what a test wants of it.

    ``acts`` maps an index to what happens before the answer: an exception is raised, a function is
    awaited. ``most`` is how many were in hand at once.
    """

    def __init__(self, acts: dict[int, Any] | None = None) -> None:
        self.acts = acts or {}
        self.units: list[int] = []
        self.cancelled: list[int] = []
        self.now = self.most = 0
        self._waiting: list[tuple[int, asyncio.Event]] = []

    async def __call__(self, unit: UnitId) -> Done:
        self.units.append(unit.index)
        self.now += 1
        self.most = max(self.most, self.now)
        for count, event in self._waiting:
            if len(self.units) >= count:
                event.set()
        try:
            act = self.acts.get(unit.index)
            if isinstance(act, BaseException):
                raise act
            await (asyncio.sleep(0) if act is None else act())
        except asyncio.CancelledError:
            self.cancelled.append(unit.index)
            raise
        finally:
            self.now -= 1
        return done(unit)

    async def begun(self, count: int) -> None:
        """Wait until so many units were asked about."""
        event = asyncio.Event()
        self._waiting.append((count, event))
        if len(self.units) < count:
            await event.wait()


async def forever() -> None:
    await asyncio.Event().wait()


class Unsteady:
    """A queue that calls ``before`` with the name of each operation, which may raise."""

    def __init__(self, jobs: JobStore, before: Callable[[str], None]) -> None:
        self._jobs = jobs
        self._before = before

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._jobs, name)

        def call(*given: Any, **named: Any) -> Any:
            self._before(name)
            return operation(*given, **named)

        return call


def locked() -> StorageError:
    return StorageError("'a.db' is locked by another process", "wait until that process ends")


def swept(jobs: Any, ask: Any, **options: Any) -> SweepEnd:
    """Sweep to the end, four units at a time."""
    return asyncio.run(sweep(jobs, JOB, ask, **({"concurrency": 4} | options)))
