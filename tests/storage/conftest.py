"""A store in a fresh folder, and the URL it lives at.

What must hold on PostgreSQL too is tested there when ``NEUROSCRIBE_TEST_POSTGRES`` is the URL of a
server on which databases may be made, such as ``postgresql+psycopg://postgres@127.0.0.1/postgres``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url

from storage import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "neuroscribe.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url, busy_timeout=0.05) as opened:
        yield opened


SERVER = os.environ.get("NEUROSCRIBE_TEST_POSTGRES")


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a fresh database."""
    name = f"neuroscribe_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def any_url(request: pytest.FixtureRequest, url: str) -> Iterator[str]:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        yield url
    else:
        with postgres_database(str(SERVER)) as made:
            yield made


@pytest.fixture
def any_store(any_url: str) -> Iterator[Store]:
    with open_store(any_url, busy_timeout=5.0) as opened:
        yield opened
