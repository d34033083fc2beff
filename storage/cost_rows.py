"""The questions about what units have cost, as SQL."""

from __future__ import annotations

from collections import defaultdict
from math import fsum
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from core.ids import UnitId
from storage.calls import Totals
from storage.costs import PastRun, UnitCost
from storage.schema import job_items, jobs, llm_calls, runs, units

_SUMS = (
    func.count(llm_calls.c.number).label("calls"),
    func.coalesce(func.sum(llm_calls.c.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(llm_calls.c.cached_tokens), 0).label("cached_tokens"),
    func.coalesce(func.sum(llm_calls.c.output_tokens), 0).label("output_tokens"),
    func.coalesce(func.sum(llm_calls.c.usd), 0.0).label("usd"),
    func.count(llm_calls.c.usd).label("priced"),
)


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
        parts[row.run].append(_totals(row))
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
                spent=_sum(parts[key]),
            )
        )
    return found


def dearest(connection: Connection, job: str, limit: int) -> list[UnitCost]:
    """Units of a job by dollars, then calls, then seconds."""
    made = select(jobs.c.created).where(jobs.c.id == job).scalar_subquery()
    own = and_(llm_calls.c.run == job_items.c.key, llm_calls.c.started >= made)
    asked = (
        select(job_items.c.unit, job_items.c.seconds, *_SUMS)
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
            calls=row.calls,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            usd=row.usd if row.priced == row.calls else None,
            seconds=row.seconds,
        )
        for row in connection.execute(asked)
    ]


def _by_use(keys: list[str]) -> Select[Any]:
    return (
        select(llm_calls.c.run, llm_calls.c.model, llm_calls.c.role, *_SUMS)
        .where(llm_calls.c.run.in_(keys))
        .group_by(llm_calls.c.run, llm_calls.c.model, llm_calls.c.role)
    )


def _totals(row: Any) -> Totals:
    return Totals(
        calls=row.calls,
        input_tokens=row.input_tokens,
        cached_tokens=row.cached_tokens,
        output_tokens=row.output_tokens,
        usd=row.usd if row.priced == row.calls else None,
    )


def _sum(parts: list[Totals]) -> Totals:
    known = [p.usd for p in parts if p.usd is not None]
    return Totals(
        calls=sum(p.calls for p in parts),
        input_tokens=sum(p.input_tokens for p in parts),
        cached_tokens=sum(p.cached_tokens for p in parts),
        output_tokens=sum(p.output_tokens for p in parts),
        usd=fsum(known) if len(known) == len(parts) else None,
    )
