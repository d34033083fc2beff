"""Bringing a database to the schema of :mod:`storage.schema`, step by step.

:func:`bring_up_to_date` runs on every opening. When the schema is current it reads one row and
stops, without importing Alembic. Otherwise all missing steps run in *one* transaction that holds
the database's write lock: a second process waits and then finds nothing to do, and a killed one
leaves the database as it was.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from core.errors import StorageError
from storage.engine import transaction, use_wal
from storage.schema import HEAD, VERSION_TABLE

FOLDER = Path(__file__).parent
_ADVISORY_LOCK = 0x6E657572  # any constant: the same in every process that migrates
_alembic_is_global = threading.Lock()


def bring_up_to_date(engine: Engine, name: str, patience: float) -> None:
    """Create or upgrade the tables. ``name`` is what error messages call the database.

    Raises :class:`StorageError` when the schema comes from a newer version, when the file belongs
    to another program, or when another process holds the lock for longer than ``patience`` seconds.
    """
    with transaction(engine, name, writes=False) as connection:
        if version_of(connection, name) == HEAD:
            return
    use_wal(engine, patience)
    with _alembic_is_global, transaction(engine, name, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        if (found := version_of(connection, name)) != HEAD:
            _upgrade(connection, name, found)


def version_of(connection: Connection, name: str) -> str | None:
    """The revision a database is at; ``None`` when it is empty."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if tables and connection.dialect.name == "sqlite":
        raise StorageError(
            f"{name!r} is a database of another program (it has a table {min(tables)!r})",
            "set NEUROSCRIBE_DATABASE_URL to another file",
        )
    return None


def _upgrade(connection: Connection, name: str, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StorageError(
            f"{name!r} has schema {found!r}, which is newer than this version of Neuroscribe",
            "upgrade Neuroscribe, or set NEUROSCRIBE_DATABASE_URL to another database",
        )
    command.upgrade(config, HEAD)
