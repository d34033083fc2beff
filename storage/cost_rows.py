"""The questions about what units have cost, as SQL."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from core.ids import UnitId
from storage.call_rows import SUMS, together, totals
from storage.calls import Totals
from storage.costs import PastRun, UnitCost
from storage.schema import job_items, jobs, llm_calls, runs, units


def past_runs(connection: Connection, subject: str, site: str | None, limit: int) -> list[PastRun]:
    """The newest finished investigations; runs of another kind have a slash in their key."""
    asked = (
        select(runs.c.key, runs.c.verdict, runs.c.seconds, runs.c.document)
        .join(units)
        .where(units.c.subject == subject, runs.c.status == "done", ~runs.c.key.contains("/"))
        .order_by(runs.c.number.desc())
        .limit(limit)
    )
    if site is not None:
        asked = asked.where(units.c.site == site)
    rows = {row.key: row for row in reversed(list(connection.execute(asked)))}
    spent = _by_use(list(rows))
    models: dict[str, set[str]] = defaultdict(set)
    roles: dict[str, set[str]] = defaultdict(set)
    parts: dict[str, list[Totals]] = defaultdict(list)
    for row in connection.execute(spent):
        models[row.run].add(row.model)
        roles[row.run].add(row.role)
        parts[row.run].append(totals(row))
    found = []
    for key, row in rows.items():
        document: dict[str, Any] = row.document or {}
        found.append(
            PastRun(
                verdict=row.verdict,
                mode=document.get("mode"),
                arms=bool(document.get("arms")),
                roles=frozenset(roles[key]),
                models=frozenset(models[key]),
                seconds=row.seconds,
                spent=together(parts[key]),
            )
        )
    return found


def dearest(connection: Connection, job: str, limit: int) -> list[UnitCost]:
    """Units of a job by dollars, then calls, then seconds."""
    made = select(jobs.c.created).where(jobs.c.id == job).scalar_subquery()
    own = and_(llm_calls.c.run == job_items.c.key, llm_calls.c.started >= made)
    asked = (
        select(job_items.c.unit, job_items.c.seconds, *SUMS)
        .join_from(job_items, llm_calls, own, isouter=True)
        .where(job_items.c.job == job, job_items.c.state.in_(("done", "failed")))
        .group_by(job_items.c.number, job_items.c.unit, job_items.c.seconds)
        .order_by(
            func.coalesce(func.sum(llm_calls.c.usd), 0.0).desc(),
            func.count(llm_calls.c.number).desc(),
            case((job_items.c.seconds.is_(None), 0.0), else_=job_items.c.seconds).desc(),
            job_items.c.unit,
        )
        .limit(limit)
    )
    return [
        UnitCost(
            unit=UnitId.parse(row.unit),
            seconds=row.seconds,
            **totals(row).model_dump(exclude={"cached_tokens"}),
        )
        for row in connection.execute(asked)
    ]


def _by_use(keys: list[str]) -> Select[Any]:
    return (
        select(llm_calls.c.run, llm_calls.c.model, llm_calls.c.role, *SUMS)
        .where(llm_calls.c.run.in_(keys))
        .group_by(llm_calls.c.run, llm_calls.c.model, llm_calls.c.role)
    )
