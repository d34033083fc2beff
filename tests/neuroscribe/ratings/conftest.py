"""An empty home, and ten explained units of ``demo/mlp.2`` in its store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Store, open_store
from tests.neuroscribe.ratings.stored_site import site


@pytest.fixture(scope="session")
def ten_units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database, written once."""
    file = tmp_path_factory.mktemp("site") / "neuroscribe.db"
    site(f"sqlite:///{file}", [i / 10 for i in range(10)]).close()
    return file


@pytest.fixture
def store(ten_units: Path, own_home: Path) -> Iterator[Store]:
    own_home.mkdir()
    file = shutil.copy(ten_units, own_home / "neuroscribe.db")
    with open_store(f"sqlite:///{file}") as opened:
        yield opened
