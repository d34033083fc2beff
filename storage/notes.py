"""What investigations put away between steps; it is dropped when their run is stored.

Many investigations write at one time, so what they write together goes in one transaction, off the
event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from core.together import Together
from storage.engine import transaction
from storage.schema import run_notes
from storage.store import Store

_RUNS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Change:
    """Values to keep for a run, or (``drop``) everything of it to forget."""

    run: str
    values: dict[str, Any] = field(default_factory=dict)
    drop: bool = False


class NoteBook:
    """The notes of all investigations of one event loop.

    Every method raises :class:`core.errors.StorageError` when the database fails.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._changes = Together[_Change, None](lambda batch: asyncio.to_thread(self._write, batch))

    def of(self, run: str) -> RunNotes:
        """The notes of one run."""
        return RunNotes(self, run)

    async def change(self, change: _Change) -> None:
        """Returns when it is on disk."""
        await asyncio.shield(self._changes.ask(change))

    def read(self, run: str, names: Sequence[str]) -> dict[str, Any]:
        """The values that there are, by name."""
        asked = select(run_notes.c.name, run_notes.c.value).where(
            run_notes.c.run == run, run_notes.c.name.in_(names)
        )
        with transaction(self.store.engine, self.store.name, writes=False) as connection:
            return {row.name: row.value for row in connection.execute(asked)}

    def any(self, run: str) -> bool:
        """Whether anything is kept of a run."""
        asked = select(run_notes.c.name).where(run_notes.c.run == run).limit(1)
        with transaction(self.store.engine, self.store.name, writes=False) as connection:
            return connection.execute(asked).first() is not None

    def _write(self, changes: Sequence[_Change]) -> Sequence[None]:
        rows = [
            {"run": change.run, "name": name, "value": value}
            for change in changes
            for name, value in change.values.items()
        ]
        runs = [change.run for change in changes if change.drop]
        dialect = postgresql if self.store.engine.dialect.name == "postgresql" else sqlite
        with transaction(self.store.engine, self.store.name, writes=True) as connection:
            if rows:
                connection.execute(dialect.insert(run_notes).on_conflict_do_nothing(), rows)
            for start in range(0, len(runs), _RUNS_AT_ONCE):
                part = runs[start : start + _RUNS_AT_ONCE]
                connection.execute(delete(run_notes).where(run_notes.c.run.in_(part)))
        return [None] * len(changes)


@dataclass(frozen=True, slots=True)
class RunNotes:
    """JSON values by name for the run of one key; a name is written once."""

    book: NoteBook
    run: str

    async def get(self, names: Sequence[str]) -> dict[str, Any]:
        """The values that there are, by name."""
        return await asyncio.to_thread(self.book.read, self.run, names)

    async def any(self) -> bool:
        """Whether anything is kept."""
        return await asyncio.to_thread(self.book.any, self.run)

    async def put(self, values: dict[str, Any]) -> None:
        """Keep values, all or none; those that are kept already stay as they are."""
        await self.book.change(_Change(self.run, values))

    async def drop(self) -> None:
        """Forget everything of this run."""
        await self.book.change(_Change(self.run, drop=True))
