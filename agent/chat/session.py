"""Conversations by name: say something, decide on what costs, go on after a kill, forget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import uuid4

from pydantic import Field

from agent.chat.graph import MOST_STEPS, VERSION, Answer, Room, State, build, without_draft
from agent.chat.transcript import Said, transcript
from agent.checkpoints import told_of
from core.errors import InvalidSetting, JobState
from core.results import Record

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_NAMES_KEPT = 200
Told = Callable[[dict[str, Any]], None]
Standing = Literal["answered", "waiting", "interrupted"]


class Asked(Record):
    """A call that costs and waits for the user's decision: the estimate, and what it is for."""

    tool: str
    arguments: dict[str, Any]
    said: str
    figures: dict[str, Any] = Field(default_factory=dict)


class Turn(Record):
    """Where a conversation stands: answered, waiting for a decision on ``waiting``, or cut short.

    ``asked_as`` is what :meth:`Chat.say` was told with the last questions.
    """

    thread: str
    state: Standing = "answered"
    asked_as: tuple[str, ...] = ()
    answer: Answer | None = None
    waiting: tuple[Asked, ...] = ()


class Book(Protocol):
    """Keeps account of conversations: called in other threads, around all that is done."""

    def begin(self, thread: str, question: str | None) -> None:
        """Something is being done: ``question`` is asked, or a conversation goes on."""
        ...

    def end(self, thread: str, state: Standing) -> None:
        """It was done, or failed."""
        ...


@dataclass
class Chat:
    """Conversations kept by a checkpointer; ``room`` holds who speaks and the tools.

    Those of different owners never meet, whatever their names. ``told`` everywhere hears of pieces
    of text, calls and results as they come.
    """

    kept: BaseCheckpointSaver[Any]
    room: Room
    owner: str = ""
    book: Book | None = None

    def __post_init__(self) -> None:
        self._graph = build(self.kept)

    @staticmethod
    def new_thread() -> str:
        """A name that no other conversation has."""
        return uuid4().hex[:12]

    async def say(
        self, thread: str, text: str, told: Told | None = None, *, asked_as: str = ""
    ) -> Turn:
        """Answer ``text``. What waits for a decision in this conversation is taken as declined.

        ``asked_as`` is kept beside the question, so that who asks can know it again: of the last
        two hundred.
        """
        state, _ = await self._state(thread)
        names = [*state.get("asked_as", []), asked_as][-_NAMES_KEPT:] if asked_as else []
        begun = State(said=text, asked_as=names) if names else State(said=text)
        return await self._run(thread, begun, told, text)

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

    async def said(self, thread: str) -> list[Said]:
        """Everything that was said and called in a conversation, in order."""
        state, _ = await self._state(thread)
        return transcript(without_draft(state))

    async def forget(self, thread: str) -> None:
        """Keep nothing of a conversation."""
        with told_of("the checkpoint file"):
            await self.kept.adelete_thread(self._name(thread))

    async def _state(self, thread: str) -> tuple[State, tuple[str, ...]]:
        with told_of("the checkpoint file"):
            held = await self._graph.aget_state(self._config(thread))
        state: State = held.values  # type: ignore[assignment]
        if state and state.get("version", VERSION) != VERSION:
            raise JobState(
                f"conversation {thread!r} was kept by another version of this program",
                "begin a new one",
            )
        return state, tuple(held.next)

    async def _run(
        self, thread: str, begun: Any, told: Told | None, question: str | None = None
    ) -> Turn:
        if self.book is not None:
            await asyncio.to_thread(self.book.begin, thread, question)
        try:
            with told_of("the checkpoint file"):
                async for event in self._graph.astream(
                    begun,
                    self._config(thread),
                    context=self.room,
                    stream_mode="custom",
                    durability="sync",
                ):
                    if told is not None:
                        told(event)
            state, following = await self._state(thread)
        except BaseException:
            await self._ended(thread, "interrupted")
            raise
        await self._ended(thread, _standing(following))
        return _turn(thread, state, following)

    async def _ended(self, thread: str, state: Standing) -> None:
        if self.book is not None:
            await asyncio.shield(asyncio.to_thread(self.book.end, thread, state))

    def _name(self, thread: str) -> str:
        return f"chat/{self.owner}/{thread}" if self.owner else f"chat/{thread}"

    def _config(self, thread: str) -> Any:
        return {
            "configurable": {"thread_id": self._name(thread)},
            "recursion_limit": MOST_STEPS,
        }


def _turn(thread: str, state: State, following: tuple[str, ...]) -> Turn:
    standing, asked_as = _standing(following), tuple(state.get("asked_as", []))
    if standing == "waiting":
        waiting = tuple(Asked.model_validate(one) for one in json.loads(state["asked"]))
        return Turn(thread=thread, state=standing, asked_as=asked_as, waiting=waiting)
    said = state.get("answer")
    answer = Answer.model_validate_json(said) if said else None
    return Turn(thread=thread, state=standing, asked_as=asked_as, answer=answer)


def _standing(following: tuple[str, ...]) -> Standing:
    if not following:
        return "answered"
    return "waiting" if following == ("confirm",) else "interrupted"
