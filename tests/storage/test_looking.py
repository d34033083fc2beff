"""A database is looked at without being changed, whichever kind it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_times import at
from storage_examples import job, units

from core.errors import StorageError
from storage import Store, open_store
from storage.looking import look, look_at_jobs
from storage.schema import HEAD


def test_a_current_store_is_seen_as_it_is(url: str) -> None:
    open_store(url).close()
    found = look(url)
    assert found is not None
    assert (found.schema, found.wanted, found.newer) == (HEAD, HEAD, False)
    assert found.backend in url
    assert found.version
    assert found.journal == ("wal" if found.backend == "sqlite" else None)
    assert found.tables > 10


def test_an_empty_database_stays_empty(fresh_url: str, file: Path) -> None:
    first = look(fresh_url)
    assert first is None or (first.schema, first.tables) == (None, 0)
    assert look_at_jobs(fresh_url) == [] if first is None else look(fresh_url) == first
    assert not file.exists()


def test_jobs_are_counted_with_the_leases_that_ran_out(store: Store, url: str) -> None:
    store.jobs.create(job(), units(5))
    store.jobs.claim("job-0001", "bob", limit=2, lease_seconds=3600)
    store.jobs.claim("job-0001", "ada", limit=2, lease_seconds=1, now=at(0))
    store.jobs.create(job(id="job-0002"), units(1))
    store.jobs.cancel("job-0002")
    (found,) = look_at_jobs(url)
    assert (found.id, found.state) == ("job-0001", "running")
    assert (found.held, found.lost, found.queued) == (4, 2, 1)


def test_what_cannot_be_reached_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("a letter" * 200)
    for url in (f"sqlite:///{tmp_path / 'x.db'}", "mysql://nowhere/x", "sqlite://"):
        with pytest.raises(StorageError):
            look(url)
