"""Property tests are judged by what they find, not by how long it took; a real PostgreSQL."""

from __future__ import annotations

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
