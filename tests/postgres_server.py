"""A real PostgreSQL for tests: ``scripts/postgres COMMAND`` starts one and says where it is.

``NEUROSCRIBE_TEST_POSTGRES`` is the URL of a server on which databases may be made, such as
``postgresql+psycopg://postgres@127.0.0.1/postgres``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, inspect, make_url

from storage.schema import metadata

SERVER = os.environ.get("NEUROSCRIBE_TEST_POSTGRES")
KINDS = ("sqlite", "postgresql") if SERVER else ("sqlite",)
"""The databases that there are: what must hold on each is tested on each."""
QUICK_ON_SQLITE = pytest.mark.parametrize(
    "kind",
    ["sqlite", *([pytest.param("postgresql", marks=pytest.mark.slow)] if SERVER else [])],
    indirect=True,
)
"""For a test that takes seconds: the quick suite runs it on one database only."""
VERSIONS = {"alembic_version", "checkpoint_migrations"}
FROM_THE_START = """
SELECT setval(quote_ident(sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public'
"""


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of a fresh database; the test is skipped where there is no server."""
    if not SERVER:
        pytest.skip("NEUROSCRIBE_TEST_POSTGRES is not set: see scripts/postgres")
    name = f"neuroscribe_{uuid4().hex[:12]}"
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


def empty(url: str) -> None:
    """Take everything out of a database; its tables stay, which saves making them again.

    Deleting from small tables takes a fifth of the time of truncating them.
    """
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            there = set(inspect(connection).get_table_names()) - VERSIONS
            ours = [t.name for t in reversed(metadata.sorted_tables) if t.name in there]
            tables = [*ours, *sorted(there.difference(ours))]
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql("; ".join(f"DELETE FROM {name}" for name in tables))
            connection.exec_driver_sql(FROM_THE_START)
    finally:
        engine.dispose()
