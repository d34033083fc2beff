"""The questions about stored calls, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import fsum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select

from storage.calls import CallStatus, Spent, Totals
from storage.rows import fields
from storage.schema import llm_calls

SUMS = (
    func.count(llm_calls.c.number).label("calls"),
    func.coalesce(func.sum(llm_calls.c.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(llm_calls.c.cached_tokens), 0).label("cached_tokens"),
    func.coalesce(func.sum(llm_calls.c.output_tokens), 0).label("output_tokens"),
    func.coalesce(func.sum(llm_calls.c.usd), 0.0).label("usd"),
    func.count(llm_calls.c.usd).label("priced"),
)
"""What :func:`totals` reads: the fields of :class:`Totals`, and how many prices are known."""
_NEWEST_FIRST = (llm_calls.c.started.desc(), llm_calls.c.number.desc())


def answer(key: str, run: str | None) -> Select[Any]:
    """The call that answers a repeated request, if any.

    The newest that went well, whoever made it. Failing that the newest that was refused or cut
    short within the same ``run``: a run that is resumed goes on as it began, while another one, or
    a call outside of any, is free to try again. Failed calls never answer.
    """
    usable, good_first = _usable(run)
    return (
        select(llm_calls)
        .where(llm_calls.c.key == key, usable)
        .order_by(good_first, *_NEWEST_FIRST)
        .limit(1)
    )


def _usable(run: str | None) -> tuple[ColumnElement[bool], ColumnElement[int]]:
    usable: ColumnElement[bool] = llm_calls.c.status == "ok"
    if run is not None:
        poor = llm_calls.c.status.in_(("refused", "truncated"))
        usable = or_(usable, and_(llm_calls.c.run == run, poor))
    return usable, case((llm_calls.c.status == "ok", 0), else_=1)


def answers(keys: Sequence[str], run: str | None) -> Select[Any]:
    """For each of ``keys`` the calls that may answer it, the one that does first."""
    usable, good_first = _usable(run)
    return (
        select(llm_calls)
        .where(llm_calls.c.key.in_(keys), usable)
        .order_by(llm_calls.c.key, good_first, *_NEWEST_FIRST)
    )


def newest(run: str | None, role: str | None, status: CallStatus | None, limit: int) -> Select[Any]:
    """The last ``limit`` calls, newest first; ``None`` means any."""
    asked = select(llm_calls).order_by(*_NEWEST_FIRST).limit(max(limit, 0))
    for column, value in (
        (llm_calls.c.run, run),
        (llm_calls.c.role, role),
        (llm_calls.c.status, status),
    ):
        if value is not None:
            asked = asked.where(column == value)
    return asked


def totals_by_role(*conditions: ColumnElement[bool]) -> Select[Any]:
    """One row a role, of the calls that meet ``conditions``."""
    asked = select(llm_calls.c.role, *SUMS).where(*conditions)
    return asked.group_by(llm_calls.c.role).order_by(llm_calls.c.role)


def of_run(run: str | None) -> list[ColumnElement[bool]]:
    """Conditions on calls: those of one run, or any."""
    return [] if run is None else [llm_calls.c.run == run]


def totals(row: Row[Any]) -> Totals:
    """A row with :data:`SUMS`."""
    usd = row.usd if row.priced == row.calls else None
    return Totals(**fields(row, Totals, "usd"), usd=usd)


def together(parts: Collection[Totals]) -> Totals:
    """The sum of these."""
    known = [part.usd for part in parts if part.usd is not None]
    return Totals(
        calls=sum(part.calls for part in parts),
        input_tokens=sum(part.input_tokens for part in parts),
        cached_tokens=sum(part.cached_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        usd=fsum(known) if len(known) == len(parts) else None,
    )


def add_up(rows: Iterable[Row[Any]]) -> Spent:
    """The rows of :func:`totals_by_role`, and their sum."""
    by_role = {row.role: totals(row) for row in rows}
    return Spent(**dict(together(by_role.values())), by_role=by_role)
