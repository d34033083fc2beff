"""An empty store in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Store, open_store


@pytest.fixture
def store(own_home: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{own_home / 'neuroscribe.db'}") as opened:
        yield opened
