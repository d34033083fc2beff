"""A store of each kind of database, and one that is a file where files are what is tested.

What holds for a store holds on SQLite and on PostgreSQL, so ``store`` and ``url`` are both, one
after the other (PostgreSQL where ``NEUROSCRIBE_TEST_POSTGRES`` names a server). Tests of files,
their locks and their disks ask for ``file_store`` and ``file_url``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from storage import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "neuroscribe.db"


@pytest.fixture
def file_url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def file_store(empty_file: Path, file: Path, file_url: str) -> Iterator[Store]:
    """A store that does not wait for locks."""
    copyfile(empty_file, file)
    with open_store(file_url, busy_timeout=0.05) as opened:
        yield opened


@pytest.fixture
def url(
    kind: str, empty_file: Path, file: Path, file_url: str, request: pytest.FixtureRequest
) -> str:
    """Where an empty store is; its tables may be there."""
    if kind == "sqlite":
        copyfile(empty_file, file)
        return file_url
    return str(request.getfixturevalue("emptied_postgres"))


@pytest.fixture
def fresh_url(kind: str, file_url: str, request: pytest.FixtureRequest) -> str:
    """Where there is nothing yet."""
    if kind == "sqlite":
        return file_url
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url, busy_timeout=5.0) as opened:
        yield opened
