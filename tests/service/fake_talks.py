"""Conversations in memory: an answer is the question said back, in pieces, unless it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.errors import JobState, NotStored
from service.auth import Caller
from service.conversations import (
    Begun,
    ChatBody,
    ChatEvent,
    ConversationLine,
    ConversationShown,
    DecideBody,
    SaidShown,
    Voice,
    WaitingCall,
)
from service.problems import ServiceError

TIME = "2025-01-31T12:00:00.000000Z"


def conversation(thread: str, *said: SaidShown, **changes: object) -> ConversationShown:
    values = {
        "thread": thread,
        "title": said[0].text if said else "",
        "questions": 1,
        "state": "answered",
        "updated": TIME,
        "model": "pattern",
        "usd": 0.0,
        "calls": 0,
        "said": list(said),
    }
    return ConversationShown.model_validate(values | changes)


class FakeTalks:
    """``held`` by owner and name. A question that begins with "explain" waits for a decision,
    one with "fail" fails, one with "slow" does not end."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], ConversationShown] = {}
        self.events: dict[str, list[ChatEvent]] = {}
        self.bodies: list[object] = []
        self.check: Callable[[], None] = lambda: None

    def models(self) -> Sequence[str]:
        return ("pattern", "openai:m")

    async def all(self, caller: Caller, limit: int) -> list[ConversationLine]:
        self.check()
        fields = set(ConversationLine.model_fields)
        own = [c for (owner, _), c in self.held.items() if owner == caller.name]
        return [ConversationLine(**c.model_dump(include=fields)) for c in own][:limit]

    async def one(self, thread: str, caller: Caller) -> ConversationShown:
        self.check()
        if (caller.name, thread) not in self.held:
            raise NotStored(f"there is no conversation {thread!r}", "GET /v1/chat names yours")
        return self.held[caller.name, thread]

    async def say(self, body: ChatBody, caller: Caller, key: str | None) -> Begun:
        self.check()
        self.bodies.append(body)
        thread, turn = body.thread or "thread-1", f"{len(self.events) + 1:x}"
        before = self.held.get((caller.name, thread))
        if before is not None and before.turn is not None:
            raise ServiceError(409, "conversation_busy", "an answer is under way")
        said = [*(before.said if before else []), SaidShown(role="user", text=body.text)]
        kinds: list[tuple[str, dict[str, object]]] = []
        changes: dict[str, object] = {}
        if body.text.startswith("explain"):
            call = WaitingCall(tool="explain_unit", arguments={}, said="about 9 s", figures={})
            changes = {"state": "waiting", "waiting": [call]}
            kinds = [("end", {"state": "waiting"})]
        elif body.text.startswith("fail"):
            problem = {"code": "budget_reached", "detail": "nothing is left", "hint": ""}
            changes = {"state": "interrupted", "problem": "nothing is left"}
            kinds = [("end", {"state": "interrupted", "problem": problem})]
        elif body.text.startswith("slow"):
            changes = {"state": "working", "turn": turn}
            kinds = [("piece", {"text": "wait"})]
        else:
            said.append(SaidShown(role="assistant", text=body.text))
            kinds = [
                ("call", {"tool": "look", "arguments": {}}),
                ("result", {"tool": "look", "error": None}),
                *(("piece", {"text": word}) for word in body.text.split()),
                ("end", {"state": "answered"}),
            ]
        self.held[caller.name, thread] = conversation(thread, *said, **changes)
        self.events[turn] = [
            ChatEvent.model_validate({"turn": turn, "number": n, "kind": kind, "data": data})
            for n, (kind, data) in enumerate(kinds, 1)
        ]
        return Begun(thread=thread, turn=turn)

    async def decide(self, thread: str, body: DecideBody, caller: Caller) -> Begun:
        self.bodies.append(body)
        if (await self.one(thread, caller)).state != "waiting":
            raise JobState("nothing waits for a decision", "say something")
        return await self.say(ChatBody(text="done", thread=thread), caller, None)

    async def go_on(self, thread: str, voice: Voice, caller: Caller) -> Begun:
        if (await self.one(thread, caller)).state != "interrupted":
            raise JobState("nothing was cut short", "say something")
        return await self.say(ChatBody(text="done", thread=thread), caller, None)

    async def stop(self, thread: str, caller: Caller) -> None:
        shown = await self.one(thread, caller)
        if shown.turn is not None:
            stopped = shown.model_copy(update={"state": "interrupted", "turn": None})
            self.held[caller.name, thread] = stopped

    async def forget(self, thread: str, caller: Caller) -> None:
        await self.one(thread, caller)
        del self.held[caller.name, thread]

    async def heard(
        self, thread: str, caller: Caller, turn: str, after: int, seconds: float
    ) -> Sequence[ChatEvent] | None:
        events = self.events.get(turn)
        if events is not None and len(events) <= after:
            await asyncio.sleep(seconds)
        return None if events is None else events[after:]
