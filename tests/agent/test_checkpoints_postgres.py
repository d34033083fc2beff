"""Checkpoints in a real PostgreSQL: killed between any two steps, dropped without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from agent.checkpoints import checkpoints
from agent.graph import build, forget, investigate_in
from agent.notes import MemoryNotes, Notes
from benchmarks.sweep_stub import ACTS, StubBench, _evidence
from core.errors import StorageError
from core.ids import UnitId
from llms.fake import FakeChatModel

UNIT = UnitId("demo", "mlp.0", 3)
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


class Killed(BaseException):
    """No error that anything would catch."""


def dies(monkeypatch: pytest.MonkeyPatch, write: str, at: int) -> None:
    """Arrange to be killed before the write number ``at`` of a kind."""
    whole: Callable[..., Any] = getattr(AsyncPostgresSaver, write)
    left = [at]

    async def mortal(self: AsyncPostgresSaver, *given: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return await whole(self, *given)

    monkeypatch.setattr(AsyncPostgresSaver, write, mortal)


async def attempt(url: str, notes: Notes, asked: FakeChatModel, thread: str = "thread") -> str:
    async with checkpoints(url) as saver:
        bench = StubBench(UNIT, _evidence(), None, notes)  # type: ignore[arg-type]
        bench.model = asked
        return (await investigate_in(build(saver, ACTS), bench, thread)).verdict


def rows(url: str, thread: str) -> dict[str, int]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = {}
        for table in TABLES:
            asked = f"SELECT count(*) FROM {table} WHERE thread_id = %s"
            counted = connection.execute(asked, (thread,)).fetchone()  # type: ignore[arg-type]
            found[table] = counted[0] if counted else 0
        return found


@pytest.mark.parametrize("write", ["aput", "aput_writes"])
@pytest.mark.parametrize("at", [1, 2, 5, 9, 13])
def test_a_kill_between_any_two_writes_loses_one_step_at_most(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, write: str, at: int
) -> None:
    notes, asked = MemoryNotes(), FakeChatModel(lambda _: "yes")
    with monkeypatch.context() as mortal:
        dies(mortal, write, at)
        with pytest.raises(Killed):
            asyncio.run(attempt(postgres_url, notes, asked))
    assert asyncio.run(attempt(postgres_url, notes, asked)) == "explained"
    questions = [request.key("m") for request in asked.requests]
    assert len(set(questions)) == 9
    assert len(questions) <= 9 + 1


def test_forgetting_leaves_nothing_of_that_thread_and_all_of_others(postgres_url: str) -> None:
    asked = FakeChatModel(lambda _: "yes")
    for thread in ("one", "other"):
        asyncio.run(attempt(postgres_url, MemoryNotes(), asked, thread))
    kept = rows(postgres_url, "other")
    assert all(kept.values())

    async def forgotten() -> None:
        async with checkpoints(postgres_url) as saver:
            await forget(build(saver, ACTS), "one")

    asyncio.run(forgotten())
    assert rows(postgres_url, "one") == dict.fromkeys(TABLES, 0)
    assert rows(postgres_url, "other") == kept


def test_workers_that_begin_at_one_moment_share_a_fresh_database(postgres_url: str) -> None:
    together = Barrier(4)

    def work(number: int) -> str:
        together.wait()
        asked = FakeChatModel(lambda _: "yes")
        return asyncio.run(attempt(postgres_url, MemoryNotes(), asked, f"thread-{number}"))

    with ThreadPoolExecutor(4) as workers:
        assert list(workers.map(work, range(4))) == ["explained"] * 4


def test_a_connection_that_is_cut_is_an_error_of_storage(postgres_url: str) -> None:
    async def cut() -> None:
        async with checkpoints(postgres_url) as saver:
            with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
                pid = saver.conn.info.backend_pid  # type: ignore[attr-defined]
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            await forget(build(saver, ACTS), "thread")

    with pytest.raises(StorageError, match="the checkpoints in PostgreSQL cannot be used"):
        asyncio.run(cut())
