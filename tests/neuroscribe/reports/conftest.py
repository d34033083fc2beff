"""An empty store in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from storage import Store, open_store


@pytest.fixture
def store(own_home: Path, empty_file: Path) -> Iterator[Store]:
    own_home.mkdir()
    copyfile(empty_file, own_home / "neuroscribe.db")
    with open_store(f"sqlite:///{own_home / 'neuroscribe.db'}") as opened:
        yield opened
