"""Jobs as they stand in the store: list them, look at one, and say what is to become of it.

Nothing here runs a job; whoever does hears of a pause or a cancellation at the next heartbeat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.ids import UnitIdField
from core.results import Finite, Record, Usage
from neuroscribe.workspace import Workspace
from storage.calls import Spent
from storage.jobs import JobCounts, JobStatus, JobSummary, StoredJob
from storage.records import JsonObject, UtcTime

if TYPE_CHECKING:
    from storage import JobStore

FAILURES_SHOWN = 20


class FailedUnit(Record):
    """A unit that failed, and why: ``code`` is stable, ``message`` is for people."""

    unit: UnitIdField
    code: str
    message: str
    attempts: int


class JobDocument(Record):
    """What ``jobs show --json`` prints.

    ``items`` counts units by state; ``verdicts`` those that are done, ``failures`` those that
    failed, by code; ``failed_units`` names the first of these. ``usage`` and ``spent`` count calls
    since the job was made; their ``usd`` is ``None`` where a price is unknown. ``workers`` hold
    units at this moment; without any there is no ``eta_seconds``.
    """

    id: str
    kind: str
    subject: str
    site: str
    state: JobStatus
    reason: str | None
    items: JobCounts
    verdicts: dict[str, int]
    failures: dict[str, int]
    failed_units: tuple[FailedUnit, ...]
    usage: Usage
    spent: Spent
    workers: int
    eta_seconds: Finite | None
    budget_usd: float | None
    max_calls: int | None
    concurrency: int
    engine: str
    parameters: JsonObject
    created: UtcTime
    updated: UtcTime
    finished: UtcTime | None


def job_document(jobs: JobStore, id: str) -> JobDocument:
    """How the job of an id (or of its beginning) stands; :class:`NotStored` if there is none."""
    job = jobs.get(id)
    failed = jobs.items(job.id, "failed", limit=FAILURES_SHOWN)
    named = tuple(
        FailedUnit(
            unit=item.unit,
            code=item.error_code or "error",
            message=item.error or "",
            attempts=item.attempts,
        )
        for item in failed
    )
    return _document(job, jobs.summary(job.id), named)


def list_jobs(limit: int = 20) -> list[JobDocument]:
    """The newest jobs, without their failed units."""
    with Workspace().store() as store:
        jobs = store.jobs
        return [_document(job, jobs.summary(job.id), ()) for job in jobs.newest(limit)]


def show_job(id: str) -> JobDocument:
    """How a job stands."""
    with Workspace().store() as store:
        return job_document(store.jobs, id)


def pause_job(id: str) -> JobDocument:
    """Begin no more units of a job; :class:`core.errors.JobState` when it has ended."""
    return _changed(id, lambda jobs, job: jobs.pause(job, "paused by request"))


def cancel_job(id: str) -> JobDocument:
    """End a job now; :class:`core.errors.JobState` when it is done."""
    return _changed(id, lambda jobs, job: jobs.cancel(job))


def retry_failed(id: str) -> tuple[JobDocument, int]:
    """Queue the failed units of a job again: how it stands then, and how many units these are.

    :class:`core.errors.JobState` when it was cancelled.
    """
    with Workspace().store() as store:
        count = store.jobs.retry_failed(store.jobs.get(id).id)
        return job_document(store.jobs, id), count


def _changed(id: str, change: Callable[[JobStore, str], None]) -> JobDocument:
    with Workspace().store() as store:
        change(store.jobs, store.jobs.get(id).id)
        return job_document(store.jobs, id)


def _document(job: StoredJob, found: JobSummary, failed: tuple[FailedUnit, ...]) -> JobDocument:
    spent = found.spent
    return JobDocument(
        items=found.counts,
        verdicts=found.verdicts,
        failures=found.failures,
        failed_units=failed,
        usage=Usage(
            requests=spent.calls,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            usd=spent.usd,
        ),
        spent=spent,
        workers=found.workers,
        eta_seconds=_eta(job, found),
        **dict(job),
    )


def _eta(job: StoredJob, found: JobSummary) -> float | None:
    """Seconds until no unit is open, as fast as units ended so far; ``None`` if nobody works."""
    if job.state != "running" or not found.workers or found.mean_seconds is None:
        return None
    left = found.counts.open
    return left * found.mean_seconds / max(1, min(left, job.concurrency * found.workers))
