"""Wherever an investigation is killed, it goes on and does no finished step again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agent.graph import build, investigate_in
from agent.notes import MemoryNotes
from benchmarks.sweep_stub import ACTS, StubBench, _evidence
from core.ids import UnitId
from llms.fake import FakeChatModel

UNIT = UnitId("demo", "mlp.0", 3)


class Killed(BaseException):
    """No error that anything would catch."""


class Mortal(InMemorySaver):
    """Dies before the write number ``at`` of a kind (``aput`` or ``aput_writes``)."""

    def __init__(self, kind: str, at: int) -> None:
        super().__init__()
        self.kind, self.left = kind, at

    async def _write(self, kind: str, *given: Any) -> Any:
        if kind == self.kind:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return await getattr(super(), kind)(*given)

    async def aput(self, *given: Any) -> Any:
        return await self._write("aput", *given)

    async def aput_writes(self, *given: Any) -> Any:
        return await self._write("aput_writes", *given)


@pytest.mark.parametrize("kind", ["aput", "aput_writes"])
@pytest.mark.parametrize("at", range(1, 14))
def test_a_kill_between_any_two_writes_loses_one_step_at_most(kind: str, at: int) -> None:
    saver, notes = Mortal(kind, at), MemoryNotes()
    asked = FakeChatModel(lambda _: "yes")

    async def attempt() -> str:
        bench = StubBench(UNIT, _evidence(), None, notes)  # type: ignore[arg-type]
        bench.model = asked
        found = await investigate_in(build(saver, ACTS), bench, "thread")
        return found.verdict

    with pytest.raises(Killed):
        asyncio.run(attempt())
    assert asyncio.run(attempt()) == "explained"
    questions = [request.key("m") for request in asked.requests]
    assert len(set(questions)) == 9
    assert len(questions) <= 9 + 1
