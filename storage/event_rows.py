"""What happened in jobs, numbered without gaps within each.

The number is given out by the row of the job, which is locked until the transaction ends: whoever
sees an event sees all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from storage.jobs import EventKind
from storage.schema import job_events, jobs

Happened = tuple[EventKind, dict[str, Any]]


def note(connection: Connection, job: str, time: str, happened: Sequence[Happened]) -> None:
    """Write these events of a job, in this order."""
    if not happened:
        return
    count = (
        update(jobs).where(jobs.c.id == job).values(last_event=jobs.c.last_event + len(happened))
    )
    last = connection.execute(count.returning(jobs.c.last_event)).scalar_one()
    first = last - len(happened) + 1
    rows = [
        {"job": job, "number": first + i, "time": time, "kind": kind, "data": data}
        for i, (kind, data) in enumerate(happened)
    ]
    connection.execute(insert(job_events), rows)


def following(job: str, after: int, limit: int) -> Select[Any]:
    """Events of a job beyond number ``after``, in order."""
    return (
        select(job_events)
        .where(job_events.c.job == job, job_events.c.number > after)
        .order_by(job_events.c.number)
        .limit(max(limit, 0))
    )
