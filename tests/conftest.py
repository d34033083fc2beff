"""What all tests share: property tests without a deadline, Ctrl-C, databases of each kind."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from storage import open_store
from tests.postgres_server import KINDS, empty, postgres_database

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_collection_finish() -> None:
    """What was imported to find the tests stays to the end: garbage is not looked for in it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh database; skips where ``NEUROSCRIBE_TEST_POSTGRES`` is not set."""
    with postgres_database() as made:
        yield made


@pytest.fixture(scope="session")
def lasting_postgres() -> Iterator[str]:
    """One database for the tests of a process; whoever uses it empties it first."""
    with postgres_database() as made:
        yield made


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database: a test that asks for it runs on each."""
    return str(request.param)


@pytest.fixture
def emptied_postgres(lasting_postgres: str) -> str:
    """A database that holds nothing, though perhaps its tables."""
    empty(lasting_postgres)
    return lasting_postgres


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, to be copied: that takes less time than making tables."""
    path = tmp_path_factory.mktemp("empty") / "neuroscribe.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """This process heeds SIGINT; those that a shell runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
