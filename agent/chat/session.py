"""Conversations by name: say something, decide on what costs, go on after a kill, list them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import Field

from agent.chat.graph import MOST_STEPS, VERSION, Answer, Room, State, build, read_messages
from agent.checkpoints import told_of
from core.errors import InvalidSetting, JobState
from core.results import Record

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_PREFIX = "chat/"
_KIND = {"kind": "chat"}
_LONGEST_TITLE = 80
Told = Callable[[dict[str, Any]], None]


class Asked(Record):
    """A call that costs and waits for the user's decision: the estimate, and what it is for."""

    tool: str
    arguments: dict[str, Any]
    said: str
    figures: dict[str, Any] = Field(default_factory=dict)


class Turn(Record):
    """Where a conversation stands: answered, or waiting for a decision on ``waiting``."""

    thread: str
    answer: Answer | None = None
    waiting: tuple[Asked, ...] = ()


class ThreadSummary(Record):
    """A conversation in a list: its first question, and whether something is still to be done."""

    thread: str
    title: str
    questions: int
    state: str
    updated: str


@dataclass
class Chat:
    """Conversations kept by a checkpointer; ``room`` holds who speaks and the tools.

    ``told`` everywhere hears of pieces of text, calls and results as they come.
    """

    kept: BaseCheckpointSaver[Any]
    room: Room

    def __post_init__(self) -> None:
        self._graph = build(self.kept)

    @staticmethod
    def new_thread() -> str:
        """A name that no other conversation has."""
        return uuid4().hex[:12]

    async def say(self, thread: str, text: str, told: Told | None = None) -> Turn:
        """Answer ``text``. What waits for a decision in this conversation is taken as declined."""
        await self._state(thread)
        return await self._run(thread, State(said=text), told)

    async def decide(self, thread: str, allowed: bool, told: Told | None = None) -> Turn:
        """Allow or decline what :attr:`Turn.waiting` named, and go on.

        :class:`JobState` when nothing waits.
        """
        from langgraph.types import Command

        state, following = await self._state(thread)
        if following != ("confirm",) or not state:
            raise JobState(f"nothing waits for a decision in {thread!r}", "say something")
        return await self._run(thread, Command(resume=allowed), told)

    async def go_on(self, thread: str, told: Told | None = None) -> Turn:
        """Where the conversation stands, after finishing a question that a kill cut short."""
        state, following = await self._state(thread)
        if not state:
            raise InvalidSetting(
                f"there is no conversation {thread!r}", "neuroscribe chat --list names them"
            )
        if following and following != ("confirm",):
            return await self._run(thread, None, told)
        return _turn(thread, state, following)

    async def standing(self, thread: str) -> Turn:
        """What was answered last, or what waits; nothing is done."""
        return _turn(thread, *await self._state(thread))

    async def threads(self, limit: int = 50) -> list[ThreadSummary]:
        """The conversations, the one that was last spoken in first."""
        names: dict[str, str] = {}
        with told_of("the checkpoint file"):
            async for held in self.kept.alist(None, filter=_KIND):
                name = held.config["configurable"]["thread_id"].removeprefix(_PREFIX)
                names.setdefault(name, held.checkpoint["ts"])
        newest = sorted(names.items(), key=lambda item: item[1], reverse=True)[:limit]
        found = []
        for name, updated in newest:
            state, following = await self._state(name, strict=False)
            asked = [m.text for m in read_messages(state) if m.role == "user"]
            title = " ".join((asked[0] if asked else str(state.get("said", ""))).split())
            found.append(
                ThreadSummary(
                    thread=name,
                    title=title[:_LONGEST_TITLE],
                    questions=len(asked),
                    state=_standing(following),
                    updated=updated,
                )
            )
        return found

    async def _state(self, thread: str, *, strict: bool = True) -> tuple[State, tuple[str, ...]]:
        with told_of("the checkpoint file"):
            held = await self._graph.aget_state(_config(thread))
        state: State = held.values  # type: ignore[assignment]
        if strict and state and state.get("version", VERSION) != VERSION:
            raise JobState(
                f"conversation {thread!r} was kept by another version of this program",
                "begin a new one",
            )
        return state, tuple(held.next)

    async def _run(self, thread: str, begun: Any, told: Told | None) -> Turn:
        with told_of("the checkpoint file"):
            async for event in self._graph.astream(
                begun,
                _config(thread),
                context=self.room,
                stream_mode="custom",
                durability="sync",
            ):
                if told is not None:
                    told(event)
        state, following = await self._state(thread)
        return _turn(thread, state, following)


def _config(thread: str) -> Any:
    return {
        "configurable": {"thread_id": _PREFIX + thread},
        "metadata": _KIND,
        "recursion_limit": MOST_STEPS,
    }


def _turn(thread: str, state: State, following: tuple[str, ...]) -> Turn:
    if following == ("confirm",):
        waiting = tuple(Asked.model_validate(one) for one in json.loads(state["asked"]))
        return Turn(thread=thread, waiting=waiting)
    said = state.get("answer")
    return Turn(thread=thread, answer=Answer.model_validate_json(said) if said else None)


def _standing(following: tuple[str, ...]) -> str:
    if not following:
        return "answered"
    return "waiting" if following == ("confirm",) else "interrupted"
