"""Where investigations under way are kept: how far each is, one small row a step.

What many investigations write together is committed together. Of a step only the checkpoint behind
it is kept, not what it wrote on the way: each step of an investigation runs alone, so a kill
between the two costs that step, whose notes and answers of language models are kept anyway.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from core.errors import MissingExtra, StorageError
from core.together import Together

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_ROW = (
    "INSERT OR REPLACE INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, "
    "parent_checkpoint_id, type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ONLY = "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id != ?"
_BUSY_SECONDS = 30.0
_SETUP_LOCK = 0x6E657573  # any constant: the same in every process


@asynccontextmanager
async def checkpoints(
    url: str, *, only_newest: bool = False
) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """A SQLite file, or PostgreSQL (``postgresql://``).

    ``only_newest``: of each thread, where that is a file; else its whole history.

    Raises :class:`StorageError` when the place cannot be used, :class:`MissingExtra` without the
    PostgreSQL saver.
    """
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    if url.startswith("postgresql"):
        try:
            from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"checkpoints in PostgreSQL need the package {error.name!r}",
                "pip install 'neuroscribe[postgres]'",
            ) from None
        import psycopg

        address = "postgresql" + url[url.index("://") :]
        try:
            async with AsyncPostgresSaver.from_conn_string(address) as kept:
                await _set_up(kept)
                yield kept
        except psycopg.Error as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise StorageError(
                f"the checkpoints in PostgreSQL cannot be used: {said}",
                "check the address, and that the server runs and lets this user in",
            ) from error
        return
    import aiosqlite

    with told_of(url):
        # A connection that cannot be made leaves a thread behind that outlives the event loop.
        await asyncio.to_thread(_try, url)
        async with aiosqlite.connect(url, timeout=_BUSY_SECONDS) as connection:
            saver = _saver(connection, only_newest)
            await saver.setup()
            # A checkpoint that a power cut takes away is only a step to be done again.
            await connection.execute("PRAGMA synchronous = NORMAL")
            yield saver


async def _set_up(kept: Any) -> None:
    """Make the tables, one process at a time: those that begin at one moment would collide."""
    # Tried again and again, because a statement that waits keeps indexes from being made.
    asked = f"SELECT pg_try_advisory_lock({_SETUP_LOCK}) AS held"
    while not (await (await kept.conn.execute(asked)).fetchone())["held"]:
        await asyncio.sleep(0.05)
    await kept.setup()
    await kept.conn.execute(f"SELECT pg_advisory_unlock({_SETUP_LOCK})")


def _try(url: str) -> None:
    sqlite3.connect(url, timeout=_BUSY_SECONDS).close()


@contextmanager
def told_of(url: str) -> Iterator[None]:
    """Failures of a SQLite file as :class:`StorageError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(
            f"the checkpoints at {url!r} cannot be used: {error}",
            "move the file away: investigations under way begin again, nothing stored is lost",
        ) from error


def _saver(connection: Any, only_newest: bool) -> Any:
    from langgraph.checkpoint.base import get_checkpoint_metadata
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    class StepSaver(AsyncSqliteSaver):
        """Writes checkpoints of many threads in one transaction, and no writes of single tasks."""

        def __init__(self, connection: Any) -> None:
            super().__init__(connection)
            self._rows = Together[tuple[Any, ...], None](self._write)
            self._threads = Together[str, None](self._delete)

        async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            """Returns when the checkpoint is committed."""
            here = config["configurable"]
            type_, data = self.serde.dumps_typed(checkpoint)
            told = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
            name = str(here["thread_id"]), here["checkpoint_ns"], checkpoint["id"]
            parent = here.get("checkpoint_id")
            await self._rows.ask((*name, parent, type_, data, told.encode("utf-8", "ignore")))
            labels = "thread_id", "checkpoint_ns", "checkpoint_id"
            return {"configurable": dict(zip(labels, (here["thread_id"], *name[1:]), strict=True))}

        async def aput_writes(
            self,
            config: Any,
            writes: Sequence[tuple[str, Any]],
            task_id: str,
            task_path: str = "",
        ) -> None:
            """The checkpoint behind the step holds them."""

        async def adelete_thread(self, thread_id: str) -> None:
            """Returns when everything of the thread is gone."""
            await self._threads.ask(str(thread_id))

        async def _write(self, rows: list[tuple[Any, ...]]) -> Sequence[None]:
            async with self.lock:
                with told_of("the checkpoint file"):
                    await self.conn.executemany(_ROW, rows)
                    if only_newest:
                        await self.conn.executemany(_ONLY, [row[:3] for row in rows])
                    await self.conn.commit()
            return [None] * len(rows)

        async def _delete(self, threads: list[str]) -> Sequence[None]:
            names = [(thread,) for thread in threads]
            async with self.lock:
                with told_of("the checkpoint file"):
                    for table in ("checkpoints", "writes"):
                        await self.conn.executemany(
                            f"DELETE FROM {table} WHERE thread_id = ?", names
                        )
                    await self.conn.commit()
            return [None] * len(threads)

    return StepSaver(connection)
