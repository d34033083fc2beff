"""Looking at a database without changing it: what it is, whether it is whole, what waits in it.

Opening a store brings its tables up to date; this does not, so that a database of another version,
or one that is damaged, can be told of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, and_, case, func, inspect, select
from sqlalchemy.engine import URL

from core.errors import StorageError
from storage.engine import display_name, make_engine, read_url, transaction
from storage.jobs import utc_text
from storage.migrations import version_of
from storage.schema import HEAD, job_items, jobs

PATIENCE = 2.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """A database as it stands. ``version`` is that of the server, or of SQLite.

    ``schema`` is the revision of its tables, ``wanted`` that of this code; None where there are no
    tables of ours. ``journal`` is SQLite's journal mode. ``tables`` counts all tables.
    """

    name: str
    backend: str
    version: str
    schema: str | None
    journal: str | None
    tables: int
    wanted: str = HEAD

    @property
    def newer(self) -> bool:
        """Whether a later version of the code made it."""
        return self.schema is not None and self.schema > self.wanted


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that has not ended: units that are held, and those whose lease ran out."""

    id: str
    state: str
    queued: int
    held: int
    lost: int


def look(url: str, *, ours: bool = True) -> DatabaseSeen | None:
    """The database at ``url``; None where a SQLite file does not exist yet.

    A SQLite file is checked page by page. Of a database that is not ``ours`` the schema is not
    asked for. Raises :class:`StorageError` when it cannot be reached, is damaged or is no database,
    :class:`core.errors.MissingExtra` without a driver.
    """
    with _read_only(url) as opened:
        if opened is None:
            return None
        engine, name = opened
        with transaction(engine, name, writes=False) as connection:
            if engine.dialect.name == "sqlite":
                return _sqlite(connection, name, ours)
            version = str(connection.exec_driver_sql("SHOW server_version").scalar())
            return _seen(connection, name, ours, "postgresql", version, None)


def look_at_jobs(url: str) -> list[JobSeen]:
    """Jobs that have not ended, oldest first; the schema must be current."""
    with _read_only(url) as opened:
        if opened is None:
            return []
        engine, name = opened
        lost = and_(job_items.c.state == "running", job_items.c.lease_until < utc_text(None))
        counted = [
            func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(label)
            for label, condition in (
                ("queued", job_items.c.state == "queued"),
                ("held", job_items.c.state == "running"),
                ("lost", lost),
            )
        ]
        asked = (
            select(jobs.c.id, jobs.c.state, *counted)
            .select_from(jobs)
            .outerjoin(job_items, job_items.c.job == jobs.c.id)
            .where(jobs.c.finished.is_(None))
            .group_by(jobs.c.number, jobs.c.id, jobs.c.state)
            .order_by(jobs.c.number)
        )
        with transaction(engine, name, writes=False) as connection:
            return [
                JobSeen(row.id, row.state, int(row.queued), int(row.held), int(row.lost))
                for row in connection.execute(asked)
            ]


@contextmanager
def _read_only(url: str) -> Iterator[tuple[Engine, str] | None]:
    """An engine that cannot write, and what to call the database; None without a file."""
    address = read_url(url)
    name = display_name(address)
    if address.get_backend_name() == "sqlite" and not name.startswith("file:"):
        if not Path(name).exists():
            yield None
            return
        address = _without_writing(address, Path(name))
    engine = make_engine(address, PATIENCE)
    try:
        yield engine, name
    finally:
        engine.dispose()


def _without_writing(address: URL, file: Path) -> URL:
    return address.set(database=file.absolute().as_uri(), query={"mode": "ro", "uri": "true"})


def _sqlite(connection: Connection, name: str, ours: bool) -> DatabaseSeen:
    said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if said != "ok":
        raise StorageError(
            f"{name!r} is damaged: {said}",
            "put a copy of it in its place, or move it away to begin with an empty store",
        )
    journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
    version = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())
    return _seen(connection, name, ours, "sqlite", version, journal)


def _seen(
    connection: Connection, name: str, ours: bool, backend: str, version: str, journal: str | None
) -> DatabaseSeen:
    tables = inspect(connection).get_table_names()
    return DatabaseSeen(
        name=name,
        backend=backend,
        version=version,
        schema=version_of(connection, name) if ours else None,
        journal=journal,
        tables=len(tables),
    )
