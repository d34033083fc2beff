"""Opening databases: SQLite files with sane pragmas, PostgreSQL by URL, transactions that hold.

SQLite runs in WAL mode (readers never wait for a writer) with foreign keys on and full
synchronisation, because a stored result must outlive a power cut. The driver's own transaction
handling is switched off: it would leave ``CREATE TABLE`` and reads outside transactions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import MissingExtra, StorageError
from storage.faults import translated

_WRITES = "neuroscribe_writes"
_TURNS: WeakKeyDictionary[Engine, threading.RLock] = WeakKeyDictionary()
_TURNS_LOCK = threading.Lock()
_URL_HINT = "write it as sqlite:////folder/file.db or postgresql+psycopg://user@host/name"


def read_url(text: str) -> URL:
    """``text`` as a database URL; :class:`StorageError` when it is not one we support."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        # the text may hold a password, so it is not repeated
        raise StorageError("the database URL cannot be read", _URL_HINT) from None
    if backend not in ("sqlite", "postgresql"):
        raise StorageError(f"database {backend!r} is not supported", _URL_HINT)
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise StorageError("a store in memory would keep nothing: name a file", _URL_HINT)
    return url


def display_name(url: URL) -> str:
    """What messages call the database: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.render_as_string(hide_password=True)


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """An engine that connects on first use; a missing parent folder is created.

    ``busy_timeout`` is how many seconds a transaction waits for another process's lock.
    """
    if url.get_backend_name() == "sqlite":
        if url.database and not url.database.startswith("file:"):
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": busy_timeout}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = create_engine(url, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"PostgreSQL needs the package {error.name!r}", f"pip install {error.name}"
        ) from None
    wait = f"SET LOCAL lock_timeout = {max(1, int(busy_timeout * 1000))}"

    @event.listens_for(engine, "begin")
    def _limit_waiting(connection: Connection) -> None:
        connection.exec_driver_sql(wait)

    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    try:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()
    except BaseException:
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that read first could not raise its lock later
    # without failing whenever another process has written in between.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, name: str, *, writes: bool) -> Iterator[Connection]:
    """One transaction, committed when the block ends and undone when it raises.

    ``name`` is what error messages call the database. Raises :class:`StorageError`.
    """
    with translated(name), _turn(engine, writes), engine.connect() as connection:
        connection.execution_options(**{_WRITES: writes})
        with connection.begin():
            yield connection


def _turn(engine: Engine, writes: bool) -> AbstractContextManager[Any]:
    """The turn of a writer among the threads of this process.

    SQLite makes a writer that finds the file locked sleep, longer each time; threads that take
    turns here are woken at once. Other processes are waited for as before.
    """
    if not writes or engine.dialect.name != "sqlite":
        return nullcontext()
    with _TURNS_LOCK:
        return _TURNS.setdefault(engine, threading.RLock())


def use_wal(engine: Engine, patience: float) -> None:
    """Switch a SQLite file to WAL mode, where its file system allows it (no-op elsewhere).

    Two processes that switch one fresh file at once fail without waiting for each other (the busy
    timeout does not apply there), so the switch is repeated for up to ``patience`` seconds.
    """
    if engine.dialect.name != "sqlite":
        return
    deadline = time.monotonic() + patience
    connection = engine.raw_connection()
    try:
        while True:
            cursor = connection.cursor()
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.fetchall()
                return
            except engine.dialect.loaded_dbapi.OperationalError as error:
                code = getattr(error, "sqlite_errorname", "")
                if not code.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            finally:
                cursor.close()
    finally:
        connection.close()
