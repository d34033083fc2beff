"""The questions about jobs and the changes to them, as SQL.

Every change locks the row of its job first (on PostgreSQL; SQLite has one writer), so that of two
workers who end the last two items one sees that both have ended. Only :func:`take` does not: items
that another worker is about to take are skipped instead of waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from core.ids import UnitId
from storage import event_rows
from storage.jobs import WORKER_LOST, Ending, JobCounts, JobItem, JobRecord
from storage.lookup import missing
from storage.rows import fields
from storage.schema import job_items, jobs, llm_calls

OPEN = ("queued", "running")
_ROWS_AT_ONCE = 500
_TOLD = (
    *("position", "unit", "state", "run_id", "verdict", "score", "null_p95"),
    *("error_code", "error", "seconds"),
)
_FREE: dict[str, Any] = {"worker": None, "lease_until": None}
_FRESH: dict[str, Any] = _FREE | {
    "state": "queued",
    "attempts": 0,
    "error_code": None,
    "error": None,
    "started": None,
    "finished": None,
    "seconds": None,
}


# reading


def with_id(id: str) -> Select[Any]:
    """The job of this very id."""
    return select(jobs).where(jobs.c.id == id)


def newest(limit: int) -> Select[Any]:
    """The last ``limit`` jobs, newest first."""
    return select(jobs).order_by(jobs.c.created.desc(), jobs.c.number.desc()).limit(max(limit, 0))


def unended(engine: str) -> Select[Any]:
    """Jobs of an engine that are queued or running, oldest first."""
    here = (jobs.c.engine == engine, jobs.c.state.in_(OPEN))
    return select(jobs).where(*here).order_by(jobs.c.created, jobs.c.number)


def owned(owner: str) -> Select[Any]:
    """Jobs made with an API key, oldest first."""
    return select(jobs).where(jobs.c.owner == owner).order_by(jobs.c.created, jobs.c.number)


def items(job: str, state: str | None, limit: int | None) -> Select[Any]:
    """Items of a job in their order; ``None`` means any state, and all of them."""
    asked = select(job_items).where(job_items.c.job == job).order_by(job_items.c.position)
    if state is not None:
        asked = asked.where(job_items.c.state == state)
    return asked if limit is None else asked.limit(max(limit, 0))


def item(row: Row[Any]) -> JobItem:
    """A row of ``job_items``."""
    return JobItem(**fields(row, JobItem))


def by_outcome(job: str) -> Select[Any]:
    """How many items there are of each state, verdict and error code, and how long they took."""
    kinds = (job_items.c.state, job_items.c.verdict, job_items.c.error_code)
    return (
        select(
            *kinds,
            func.count().label("items"),
            func.count(job_items.c.seconds).label("timed"),
            func.sum(job_items.c.seconds).label("seconds"),
        )
        .where(job_items.c.job == job)
        .group_by(*kinds)
        .order_by(*kinds)
    )


def counts(rows: Iterable[Row[Any]]) -> JobCounts:
    """The rows of :func:`by_outcome` by state alone."""
    by_state = dict.fromkeys(JobCounts.model_fields, 0)
    for row in rows:
        by_state[row.state] += row.items
    return JobCounts(**by_state)


def workers(job: str, now: str) -> Select[Any]:
    """How many workers hold items of a job."""
    held = and_(job_items.c.state == "running", job_items.c.lease_until > now)
    return select(func.count(job_items.c.worker.distinct())).where(job_items.c.job == job, held)


def calls_of(job: str) -> list[ColumnElement[bool]]:
    """Conditions on ``llm_calls``: recorded under an item's key, since the job was made."""
    keys = select(job_items.c.key).where(job_items.c.job == job, job_items.c.key.is_not(None))
    made = select(jobs.c.created).where(jobs.c.id == job).scalar_subquery()
    return [llm_calls.c.run.in_(keys), llm_calls.c.started >= made]


# writing


def add(
    connection: Connection, job: JobRecord, units: Sequence[UnitId], keys: Mapping[UnitId, str]
) -> None:
    """Write a job and its items."""
    values = job.model_dump() | {"state": "queued", "updated": job.created}
    connection.execute(insert(jobs).values(values))
    rows = [
        {
            "job": job.id,
            "position": position,
            "unit": str(unit),
            "key": keys.get(unit),
            "state": "queued",
            "attempts": 0,
        }
        for position, unit in enumerate(units)
    ]
    connection.execute(insert(job_items), rows)
    told = {"state": "queued", "reason": None}
    event_rows.note(connection, job.id, job.created, [("job", told)])


def lock(connection: Connection, job: str) -> Row[Any]:
    """The job, which nobody else changes until the transaction ends."""
    row = connection.execute(with_id(job).with_for_update()).first()
    if row is None:
        raise missing("job", job)
    return row


def set_job(connection: Connection, job: str, now: str, **values: Any) -> None:
    """Change the job's row; a change of its state is an event."""
    changed = update(jobs).where(jobs.c.id == job)
    connection.execute(changed.values(**values, updated=now))
    if "state" in values:
        told = {"state": values["state"], "reason": values.get("reason")}
        event_rows.note(connection, job, now, [("job", told)])


def give_up_lost(connection: Connection, job: str, now: str, max_attempts: int) -> None:
    """Fail the items whose lease ran out in each of ``max_attempts`` attempts."""
    lost = and_(_expired(job, now), job_items.c.attempts >= max_attempts)
    if connection.execute(select(job_items.c.number).where(lost).limit(1)).first() is None:
        return
    row = lock(connection, job)
    message = f"its worker was lost {max_attempts} times"
    error = {"error_code": WORKER_LOST, "error": message}
    failed = update(job_items).where(lost)
    failed = failed.values(state="failed", lease_until=None, finished=now, **error)
    ended = connection.execute(failed.returning(job_items))
    event_rows.note(connection, job, now, [("item", _told(dict(row._mapping))) for row in ended])
    end_if_nothing_is_open(connection, row, now)


def take(
    connection: Connection, job: str, worker: str, now: str, lease_until: str, limit: int
) -> list[JobItem]:
    """Up to ``limit`` items for ``worker``: those whose lease ran out, then queued ones."""
    numbers: list[int] = []
    for free in (_expired(job, now), _in_state(job, "queued")):
        asked = (
            select(job_items.c.number)
            .where(free)
            .order_by(job_items.c.position)
            .limit(max(limit - len(numbers), 0))
            .with_for_update(skip_locked=True)
        )
        numbers += [row.number for row in connection.execute(asked)]
    taken: list[Row[Any]] = []
    for start in range(0, len(numbers), _ROWS_AT_ONCE):
        chosen = job_items.c.number.in_(numbers[start : start + _ROWS_AT_ONCE])
        changed = (
            update(job_items)
            .where(chosen)
            .values(
                state="running",
                attempts=job_items.c.attempts + 1,
                worker=worker,
                lease_until=lease_until,
                started=now,
            )
        )
        taken += connection.execute(changed.returning(job_items))
    return sorted((item(row) for row in taken), key=lambda one: one.position)


def begin(connection: Connection, job: str, now: str) -> None:
    """A queued job runs."""
    begun = update(jobs).where(jobs.c.id == job, jobs.c.state == "queued")
    if connection.execute(begun.values(state="running", reason=None, updated=now)).rowcount:
        event_rows.note(connection, job, now, [("job", {"state": "running", "reason": None})])


def renew(
    connection: Connection,
    job: str,
    worker: str,
    positions: Collection[int] | None,
    lease_until: str,
) -> frozenset[int]:
    """Extend the leases of what a worker holds (of ``positions`` only, if given): which these are.

    A lease that ran out is renewed as long as nobody else has taken the item.
    """
    renewed: set[int] = set()
    for held in _held(job, worker, positions):
        changed = update(job_items).where(held).values(lease_until=lease_until)
        renewed |= {r.position for r in connection.execute(changed.returning(job_items.c.position))}
    return frozenset(renewed)


def end(
    connection: Connection, job: str, worker: str, endings: Sequence[Ending], now: str
) -> list[bool]:
    """Write how items ended; for each whether it was taken: not, unless this attempt holds it."""
    attempts: dict[int, int] = {}
    for held in _held(job, worker, [ending.item.position for ending in endings]):
        asked = select(job_items.c.position, job_items.c.attempts).where(held)
        attempts |= {row.position: row.attempts for row in connection.execute(asked)}
    taken: list[bool] = []
    rows: list[dict[str, Any]] = []
    happened: list[event_rows.Happened] = []
    for ending in endings:
        position = ending.item.position
        taken.append(attempts.get(position) == ending.item.attempts)
        if taken[-1]:
            del attempts[position]  # a second ending of one item is not taken
            values = ending.model_dump(exclude={"item"}) | {"state": ending.state}
            rows.append({"at": position, "lease_until": None, "finished": now, **values})
            named = {"position": position, "unit": str(ending.item.unit)}
            happened.append(("item", _told(values | named)))
    if rows:
        here = and_(job_items.c.job == job, job_items.c.position == bindparam("at"))
        connection.execute(update(job_items).where(here), rows)
        event_rows.note(connection, job, now, happened)
    return taken


def give_back(
    connection: Connection, job: str, worker: str, positions: Collection[int] | None, state: str
) -> int:
    """Let go of what a worker holds (of ``positions`` only, if given); how many items these are."""
    count = 0
    for held in _held(job, worker, positions):
        changed = update(job_items).where(held)
        released = changed.values(
            **_FREE, state=state, attempts=job_items.c.attempts - 1, started=None
        )
        count += connection.execute(released).rowcount
    return count


def cancel_items(connection: Connection, job: str, now: str) -> None:
    """Cancel items that nobody holds: queued ones, and those whose lease ran out."""
    for free in (_in_state(job, "queued"), _expired(job, now)):
        changed = update(job_items).where(free)
        connection.execute(changed.values(**_FREE, state="cancelled", finished=now))


def requeue_failed(connection: Connection, job: str) -> int:
    """Queue failed items as if they had never been tried; their number."""
    changed = update(job_items).where(_in_state(job, "failed"))
    return connection.execute(changed.values(**_FRESH)).rowcount


def end_if_nothing_is_open(connection: Connection, job: Row[Any], now: str) -> None:
    """The locked ``job`` is done when no item of it is open, unless it was cancelled."""
    if job.state not in ("cancelled", "done") and not any_item(connection, job.id, OPEN):
        set_job(connection, job.id, now, state="done", reason=None, finished=now)


def any_item(connection: Connection, job: str, states: Sequence[str]) -> bool:
    """Whether an item of the job is in one of ``states``."""
    asked = select(job_items.c.number).where(job_items.c.job == job, job_items.c.state.in_(states))
    return connection.execute(asked.limit(1)).first() is not None


def name_keys(connection: Connection, job: str, keys: Mapping[UnitId, str]) -> None:
    """Write the run keys of items."""
    named = (
        update(job_items)
        .where(job_items.c.job == job, job_items.c.unit == bindparam("of"))
        .values(key=bindparam("named"))
    )
    rows = [{"of": str(unit), "named": key} for unit, key in keys.items()]
    connection.execute(named, rows)


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the event of an item's end says."""
    return {name: item[name] for name in _TOLD}


def _in_state(job: str, state: str) -> ColumnElement[bool]:
    return and_(job_items.c.job == job, job_items.c.state == state)


def _expired(job: str, now: str) -> ColumnElement[bool]:
    return and_(_in_state(job, "running"), job_items.c.lease_until <= now)


def _held(
    job: str, worker: str, positions: Collection[int] | None
) -> Iterable[ColumnElement[bool]]:
    """Conditions that together find what a worker holds, some positions each."""
    own = and_(_in_state(job, "running"), job_items.c.worker == worker)
    if positions is None:
        return [own]
    wanted = sorted(positions)
    parts = [wanted[i : i + _ROWS_AT_ONCE] for i in range(0, len(wanted), _ROWS_AT_ONCE)]
    return [and_(own, job_items.c.position.in_(part)) for part in parts]
