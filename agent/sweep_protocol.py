"""What a sweep is given, and what it tells: while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.errors import StorageError
from core.ids import UnitId
from core.results import Verdict
from storage.calls import Spent
from storage.jobs import Ending, Held, JobCounts, JobItem

Why = Literal["done", "paused", "cancelled", "budget", "stopped", "storage"]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of asking about one unit: its finished run, whatever the verdict.

    ``score`` is the main figure (correlation on the whole corpus) and ``null_p95`` the null beside
    it; ``seconds`` (``None``: measured by the sweep) is how long the unit took.
    """

    run_id: str
    verdict: Verdict
    score: float | None = None
    null_p95: float | None = None
    seconds: float | None = None


class Ask(Protocol):
    """Asks about one unit.

    What it raises fails that unit and no other, except :class:`core.errors.BudgetReached`, which
    ends the sweep. It may be cancelled at any point at which it waits.
    """

    async def __call__(self, unit: UnitId) -> Done:
        """Explain the unit, store the run, and say what came of it."""
        ...


class Queue(Protocol):
    """What a sweep needs of :class:`storage.JobStore`, which says what these do."""

    def claim(
        self, job: str, worker: str, *, limit: int, lease_seconds: float
    ) -> Sequence[JobItem]:
        """Take items."""
        ...

    def heartbeat(
        self, job: str, worker: str, *, lease_seconds: float, positions: Collection[int]
    ) -> Held:
        """Keep items."""
        ...

    def end(self, worker: str, endings: Sequence[Ending]) -> Sequence[bool]:
        """Write how items ended; whether each was taken."""
        ...

    def release(self, job: str, worker: str, positions: Collection[int] | None = None) -> int:
        """Give items back, or all."""
        ...

    def pause(self, job: str, reason: str) -> None:
        """Let nobody take items any more."""
        ...

    def counts(self, job: str) -> JobCounts:
        """Items by state."""
        ...

    def spent(self, job: str) -> Spent:
        """What the job cost so far."""
        ...


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How a job stands, told whenever an item has ended here and at every heartbeat.

    ``running`` items are asked about by this sweep; those that other workers hold are among the
    ``queued``. ``rate`` is in units a second, over the last of this sweep; ``spent`` may be a
    heartbeat old. ``last`` is the item that ended, if that is the news.
    """

    job: str
    done: int
    failed: int
    running: int
    queued: int
    spent: Spent | None
    rate: float | None
    eta_seconds: float | None
    last: Ending | None


@dataclass(frozen=True, slots=True)
class SweepEnd:
    """Why a sweep ended, and how the job stood (after ``storage``: what is known of it).

    ``done``: no item is open. ``paused`` and ``cancelled``: somebody asked for that. ``budget``: it
    is used up, and the job is paused. ``stopped``: this sweep was asked to stop, the job was not.
    ``storage``: the database failed for too long; ``error`` says how.
    """

    job: str
    why: Why
    reason: str
    counts: JobCounts
    seconds: float
    error: StorageError | None = None
