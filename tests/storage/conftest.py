"""A store in a fresh folder, and the URL it lives at.

What must hold on PostgreSQL too is tested there when ``NEUROSCRIBE_TEST_POSTGRES`` names a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Store, open_store
from tests.postgres_server import SERVER, postgres_database


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


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def any_url(request: pytest.FixtureRequest, url: str) -> Iterator[str]:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        yield url
    else:
        with postgres_database() as made:
            yield made


@pytest.fixture
def any_store(any_url: str) -> Iterator[Store]:
    with open_store(any_url, busy_timeout=5.0) as opened:
        yield opened
