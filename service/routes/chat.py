"""Conversations about units: asked, streamed, decided on, stopped, forgotten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from service.auth import Caller, Reader, Runner
from service.bodies import LONGEST_WAIT
from service.conversations import (
    Begun,
    ChatBody,
    ChatEvent,
    ConversationLine,
    ConversationShown,
    DecideBody,
    Talks,
    Voice,
)
from service.events import Feeds
from service.problems import documented, failure
from service.routes.common import Following, IdempotencyKey, PageSize, Work, waited

router = APIRouter(prefix="/v1/chat", tags=["chat"])
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
SPLIT = r"^[0-9a-f]{1,32}-[0-9]{1,9}$"
EVENTS = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "one server-sent event; data is JSON",
            "properties": {
                "id": {"type": "string"},
                "event": {"enum": ["piece", "call", "step", "result", "end"]},
                "data": {"type": "string"},
            },
            "required": ["data"],
        }
    }
}
ANSWERS: dict[int | str, dict[str, Any]] = documented(402, 404, 409, 501, 502, 507) | {
    200: {
        "model": ConversationShown,
        "content": EVENTS,
        "description": "events as they come or, without `stream`, the conversation",
    },
    202: {"model": ConversationShown, "description": "the answer takes longer than `wait`"},
}
KNOWN = documented(404)


def talks_of(desk: Work) -> Talks:
    """Who holds conversations."""
    return desk.talks


Thread = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]+$", max_length=64, examples=["9f86d081884c"]),
]
Talking = Annotated[Talks, Depends(talks_of)]


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells one caller of answers: as they come, or when they are there."""

    request: Request
    talks: Talks
    feeds: Feeds
    caller: Caller

    async def tell(self, begun: Begun, voice: Voice) -> Response:
        """What the caller wants to be told of an answer that was begun."""
        if begun.turn is not None and voice.stream:
            return self.stream(begun.thread, begun.turn, 0)
        ended = None
        if begun.turn is not None:
            ended = await waited(self.request, self._end(begun.thread, begun.turn), voice.wait)
        problem = (ended.data if ended else {}).get("problem")
        if isinstance(problem, dict) and problem["code"] != "stopped":
            raise failure(str(problem["code"]), str(problem["detail"]))
        shown = await self.talks.one(begun.thread, self.caller)
        return Response(
            shown.model_dump_json(),
            202 if shown.turn is not None else 200,
            {"Location": f"/v1/chat/{begun.thread}"},
            media_type="application/json",
        )

    def stream(self, thread: str, turn: str, after: int) -> StreamingResponse:
        """Events beyond number ``after``."""
        headers = STREAM_HEADERS | {"Location": f"/v1/chat/{thread}"}
        return StreamingResponse(
            self._events(thread, turn, after), media_type="text/event-stream", headers=headers
        )

    async def _events(self, thread: str, turn: str, seen: int) -> AsyncIterator[str]:
        yield ": follow\n\n"
        while not self.feeds.closing.is_set():
            waiting = self.talks.heard(thread, self.caller, turn, seen, self.feeds.heartbeat)
            found = await self.feeds.unless_closing(waiting)
            if found is None:
                return
            for event in found:
                yield written(event)
                seen = event.number
                if event.kind == "end":
                    return
            if not found:
                yield ": still here\n\n"

    async def _end(self, thread: str, turn: str) -> ChatEvent | None:
        """The last event of an answering; None where that is not there any more."""
        seen = 0
        while True:
            found = await self.talks.heard(thread, self.caller, turn, seen, LONGEST_WAIT)
            if found is None or (found and found[-1].kind == "end"):
                return found[-1] if found else None
            seen += len(found)


def written(event: ChatEvent) -> str:
    """The event as it goes over the wire; its data names the answering as well."""
    data = json.dumps({"turn": event.turn, **event.data}, ensure_ascii=False)
    return f"id: {event.turn}-{event.number}\nevent: {event.kind}\ndata: {data}\n\n"


def telling(request: Request, talks: Talking, feeds: Following, caller: Runner) -> Teller:
    """Who tells a caller that may begin answers."""
    return Teller(request, talks, feeds, caller)


Telling = Annotated[Teller, Depends(telling)]


@router.get("", responses=documented())
async def list_conversations(
    talks: Talking, caller: Reader, limit: PageSize = 50
) -> list[ConversationLine]:
    """Your conversations, the one that was last spoken in first."""
    return await talks.all(caller, limit)


@router.post("", response_model=None, responses=ANSWERS)
async def say(
    body: ChatBody, talks: Talking, caller: Runner, teller: Telling, key: IdempotencyKey = None
) -> Response:
    """Say something in a conversation, or begin one. What costs waits for a decision first.

    The answer goes on when the connection is lost; its events can be followed again.
    """
    return await teller.tell(await talks.say(body, caller, key), body)


@router.get("/{thread}", responses=KNOWN)
async def show_conversation(thread: Thread, talks: Talking, caller: Reader) -> ConversationShown:
    """A conversation: everything that was said and called, and what waits for a decision."""
    return await talks.one(thread, caller)


@router.get(
    "/{thread}/events",
    response_class=StreamingResponse,
    responses=KNOWN
    | {
        200: {"content": EVENTS},
        204: {"description": "this answer is not under way any more: read the conversation"},
    },
)
async def follow_answer(
    request: Request,
    thread: Thread,
    talks: Talking,
    feeds: Following,
    caller: Reader,
    turn: Annotated[str, Query(pattern=r"^[0-9a-f]{1,32}$", description="the answer's name")],
    last: Annotated[
        str | None, Header(alias="Last-Event-ID", pattern=SPLIT, description="goes on after it")
    ] = None,
) -> Response:
    """What happens while a question is answered, from its beginning, as server-sent events."""
    await talks.one(thread, caller)
    named, _, number = (last or "").rpartition("-")
    after = int(number) if named == turn else 0
    found = await talks.heard(thread, caller, turn, after, 0)
    if found is None:
        return Response(status_code=204)
    return Teller(request, talks, feeds, caller).stream(thread, turn, after)


@router.post("/{thread}/decision", response_model=None, responses=ANSWERS)
async def decide(
    thread: Thread, body: DecideBody, talks: Talking, caller: Runner, teller: Telling
) -> Response:
    """Allow or decline what waits, and go on."""
    return await teller.tell(await talks.decide(thread, body, caller), body)


@router.post("/{thread}/go-on", response_model=None, responses=ANSWERS)
async def go_on(
    thread: Thread, voice: Voice, talks: Talking, caller: Runner, teller: Telling
) -> Response:
    """Finish an answer that was cut short."""
    return await teller.tell(await talks.go_on(thread, voice, caller), voice)


@router.post("/{thread}/stop", responses=KNOWN)
async def stop(thread: Thread, talks: Talking, caller: Runner) -> ConversationShown:
    """Cut short the answer that is under way; jobs that it began go on."""
    await talks.stop(thread, caller)
    return await talks.one(thread, caller)


@router.delete("/{thread}", status_code=204, responses=KNOWN)
async def forget(thread: Thread, talks: Talking, caller: Runner) -> None:
    """Keep nothing of a conversation."""
    await talks.forget(thread, caller)
