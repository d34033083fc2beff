"""How jobs stand, as one document each: for the command line and the service alike."""

from __future__ import annotations

from core.ids import UnitIdField
from core.results import Finite, Record, Usage
from storage.calls import Spent
from storage.job_store import JobStore
from storage.jobs import JobCounts, JobStatus, JobSummary, StoredJob
from storage.records import JsonObject, UtcTime

FAILURES_SHOWN = 20


class FailedUnit(Record):
    """A unit that failed, and why: ``code`` is stable, ``message`` is for people."""

    unit: UnitIdField
    code: str
    message: str
    attempts: int


class JobDocument(Record):
    """What ``jobs show --json`` prints and ``GET /v1/jobs/ID`` answers.

    ``items`` counts units by state; ``verdicts`` those that are done, ``failures`` those that
    failed, by code; ``failed_units`` names the first of these. ``usage`` and ``spent`` count calls
    since the job was made; their ``usd`` is ``None`` where a price is unknown. ``workers`` hold
    units at this moment; without any there is no ``eta_seconds``. ``owner`` is the API key that it
    was made with.
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
    owner: str | None
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


def job_documents(jobs: JobStore, limit: int) -> list[JobDocument]:
    """The newest jobs, without their failed units."""
    return [_document(job, jobs.summary(job.id), ()) for job in jobs.newest(limit)]


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
