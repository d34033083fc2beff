"""Jobs as they are kept: a request about many units, with one item a unit.

A **job** is ``queued`` until a worker takes items of it, then ``running``. ``paused`` (by a person
or by a budget) it gives out no items, and can be resumed; ``cancelled`` and ``done`` it has ended.

An **item** is ``queued``, then ``running`` while a worker holds it, and ends exactly once: ``done``
(whatever the verdict), ``failed`` with an error, or ``cancelled``. A worker holds an item for as
long as its lease is renewed. ``attempts`` counts how often it was taken and not given back: when
the lease runs out the item may be taken again, by anyone, and a result that comes from an earlier
attempt is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.ids import UnitIdField
from core.results import Finite, Record, Verdict
from storage.calls import Spent
from storage.records import JsonObject, UtcTime

JobStatus = Literal["queued", "running", "paused", "cancelled", "done"]
ItemStatus = Literal["queued", "running", "done", "failed", "cancelled"]
EventKind = Literal["job", "item", "step"]
Limit = Annotated[int, Field(ge=0, lt=2**31)]

WORKER_LOST = "worker_lost"
"""The error code of an item whose lease ran out in every attempt."""


class JobRecord(Record):
    """A request about units of one site: what is written when it is made.

    ``parameters`` are those of the request for one unit, without the unit. ``budget_usd`` and
    ``max_calls`` are limits for all items together (``None``: none), ``concurrency`` is how many
    items one worker has in hand, ``engine`` names what runs them, ``owner`` the API key that it was
    made with.
    """

    id: Annotated[str, Field(min_length=1)]
    kind: str = "explain-layer"
    subject: str
    site: str
    parameters: JsonObject
    budget_usd: Annotated[Finite, Field(ge=0)] | None = None
    max_calls: Limit | None = None
    concurrency: Annotated[int, Field(ge=1, lt=2**31)] = 16
    engine: str = "local"
    owner: str | None = None
    created: UtcTime


class StoredJob(JobRecord):
    """A job and how it stands; ``reason`` says why it was paused or cancelled."""

    state: JobStatus
    reason: str | None = None
    updated: UtcTime
    finished: UtcTime | None = None


class JobItem(Record):
    """One unit of a job. ``position`` is its place in it, from 0.

    ``key`` names the run that its calls are recorded under. A ``done`` item has the id and the
    verdict of its run, its main score (correlation on the whole corpus) and the null beside it; a
    ``failed`` one has an error. ``seconds`` is how long the last attempt took.
    """

    job: str
    position: int
    unit: UnitIdField
    key: str | None = None
    state: ItemStatus
    attempts: int
    worker: str | None = None
    lease_until: UtcTime | None = None
    run_id: str | None = None
    verdict: Verdict | None = None
    score: Finite | None = None
    null_p95: Finite | None = None
    error_code: str | None = None
    error: str | None = None
    started: UtcTime | None = None
    finished: UtcTime | None = None
    seconds: Finite | None = None


class JobEvent(Record):
    """Something that happened in a job: its ``number``-th event, counted from 1 without gaps.

    ``job``: it came into another state. ``item``: a unit ended. ``step``: an investigation did a
    step.
    """

    job: str
    number: int
    time: UtcTime
    kind: EventKind
    data: JsonObject


class Ending(Record):
    """How an item ended: with the run of its unit, or with an error.

    ``item`` is the item as it was claimed: the result counts only while that attempt is the last.
    """

    item: JobItem
    run_id: str | None = None
    verdict: Verdict | None = None
    score: Finite | None = None
    null_p95: Finite | None = None
    error_code: str | None = None
    error: str | None = None
    seconds: Finite | None = None

    @property
    def state(self) -> Literal["done", "failed"]:
        """What the item becomes."""
        return "done" if self.error is None else "failed"

    @model_validator(mode="after")
    def _done_or_failed(self) -> Self:
        if (self.error is None) != (self.error_code is None):
            raise ValueError("an error has a code and a message")
        if (self.error is None) == (self.run_id is None):
            raise ValueError("an item ends with a run or with an error")
        return self


class Held(Record):
    """What a heartbeat is told: how the job stands, and which items the worker still holds."""

    state: JobStatus
    reason: str | None
    positions: frozenset[int]


class JobCounts(Record):
    """Items of a job by state."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        """Items that have not ended."""
        return self.queued + self.running

    @property
    def total(self) -> int:
        """All items."""
        return self.open + self.done + self.failed + self.cancelled


class JobSummary(Record):
    """What a job has come to: items by state, ``done`` ones by verdict, ``failed`` ones by code.

    ``workers`` hold items whose leases have not run out. ``mean_seconds`` is taken over items that
    ended, ``None`` without any. ``spent`` counts calls since the job was made.
    """

    counts: JobCounts
    verdicts: dict[str, int]
    failures: dict[str, int]
    workers: int
    mean_seconds: Finite | None
    spent: Spent


def utc_text(moment: datetime | None, after: float = 0.0) -> str:
    """``moment`` (``None``: now) and ``after`` seconds, as times are stored.

    Raises ``ValueError`` for a moment without an offset from UTC.
    """
    moment = datetime.now(UTC) if moment is None else moment
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    moment = moment.astimezone(UTC) + timedelta(seconds=after)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
