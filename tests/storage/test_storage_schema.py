"""The migrations make exactly the tables of ``storage.schema``, and only when they must."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, create_mock_engine, inspect
from storage_examples import run, score
from storage_trouble import store_of_version

import storage.migrations
from storage import Store, open_store
from storage.migrations import FOLDER
from storage.schema import HEAD, VERSION_TABLE, metadata

ROOT = Path(__file__).parents[2]


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return ScriptDirectory.from_config(config)


def described(engine: Engine) -> dict[str, Any]:
    """Everything the database knows about our tables: names, types, constraints, indexes."""
    seen = inspect(engine)

    def by_name(items: list[Any]) -> list[Any]:
        return sorted(items, key=lambda item: str(item["name"]))

    return {
        table: {
            "columns": [
                column | {"type": str(column["type"])} for column in seen.get_columns(table)
            ],
            "primary key": seen.get_pk_constraint(table),
            "foreign keys": by_name(seen.get_foreign_keys(table)),
            "unique": by_name(seen.get_unique_constraints(table)),
            "checks": by_name(seen.get_check_constraints(table)),
            "indexes": by_name(seen.get_indexes(table)),
        }
        for table in seen.get_table_names()
        if table != VERSION_TABLE
    }


@pytest.fixture
def declared(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with the tables as ``storage.schema`` declares them."""
    on_file = f"sqlite:///{tmp_path / 'declared.db'}"
    engine = create_engine(on_file if kind == "sqlite" else request.getfixturevalue("postgres_url"))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_the_migrated_schema_is_exactly_the_declared_one(store: Store, declared: Engine) -> None:
    assert described(store.engine) == described(declared)


def ours(name: str | None, kind: str, _: object) -> bool:
    """Not the index of words, which each database makes in its own way."""
    return not str(name).startswith(("explanation_search", "ix_explanation_words"))


def test_alembic_finds_nothing_left_to_migrate(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": ours}
        )
        assert compare_metadata(context, metadata) == []


def test_these_are_the_tables() -> None:
    assert set(metadata.tables) == {
        "units",
        "runs",
        "explanations",
        "explanation_words",
        "explanation_vectors",
        "scores",
        "experiments",
        "report_openings",
        "llm_calls",
        "ratings",
        "jobs",
        "job_items",
        "run_notes",
        "job_events",
        "api_keys",
        "finding_sites",
        "findings",
        "conversations",
    }


def test_every_constraint_has_a_name() -> None:
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints)
        assert all(index.name for index in table.indexes)


def test_head_names_the_last_migration_of_one_line() -> None:
    assert scripts().get_heads() == [HEAD]


def test_every_migration_is_valid_on_postgresql_and_makes_the_same_tables() -> None:
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        for script in reversed(list(scripts().walk_revisions())):
            script.module.upgrade()
    declared: list[str] = []
    engine: Any = create_mock_engine(
        "postgresql+psycopg://",
        lambda sql, *_, **__: declared.append(str(sql.compile(dialect=engine.dialect))),
    )
    metadata.create_all(engine, checkfirst=False)

    def created(text: str) -> set[str]:
        return {" ".join(s.split()) for s in text.split(";") if "CREATE" in s}

    assert {s.split("(")[0] for s in created(written.getvalue())} == {
        s.split("(")[0] for s in created(";".join(declared))
    }


def test_sqlite_runs_in_wal_mode_with_foreign_keys(file_store: Store) -> None:
    with file_store.engine.connect() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == 50
        assert pragma("synchronous") == 2


def test_a_current_schema_is_not_migrated_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url).close()
    monkeypatch.setattr(storage.migrations, "_upgrade", lambda *_: pytest.fail("migrated again"))
    monkeypatch.setattr(storage.migrations, "use_wal", lambda *_: pytest.fail("took a lock"))
    open_store(url).close()


def test_importing_and_opening_a_current_store_needs_no_alembic(url: str) -> None:
    open_store(url).close()
    program = (
        "import sys; from storage import open_store; open_store(sys.argv[1]).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program, url], cwd=ROOT, check=True)


def test_scores_of_the_first_version_are_told_apart_by_what_they_measure(fresh_url: str) -> None:
    variance = score(scorer="explained_variance", measure="explained_variance")
    with store_of_version(fresh_url, "0002") as old:
        old.save_run(run(scores=(score(), variance)))
    with open_store(fresh_url) as store:
        assert [s.measure for s in store.scores("ex-1")] == ["correlation", "explained_variance"]
        assert store.explanations(run().unit)[0].side == "input"
