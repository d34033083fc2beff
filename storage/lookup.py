"""Rows found by their id, or by as much of it as tells them apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from core.errors import NotStored

SHORTEST_PREFIX = 6


def find_by_id(connection: Connection, table: Table, what: str, id: str) -> Row[Any]:
    """The row of an id, or of the only id that begins so (6 characters or more).

    :class:`NotStored`, which calls it ``what``, when there is none, or when several begin so.
    """
    rows = list(connection.execute(select(table).where(table.c.id == id)))
    if not rows and len(id) >= SHORTEST_PREFIX:
        rows = _beginning(connection, table, id, at_most=3)
    if len(rows) > 1:
        found = ", ".join(repr(row.id) for row in rows)
        raise NotStored(
            f"{what} {id!r} is not in the store, and several begin so: {found}",
            "give more of the id",
        )
    if not rows:
        raise missing(what, id)
    return rows[0]


def missing(what: str, id: str) -> NotStored:
    """The error for a row that there is not."""
    return NotStored(
        f"{what} {id!r} is not in the store",
        f"check the id: its first {SHORTEST_PREFIX} characters or more will do",
    )


def _beginning(connection: Connection, table: Table, prefix: str, at_most: int) -> list[Row[Any]]:
    """Rows whose ids begin with ``prefix``, letter case included, ``at_most`` of them."""
    # substr, because LIKE ignores case in one database and reads % and _ as patterns in both;
    # the inner query needs the index of ids only
    ids = (
        select(table.c.id)
        .where(func.substr(table.c.id, 1, len(prefix)) == prefix)
        .order_by(table.c.id)
        .limit(at_most)
    )
    return list(connection.execute(select(table).where(table.c.id.in_(ids)).order_by(table.c.id)))
