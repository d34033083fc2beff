"""Situations that a store must survive: a full disk, other processes, an older version."""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, event, inspect, make_url
from sqlalchemy.schema import CreateTable, DropTable

import storage.migrations
from storage import Store, open_store
from storage.schema import explanation_words, metadata

WORKER = Path(__file__).with_name("storage_worker.py")
ROOT = WORKER.parents[2]


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """No page more than the SQLite file has now."""

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite never goes below what is used

    def free(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")

    event.listen(store.engine, "checkout", limit)
    event.listen(store.engine, "checkin", free)
    yield
    event.remove(store.engine, "checkout", limit)
    event.remove(store.engine, "checkin", free)


@cache
def worker() -> subprocess.Popen[str]:
    """The process whose forks are the workers, to the end of this one."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    atexit.register(process.communicate)
    return process


def together(url: str, tasks: list[str]) -> list[tuple[int, str, str]]:
    """Start one process a task, all at the same moment; (exit code, output, errors) of each."""
    process = worker()
    assert process.stdin is not None
    assert process.stdout is not None
    with TemporaryDirectory() as folder:
        process.stdin.write(json.dumps([url, folder, *tasks]) + "\n")
        process.stdin.flush()
        codes = json.loads(process.stdout.readline())
        said = [
            [Path(folder, f"{number}.{kind}").read_text() for kind in ("out", "err")]
            for number in range(len(tasks))
        ]
    return [(code, *texts) for code, texts in zip(codes, said, strict=True)]


def intact(url: str) -> bool:
    """Whether a SQLite file is whole; a server of databases sees to that itself."""
    file = make_url(url)
    if file.get_backend_name() != "sqlite":
        return True
    with closing(sqlite3.connect(str(file.database))) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def tables(url: str) -> set[str]:
    """The names of what there is in a database."""
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def version(url: str) -> str:
    """The revision that a database says it is at."""
    return str(query(url, "SELECT version_num FROM alembic_version"))


def query(url: str, statement: str) -> object:
    """The first value that a statement gives, whatever it changes stays."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            found = connection.exec_driver_sql(statement)
            return found.scalar() if found.returns_rows else None
    finally:
        engine.dispose()


@contextmanager
def store_of_version(url: str, revision: str) -> Iterator[Store]:
    """A store as an older version made it: brought to ``revision`` and no further.

    Columns that later versions added are lent to it, and the table of words, so that it can be
    written to, and are taken back in the end.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(storage.migrations, "HEAD", revision)
        with open_store(url) as store:
            lent = list(_later_columns(store))
            words = not inspect(store.engine).has_table("explanation_words")
            with store.engine.begin() as connection:
                if words:
                    connection.execute(CreateTable(explanation_words))
                for table, column, type in lent:
                    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {type}")
            yield store
            with store.engine.begin() as connection:
                if words:
                    connection.execute(DropTable(explanation_words))
                for table, column, _ in lent:
                    connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")


def _later_columns(store: Store) -> Iterator[tuple[str, str, str]]:
    """Table, column and type."""
    seen, dialect = inspect(store.engine), store.engine.dialect
    for name in seen.get_table_names():
        if name in metadata.tables:
            held = {column["name"] for column in seen.get_columns(name)}
            for column in metadata.tables[name].columns:
                if column.name not in held:
                    yield name, column.name, column.type.compile(dialect)
