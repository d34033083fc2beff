"""A store in a fresh folder, and the URL it lives at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
