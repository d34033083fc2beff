"""Jobs as they stand in the store: list them, look at one, and say what is to become of it.

Nothing here runs a job; whoever does hears of a pause or a cancellation at the next heartbeat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroscribe.workspace import Workspace
from storage.job_documents import JobDocument, job_document, job_documents

if TYPE_CHECKING:
    from storage import JobStore


def list_jobs(limit: int = 20) -> list[JobDocument]:
    """The newest jobs, without their failed units."""
    with Workspace().store() as store:
        return job_documents(store.jobs, limit)


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
