"""What all tests share: property tests without a deadline, Ctrl-C, a real PostgreSQL."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres_server import postgres_database

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh database; skips where ``NEUROSCRIBE_TEST_POSTGRES`` is not set."""
    with postgres_database() as made:
        yield made


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """This process heeds SIGINT; those that a shell runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
