"""Conversations over HTTP: what is sent, what is told, and by whom (:class:`Talks`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue

from core.results import Finite, Record
from service.auth import Caller
from service.bodies import LONGEST_TEXT, LONGEST_WAIT, Name

ThreadName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=64)]
TalkState = Literal["working", "answered", "waiting", "interrupted"]
EventKind = Literal["piece", "call", "step", "result", "end"]


class Voice(Record):
    """How an answer is given. Models stay those of the conversation where they are not named.

    ``budget_usd`` and ``max_calls`` hold for this one answer and what it begins. With ``stream``
    events are sent as they come; else the conversation once it is answered, or after ``wait``
    seconds as it stands then.
    """

    model: Name | None = None
    explainer: Name | None = None
    simulator: Name | None = None
    budget_usd: Annotated[Finite, Field(ge=0, le=1e6)] | None = None
    max_calls: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    stream: bool = True
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class ChatBody(Voice):
    """Something to say, in a conversation that there is or in a new one."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    thread: ThreadName | None = None


class DecideBody(Voice):
    """Whether what waits for a decision may be run."""

    allow: bool


class ChatEvent(Record):
    """Something that happened while a question was answered.

    ``turn`` names the answering; ``number`` counts from 1 within it. ``piece``: text came;
    ``call``: a tool is run; ``step``: an investigation that it waits for did a step; ``result``: it
    returned, or failed with ``error``; ``end``: ``state`` is where the conversation stands, with
    its ``answer``, what is ``waiting``, or the ``problem``.
    """

    turn: str
    number: int
    kind: EventKind
    data: dict[str, JsonValue]


class SaidShown(Record):
    """One thing in a conversation: what a person or the model said, or a call of a tool.

    ``text`` of a call is its result as JSON, and ``error`` the code of one that failed.
    """

    role: Literal["user", "assistant", "tool"]
    text: str
    tool: str | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    error: str | None = None
    cites: tuple[str, ...] = ()


class WaitingCall(Record):
    """A call that costs: what it is for and likely to take, in words and in figures."""

    tool: str
    arguments: dict[str, JsonValue]
    said: str
    figures: dict[str, JsonValue]


class ConversationLine(Record):
    """A conversation in a list."""

    thread: str
    title: str
    questions: int
    state: TalkState
    updated: str
    model: str
    usd: Finite
    calls: int


class ConversationShown(ConversationLine):
    """A conversation, whole. ``turn`` names the answering under way, if there is one.

    ``missing`` are citations of the last answer that do not exist, ``note`` what else has to be
    known of it, ``problem`` why it was cut short, as far as that is known.
    """

    said: list[SaidShown]
    waiting: list[WaitingCall] = Field(default_factory=list)
    note: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""
    turn: str | None = None


class Begun(Record):
    """A question that is being answered; ``turn`` None where it was before, under the same key."""

    thread: str
    turn: str | None


class Talks(Protocol):
    """Who holds conversations: each belongs to who began it, and nobody else sees it."""

    def models(self) -> Sequence[str]:
        """Language models that may be named, the built-in planner first."""
        ...

    async def all(self, caller: Caller, limit: int) -> list[ConversationLine]:
        """The caller's conversations, the one that was last spoken in first."""
        ...

    async def one(self, thread: str, caller: Caller) -> ConversationShown:
        """A conversation; :class:`core.errors.NotStored` without it."""
        ...

    async def say(self, body: ChatBody, caller: Caller, key: str | None) -> Begun:
        """Begin to answer. :class:`ServiceError` 409 while another answer is under way.

        With ``key`` the same request is answered once.
        """
        ...

    async def decide(self, thread: str, body: DecideBody, caller: Caller) -> Begun:
        """Allow or decline what waits; :class:`core.errors.JobState` when nothing does."""
        ...

    async def go_on(self, thread: str, voice: Voice, caller: Caller) -> Begun:
        """Finish an answer that was cut short; :class:`core.errors.JobState` without one."""
        ...

    async def stop(self, thread: str, caller: Caller) -> None:
        """Cut short the answer that is under way, if one is."""
        ...

    async def forget(self, thread: str, caller: Caller) -> None:
        """Keep nothing of a conversation."""
        ...

    async def heard(
        self, thread: str, caller: Caller, turn: str, after: int, seconds: float
    ) -> Sequence[ChatEvent] | None:
        """Events of an answering beyond number ``after``, waited for ``seconds`` at most.

        None when there is no such answering, or none any more, or when it has ended and nothing
        follows.
        """
        ...
