"""What can go wrong with a disk or a database: one clear line, and nothing stored is lost."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, OperationalError
from storage_examples import NOTHING, RUNNING, SPEC, UNIT, explanation, run
from storage_trouble import full_disk, query

from core.errors import DiskFull, MissingExtra, NotStored, StorageError
from storage import Store, open_store
from storage.engine import display_name, read_url
from storage.faults import storage_error, translated
from storage.schema import units


def one_line(error: StorageError, *, names: object) -> None:
    assert "\n" not in str(error)
    assert str(names) in error.message
    assert error.hint


def called(url: str) -> str:
    """What messages call a database."""
    return display_name(read_url(url))


def test_a_full_disk_in_the_middle_of_a_run_loses_nothing(file_store: Store, file: Path) -> None:
    file_store.save_run(run("run-1", 1))
    big = run("run-2", 2, document={"excerpts": "x" * 200_000})
    with full_disk(file_store):
        with pytest.raises(DiskFull) as caught:
            file_store.save_run(big)
        found = file_store.find_run("key-1")
        assert found is not None
        assert found.id == "run-1"
    one_line(caught.value, names=file)
    assert [e.id for e in file_store.explanations(UNIT)] == ["ex-1"]
    with pytest.raises(NotStored):
        file_store.experiments("run-2")
    file_store.save_run(big)
    assert [e.id for e in file_store.explanations(UNIT)] == ["ex-1", "ex-2"]


def test_a_disk_that_fills_up_after_the_explanations_were_written(file_store: Store) -> None:
    file_store.save_run(run("run-1", 1))
    tests = tuple(
        run().experiments[0].model_copy(update={"id": f"e{n}", "description": "x" * 5000})
        for n in range(100)
    )
    with full_disk(file_store), pytest.raises(DiskFull):
        file_store.save_run(run("run-2", 2, experiments=tests))
    assert [e.id for e in file_store.explanations(UNIT)] == ["ex-1"]


def test_no_room_for_the_tables(file_url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage import engine

    prepare = engine._prepare_sqlite

    def full(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)  # type: ignore[arg-type]
        connection.execute("PRAGMA max_page_count = 3")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_prepare_sqlite", full)
        with pytest.raises(DiskFull) as caught:
            open_store(file_url)
    one_line(caught.value, names=file)
    with open_store(file_url) as store:
        store.save_run(run())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_reported_by_the_system(number: int) -> None:
    with pytest.raises(DiskFull), translated("a.db"):
        raise OSError(number, os.strerror(number))


def test_a_locked_database_is_named_after_the_busy_timeout(file_store: Store, file: Path) -> None:
    file_store.save_run(run("run-1", 1))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked by another process") as caught:
            file_store.save_run(run("run-2", 2))
        assert file_store.find_run("key-1") is not None, "readers never wait for a writer"
    one_line(caught.value, names=file)
    file_store.save_run(run("run-2", 2))


def test_a_fresh_database_locked_by_another_process(file_url: str, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match="locked by another process"):
            open_store(file_url, busy_timeout=0.05)


def test_a_file_that_is_no_database_is_left_alone(file_url: str, file: Path) -> None:
    content = b"these are notes, not a database\n" * 200
    file.write_bytes(content)
    with pytest.raises(StorageError, match="is not a database") as caught:
        open_store(file_url)
    one_line(caught.value, names=file)
    assert file.read_bytes() == content


def test_a_damaged_database(file_url: str, file: Path) -> None:
    with open_store(file_url) as store:
        store.save_run(run())
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged") as caught, open_store(file_url) as store:
        store.explanations(UNIT)
    one_line(caught.value, names=file)


def test_a_database_of_another_program_is_left_alone(file_url: str, file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (file_url TEXT)")
        other.commit()
    before = file.read_bytes()
    with pytest.raises(StorageError, match=r"another program .*'bookmarks'"):
        open_store(file_url)
    assert file.read_bytes() == before


def test_a_schema_from_a_newer_version(fresh_url: str) -> None:
    with open_store(fresh_url) as store:
        store.save_run(run())
    query(fresh_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="'9999', which is newer") as caught:
        open_store(fresh_url)
    one_line(caught.value, names=called(fresh_url))
    assert "upgrade" in caught.value.hint
    assert query(fresh_url, "SELECT count(*) FROM explanations") == 1


def test_a_missing_table_is_reported(fresh_url: str) -> None:
    open_store(fresh_url).close()
    query(fresh_url, "DROP TABLE report_openings")
    with (
        open_store(fresh_url) as store,
        pytest.raises(StorageError, match="report_openings") as caught,
    ):
        store.openings(UNIT)
    one_line(caught.value, names=called(fresh_url))


def test_a_database_that_may_only_be_read(file_url: str, file: Path) -> None:
    with open_store(file_url) as store:
        store.save_run(run())
    with open_store(f"sqlite:///file:{file}?mode=ro&uri=true") as store:
        assert store.find_run("key-1") is not None
        with pytest.raises(StorageError, match="cannot be written"):
            store.save_run(run("run-2", 2))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        for path in ("store.db", "below/store.db"):
            with pytest.raises(StorageError, match="cannot be opened"):
                open_store(f"sqlite:///{tmp_path}/{path}")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        open_store(f"sqlite:///{tmp_path}")
    one_line(caught.value, names=tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        open_store(f"sqlite:///{tmp_path}/taken/store.db")
    one_line(caught.value, names=tmp_path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql://user:s3cret@host:port/name", "cannot be read"),
        ("mysql://user:s3cret@host/name", "'mysql' is not supported"),
        ("nosuch://user:s3cret@host/name", "'nosuch' is not supported"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        open_store(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_driver_is_named() -> None:
    with pytest.raises(MissingExtra, match="pg8000"):
        open_store("postgresql+pg8000://user:s3cret@host/name")


def test_a_stored_record_that_cannot_be_read(store: Store) -> None:
    store.save_run(run())
    with store.engine.begin() as other:
        other.exec_driver_sql("UPDATE explanations SET polarity = 'sideways'")
        other.exec_driver_sql("UPDATE runs SET document = '{'")
    for question in (lambda: store.explanations(UNIT), lambda: store.find_run("key-1")):
        with pytest.raises(StorageError, match="stored record cannot be read") as caught:
            question()
        one_line(caught.value, names=store.name)


def test_the_database_itself_refuses_impossible_rows(store: Store) -> None:
    store.save_run(run(**RUNNING))
    wrong = (
        "UPDATE runs SET status = 'asleep'",
        "UPDATE runs SET status = 'done'",
        "UPDATE units SET unit_index = -1",
        "INSERT INTO experiments VALUES (1, 'no run', 'e', 'k', 'd', '{}', '{}')",
    )
    for statement in wrong:
        with store.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.exec_driver_sql(statement)


def test_a_unit_is_one_row(store: Store) -> None:
    store.next_version(UNIT, SPEC)
    row = {
        "subject": UNIT.subject,
        "site": UNIT.site,
        "unit_index": UNIT.index,
        "spec_hash": SPEC,
        "last_version": 0,
    }
    with (
        pytest.raises(StorageError, match="holds such a record"),
        translated("a.db"),
        store.engine.begin() as connection,
    ):
        connection.execute(insert(units).values(row))


def test_a_server_is_waited_for_as_long_as_a_file_is(emptied_postgres: str) -> None:
    with open_store(emptied_postgres, busy_timeout=0.05) as store:
        store.next_version(UNIT, SPEC)
        with store.engine.connect() as other, other.begin():
            other.exec_driver_sql("UPDATE units SET last_version = 9")
            with pytest.raises(StorageError, match="locked by another process") as caught:
                store.next_version(UNIT, SPEC)
        one_line(caught.value, names=store.name)
        assert store.next_version(UNIT, SPEC) == 10


def test_a_server_that_was_started_again_is_asked_again(emptied_postgres: str) -> None:
    with open_store(emptied_postgres) as store:
        store.save_run(run())
        ours = "datname = current_database() AND pid <> pg_backend_pid()"
        query(
            emptied_postgres, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"
        )
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            store.find_run("key-1")
        one_line(caught.value, names=store.name)
        assert store.find_run("key-1") is not None


@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        ("53100", DiskFull, "no space left"),
        ("55P03", StorageError, "locked"),
        ("25006", StorageError, "cannot be written"),
        ("23505", StorageError, "holds such a record"),
        ("08006", StorageError, "cannot be reached"),
        ("57P01", StorageError, "cannot be reached"),
        ("53300", StorageError, "cannot be reached"),
        ("42P01", StorageError, "the database refused"),
    ],
)
def test_postgresql_states_are_understood(state: str, kind: type[Exception], says: str) -> None:
    class DriverError(Exception):
        sqlstate = state

    error = storage_error(OperationalError("INSERT", {}, DriverError("one\ntwo")), "pg://h/n")
    assert type(error) is kind
    assert says in error.message
    one_line(error, names="pg://h/n")


def test_an_error_keeps_its_cause(store: Store) -> None:
    store.save_run(run())
    with pytest.raises(StorageError) as caught:
        store.save_run(run("run-2", **(NOTHING | {"explanations": (explanation(),)})))
    assert isinstance(caught.value.__cause__, DBAPIError)
