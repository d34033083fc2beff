"""Several processes on one database, and processes that die in the middle of their work."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event
from storage_examples import SPEC, UNIT, run
from storage_trouble import intact, store_of_version, tables, together, version

from core.errors import NotStored
from storage import Store, open_store


def test_processes_may_create_and_fill_one_database_at_once(fresh_url: str) -> None:
    ended = together(fresh_url, ["save"] * 3)
    assert [(code, errors) for code, _, errors in ended] == [(0, "")] * 3
    versions = [int(line) for _, output, _ in ended for line in output.split()]
    assert sorted(versions) == list(range(1, 13))
    with open_store(fresh_url) as store:
        assert [e.version for e in store.explanations(UNIT)] == list(range(1, 13))
        assert len(store.experiments("worker-2-3")) == 1
    assert intact(fresh_url)


def test_a_writer_killed_in_the_middle_of_a_run_leaves_no_trace(url: str) -> None:
    with open_store(url) as store:
        store.save_run(run("run-1", 1))
    [(code, output, _)] = together(url, ["die while saving"])
    assert code == -signal.SIGKILL
    assert output == "killed\n"
    assert intact(url)
    with open_store(url) as store:
        found = store.find_run("key-1")
        assert found is not None
        assert found.id == "run-1"
        assert [e.id for e in store.explanations(UNIT)] == ["ex-1"]
        assert [hit.explanation for hit in store.search("fires").hits] == ["ex-1"]
        with pytest.raises(NotStored):
            store.experiments("doomed")
        store.save_run(run("run-2", 2))


def test_a_migration_killed_in_the_middle_is_done_again(fresh_url: str) -> None:
    [(code, output, _)] = together(fresh_url, ["die while migrating"])
    assert (code, output) == (-signal.SIGKILL, "killed\n")
    assert tables(fresh_url) == set()
    with open_store(fresh_url) as store:
        store.save_run(run())


def test_an_upgrade_killed_in_the_middle_keeps_the_old_version_whole(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0001") as old:
        old.save_run(run())
    [(code, output, _)] = together(fresh_url, ["die while upgrading"])
    assert (code, output) == (-signal.SIGKILL, "killed\n")
    assert version(fresh_url) == "0001"
    assert "llm_calls" not in tables(fresh_url)
    with open_store(fresh_url) as store:
        assert store.find_run("key-1") is not None
        assert store.calls() == []


def test_threads_may_open_one_fresh_database_at_once(fresh_url: str) -> None:
    def work(_: int) -> int:
        with open_store(fresh_url) as store:
            return store.next_version(UNIT, SPEC)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(work, range(6))) == [1, 2, 3, 4, 5, 6]


def test_threads_may_share_a_store(url: str) -> None:
    with open_store(url) as store, ThreadPoolExecutor(6) as pool:
        versions = pool.map(lambda _: store.next_version(UNIT, SPEC), range(30))
        assert sorted(versions) == list(range(1, 31))


def test_a_reader_sees_whole_runs_only(store: Store, url: str) -> None:
    seen: list[int] = []
    with open_store(url) as other:

        @event.listens_for(store.engine, "after_cursor_execute")
        def _look(*_: object) -> None:
            seen.append(len(other.explanations(UNIT)) + len(other.openings(UNIT)))

        store.save_run(run())
        assert set(seen) == {0}
        assert len(other.explanations(UNIT)) == 1
