"""What investigations put away between steps; it is dropped when their run is stored.

Written off the event loop. Many investigations write at one time, so a note is one small
transaction.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import delete, insert, select

from storage.engine import transaction
from storage.schema import run_notes
from storage.store import Store


class RunNotes:
    """JSON values by name for the run of one key; a name is written once.

    Every method raises :class:`core.errors.StorageError` when the database fails.
    """

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.run = run

    async def get(self, name: str) -> Any | None:
        """The value, or None."""
        return await asyncio.to_thread(self._get, name)

    async def put(self, values: dict[str, Any]) -> None:
        """Keep values, all or none; those that are kept already stay as they are."""
        await asyncio.to_thread(self._put, values)

    async def drop(self) -> None:
        """Forget everything of this run."""
        await asyncio.to_thread(self._drop)

    def _get(self, name: str) -> Any | None:
        asked = select(run_notes.c.value).where(
            run_notes.c.run == self.run, run_notes.c.name == name
        )
        with transaction(self.store.engine, self.store.name, writes=False) as connection:
            row = connection.execute(asked).first()
        return None if row is None else row.value

    def _put(self, values: dict[str, Any]) -> None:
        with transaction(self.store.engine, self.store.name, writes=True) as connection:
            asked = select(run_notes.c.name).where(
                run_notes.c.run == self.run, run_notes.c.name.in_(list(values))
            )
            known = {row.name for row in connection.execute(asked)}
            new = [
                {"run": self.run, "name": name, "value": value}
                for name, value in values.items()
                if name not in known
            ]
            if new:
                connection.execute(insert(run_notes), new)

    def _drop(self) -> None:
        with transaction(self.store.engine, self.store.name, writes=True) as connection:
            connection.execute(delete(run_notes).where(run_notes.c.run == self.run))
