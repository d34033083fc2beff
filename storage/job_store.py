"""What can be asked of jobs and done with them; every method is one transaction.

Several workers, in several processes or on several machines, may work on one job: no two hold an
item at once, and an item ends once, whatever dies in between. Times are taken here unless they are
given; workers on machines whose clocks differ should have leases much longer than the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import fsum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from core.errors import JobState, MisuseError
from core.ids import UnitId
from core.results import Verdict
from storage import call_rows, event_rows, job_rows
from storage.calls import Spent
from storage.faults import translated
from storage.jobs import (
    Ending,
    EventKind,
    Held,
    ItemStatus,
    JobCounts,
    JobEvent,
    JobItem,
    JobRecord,
    JobSummary,
    StoredJob,
    utc_text,
)
from storage.lookup import find_by_id, missing
from storage.part import Part
from storage.records import JsonObject
from storage.rows import fields
from storage.schema import jobs, llm_calls

MAX_ATTEMPTS = 5
"""A unit that kills its worker does so each time; one that was at work when a machine went down is
not to blame, even if that happens a few times in a row."""
_ENDED = {
    "done": "nothing is left of it; queue what failed again with retry-failed, or make a new job",
    "cancelled": "make a new job: answers that were paid for are not paid for again",
}


class JobStore(Part):
    """The jobs of a database; may be shared by threads. Got from :attr:`storage.Store.jobs`.

    Every method raises :class:`StorageError` when the database fails, and those that are given the
    id of a job raise :class:`NotStored` when there is none.
    """

    # making and finding jobs

    def create(
        self, job: JobRecord, units: Sequence[UnitId], keys: Mapping[UnitId, str] | None = None
    ) -> StoredJob:
        """Write a job with one item a unit, in this order; ``keys`` are the run keys of units.

        :class:`MisuseError` when there is no unit, or one of them twice.
        """
        if not units:
            raise MisuseError(f"job {job.id!r} has no units", "name at least one unit")
        unit, times = Counter(units).most_common(1)[0]
        if times > 1:
            raise MisuseError(f"unit {str(unit)!r} is named {times} times", "name each unit once")
        with self._writing() as connection:
            job_rows.add(connection, job, units, keys or {})
        return self.get(job.id)

    def set_keys(self, job: str, keys: Mapping[UnitId, str]) -> None:
        """Say under which run keys the calls of units are recorded from now on."""
        with self._writing() as connection:
            job_rows.lock(connection, job)
            if keys:
                job_rows.name_keys(connection, job, keys)

    def get(self, id: str) -> StoredJob:
        """The job of an id, or of the only id that begins so (6 characters or more)."""
        with self._reading() as connection:
            return self._job(find_by_id(connection, jobs, "job", id))

    def newest(self, limit: int = 20) -> list[StoredJob]:
        """Jobs, newest first, at most ``limit``."""
        with self._reading() as connection:
            return [self._job(row) for row in connection.execute(job_rows.newest(limit))]

    def unended(self, engine: str) -> list[StoredJob]:
        """Jobs that an engine should work at, oldest first: queued or running."""
        with self._reading() as connection:
            return [self._job(row) for row in connection.execute(job_rows.unended(engine))]

    def owned(self, owner: str) -> list[StoredJob]:
        """The jobs that were made with an API key."""
        with self._reading() as connection:
            return [self._job(row) for row in connection.execute(job_rows.owned(owner))]

    # how a job stands

    def counts(self, job: str) -> JobCounts:
        """Items by state."""
        with self._reading() as connection:
            self._known(connection, job)
            return job_rows.counts(connection.execute(job_rows.by_outcome(job)))

    def items(
        self, job: str, state: ItemStatus | None = None, limit: int | None = None
    ) -> list[JobItem]:
        """Items in their order, of one state or of any."""
        with self._reading() as connection:
            self._known(connection, job)
            found = connection.execute(job_rows.items(job, state, limit))
            return [job_rows.item(row) for row in found]

    def spent(self, job: str) -> Spent:
        """What the calls under the keys of the job's items came to since it was made."""
        with self._reading() as connection:
            self._known(connection, job)
            return _spent(connection, job)

    def requests(self, job: str) -> int:
        """How many requests those calls were, with every attempt that failed."""
        with self._reading() as connection:
            self._known(connection, job)
            asked = select(func.coalesce(func.sum(llm_calls.c.attempts), 0))
            return int(connection.execute(asked.where(*job_rows.calls_of(job))).scalar_one())

    def summary(self, job: str, now: datetime | None = None) -> JobSummary:
        """Everything that the job has come to."""
        with self._reading() as connection:
            self._known(connection, job)
            rows = list(connection.execute(job_rows.by_outcome(job)))
            workers = connection.execute(job_rows.workers(job, utc_text(now))).scalar_one()
            spent = _spent(connection, job)
        timed = sum(row.timed for row in rows)
        return JobSummary(
            counts=job_rows.counts(rows),
            verdicts=_tally((r.verdict, r.items) for r in rows if r.state == "done"),
            failures=_tally((r.error_code, r.items) for r in rows if r.state == "failed"),
            workers=workers,
            mean_seconds=fsum(row.seconds or 0.0 for row in rows) / timed if timed else None,
            spent=spent,
        )

    def events(self, job: str, after: int = 0, limit: int = 500) -> list[JobEvent]:
        """What happened in the job beyond event number ``after``, in order, at most ``limit``."""
        with self._reading() as connection:
            rows = list(connection.execute(event_rows.following(job, after, limit)))
            if not rows:
                self._known(connection, job)
        with translated(self._name):
            return [JobEvent(**fields(row, JobEvent)) for row in rows]

    def note(
        self,
        job: str,
        happened: Sequence[tuple[EventKind, JsonObject]],
        *,
        now: datetime | None = None,
    ) -> None:
        """Write events that workers tell of."""
        with self._writing() as connection:
            job_rows.lock(connection, job)
            event_rows.note(connection, job, utc_text(now), happened)

    # what workers do

    def claim(
        self,
        job: str,
        worker: str,
        *,
        limit: int,
        lease_seconds: float,
        max_attempts: int = MAX_ATTEMPTS,
        now: datetime | None = None,
    ) -> list[JobItem]:
        """Take up to ``limit`` items in their order; none unless the job is queued or running.

        First those whose lease ran out, then queued ones. An item whose lease ran out in each of
        ``max_attempts`` attempts fails with the code ``worker_lost`` instead.

        ``worker`` is a name that no other worker has, or had.
        """
        time = utc_text(now)
        with self._writing() as connection:
            if self._known(connection, job).state not in job_rows.OPEN:
                return []
            job_rows.give_up_lost(connection, job, time, max_attempts)
            job_rows.begin(connection, job, time)
            until = utc_text(now, lease_seconds)
            return job_rows.take(connection, job, worker, time, until, limit)

    def heartbeat(
        self,
        job: str,
        worker: str,
        *,
        lease_seconds: float,
        positions: Collection[int] | None = None,
        now: datetime | None = None,
    ) -> Held:
        """Extend what the worker holds: how the job stands, and the items it still holds.

        With ``positions`` only those are extended; a worker that names the items it works on lets
        others take any that it does not know of.
        """
        until = utc_text(now, lease_seconds)
        with self._writing() as connection:
            row = job_rows.lock(connection, job)
            held = job_rows.renew(connection, job, worker, positions, until)
            if held:
                job_rows.set_job(connection, job, utc_text(now))
        return Held(state=row.state, reason=row.reason, positions=held)

    def end(
        self, worker: str, endings: Sequence[Ending], *, now: datetime | None = None
    ) -> list[bool]:
        """Write how items of one job ended; for each whether it was taken.

        It is not when the worker no longer holds the item in this attempt: somebody else ends it.
        The job is done as soon as no item is open. A job that was paused or cancelled in between
        takes results too.
        """
        if not endings:
            return []
        job = endings[0].item.job
        if any(ending.item.job != job for ending in endings):
            raise ValueError("items of several jobs")
        with self._writing() as connection:
            row = job_rows.lock(connection, job)
            taken = job_rows.end(connection, job, worker, endings, utc_text(now))
            if any(taken):
                job_rows.set_job(connection, job, utc_text(now))
                job_rows.end_if_nothing_is_open(connection, row, utc_text(now))
        return taken

    def finish(
        self,
        item: JobItem,
        worker: str,
        *,
        run_id: str,
        verdict: Verdict | None = None,
        score: float | None = None,
        null_p95: float | None = None,
        seconds: float | None = None,
        now: datetime | None = None,
    ) -> bool:
        """:meth:`end` one item with its run."""
        ending = Ending(
            item=item,
            run_id=run_id,
            verdict=verdict,
            score=score,
            null_p95=null_p95,
            seconds=seconds,
        )
        return self.end(worker, [ending], now=now)[0]

    def fail(
        self,
        item: JobItem,
        worker: str,
        code: str,
        message: str,
        *,
        seconds: float | None = None,
        now: datetime | None = None,
    ) -> bool:
        """:meth:`end` one item with an error."""
        ending = Ending(item=item, error_code=code, error=message, seconds=seconds)
        return self.end(worker, [ending], now=now)[0]

    def release(
        self,
        job: str,
        worker: str,
        positions: Collection[int] | None = None,
        *,
        now: datetime | None = None,
    ) -> int:
        """Give back what the worker holds (only ``positions``, if given); how many items these are.

        They are queued again without counting an attempt, or cancelled if the job was. A running
        job of which nobody holds an item any more is queued again.
        """
        time = utc_text(now)
        with self._writing() as connection:
            row = job_rows.lock(connection, job)
            state = "cancelled" if row.state == "cancelled" else "queued"
            count = job_rows.give_back(connection, job, worker, positions, state)
            if row.state == "running" and not job_rows.any_item(connection, job, ("running",)):
                job_rows.set_job(connection, job, time, state="queued")
        return count

    # what is asked from outside

    def pause(self, job: str, reason: str, *, now: datetime | None = None) -> None:
        """Give out no more items; workers finish what they have begun.

        A job that is paused keeps its first reason. :class:`JobState` when it has ended.
        """
        with self._writing() as connection:
            row = _not_ended(job_rows.lock(connection, job), "paused")
            if row.state != "paused":
                job_rows.set_job(connection, job, utc_text(now), state="paused", reason=reason)

    def allow(
        self,
        job: str,
        *,
        budget_usd: float | None = None,
        max_calls: int | None = None,
        now: datetime | None = None,
    ) -> StoredJob:
        """Set limits for all items together anew; ``None`` leaves one as it is."""
        limits = {"budget_usd": budget_usd, "max_calls": max_calls}
        given = {name: value for name, value in limits.items() if value is not None}
        with self._writing() as connection:
            job_rows.lock(connection, job)
            if given:
                job_rows.set_job(connection, job, utc_text(now), **given)
        return self.get(job)

    def resume(self, job: str, *, now: datetime | None = None) -> None:
        """Let workers take items again; nothing changes for a job that is not paused.

        :class:`JobState` when it has ended.
        """
        with self._writing() as connection:
            row = _not_ended(job_rows.lock(connection, job), "resumed")
            if row.state == "paused":
                job_rows.set_job(connection, job, utc_text(now), state="queued", reason=None)

    def cancel(
        self, job: str, reason: str = "cancelled by request", *, now: datetime | None = None
    ) -> None:
        """End the job: items that nobody holds are cancelled, workers drop theirs when they see it.

        Cancelling again also ends items whose worker died since. :class:`JobState` when it is done.
        """
        time = utc_text(now)
        with self._writing() as connection:
            row = job_rows.lock(connection, job)
            if row.state != "cancelled":
                _not_ended(row, "cancelled")
                changes = {"state": "cancelled", "reason": reason, "finished": time}
                job_rows.set_job(connection, job, time, **changes)
            job_rows.cancel_items(connection, job, time)

    def retry_failed(self, job: str, *, now: datetime | None = None) -> int:
        """Queue failed items again as if they had never been tried; how many.

        A job that was done is queued again; one that is paused stays so. :class:`JobState` when it
        was cancelled.
        """
        with self._writing() as connection:
            row = job_rows.lock(connection, job)
            if row.state == "cancelled":
                _not_ended(row, "retried")
            count = job_rows.requeue_failed(connection, job)
            if count:
                changes = {"state": "queued", "finished": None} if row.state == "done" else {}
                job_rows.set_job(connection, job, utc_text(now), **changes)
        return count

    def _job(self, row: Row[Any]) -> StoredJob:
        with translated(self._name):
            return StoredJob(**fields(row, StoredJob))

    def _known(self, connection: Connection, job: str) -> Row[Any]:
        row = connection.execute(job_rows.with_id(job)).first()
        if row is None:
            raise missing("job", job)
        return row


def _spent(connection: Connection, job: str) -> Spent:
    asked = call_rows.totals_by_role(*job_rows.calls_of(job))
    return call_rows.add_up(connection.execute(asked))


def _tally(pairs: Iterable[tuple[str | None, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, count in pairs:
        found[name or "none"] += count
    return dict(found)


def _not_ended(row: Row[Any], done_to_it: str) -> Row[Any]:
    if row.state in _ENDED:
        raise JobState(
            f"job {row.id!r} is {row.state}, so it cannot be {done_to_it}", _ENDED[row.state]
        )
    return row
