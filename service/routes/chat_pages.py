"""The chat as pages: plain forms, so that everything works without scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.errors import InvalidSetting, NeuroscribeError, NotStored
from service.auth import Reader, Runner
from service.bodies import LONGEST_TEXT
from service.conversations import ChatBody, ConversationShown, DecideBody, Voice
from service.pages.talk import chat_page, chats_page
from service.problems import status_of
from service.routes.chat import Talking, Thread
from service.routes.common import Identifier, Work, form_of

router = APIRouter(include_in_schema=False)
LISTED = 50
Say = Annotated[str, Query(max_length=LONGEST_TEXT)]


@router.get("/chat")
async def chats(talks: Talking, caller: Reader, say: Say = "") -> HTMLResponse:
    """Conversations, and a new one."""
    return HTMLResponse(chats_page(await talks.all(caller, LISTED), talks.models(), say=say))


@router.post("/chat")
async def begin(request: Request, talks: Talking, caller: Runner) -> Response:
    """Say something, in the conversation that the form names or in a new one."""
    form = await form_of(request)
    thread = form.get("thread") or None
    try:
        body = _body(form, thread)
        begun = await talks.say(body, caller, None)
    except NeuroscribeError as error:
        text, models = form.get("text", ""), talks.models()
        if thread is None:
            listed = await talks.all(caller, LISTED)
            page = chats_page(listed, models, say=text, fault=str(error))
        else:
            shown = await talks.one(thread, caller)
            page = await _drawn(shown, models, say=text, fault=str(error))
        return HTMLResponse(page, status_of(error))
    return _back(begun.thread)


@router.get("/chat/{thread}")
async def chat(thread: Thread, talks: Talking, caller: Reader) -> HTMLResponse:
    """One conversation."""
    return HTMLResponse(await _drawn(await talks.one(thread, caller), talks.models()))


@router.post("/chat/{thread}/decision")
async def decide(request: Request, thread: Thread, talks: Talking, caller: Runner) -> Response:
    """Yes or no to what waits."""
    allow = (await form_of(request)).get("allow") == "yes"
    await talks.decide(thread, DecideBody(allow=allow), caller)
    return _back(thread)


@router.post("/chat/{thread}/go-on")
async def go_on(thread: Thread, talks: Talking, caller: Runner) -> Response:
    """Finish what was cut short."""
    await talks.go_on(thread, Voice(), caller)
    return _back(thread)


@router.post("/chat/{thread}/stop")
async def stop(thread: Thread, talks: Talking, caller: Runner) -> Response:
    """Cut short what is under way."""
    await talks.stop(thread, caller)
    return _back(thread)


@router.post("/chat/{thread}/forget")
async def forget(thread: Thread, talks: Talking, caller: Runner) -> Response:
    """Keep nothing of a conversation."""
    await talks.forget(thread, caller)
    return RedirectResponse("/chat", 303)


@router.get("/explanations/{id}")
async def explanation(id: Identifier, desk: Work, caller: Reader) -> Response:
    """From the id that an answer cites to the run that said it."""
    run = await desk.run_of(id)
    if run is None:
        raise NotStored(f"explanation {id!r} is not in the store", "check the id")
    return RedirectResponse(f"/runs/{run}", 303)


async def _drawn(shown: ConversationShown, models: Sequence[str], **told: str) -> str:
    """A conversation as a page; a long one takes a while, and others are answered meanwhile."""
    return await asyncio.to_thread(chat_page, shown, models, **told)


def _body(form: dict[str, str], thread: str | None) -> ChatBody:
    try:
        return ChatBody(text=form.get("text", "").strip(), thread=thread, model=form.get("model"))
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        where = ".".join(map(str, first["loc"]))
        raise InvalidSetting(f"{where}: {first['msg']}", "say something") from None


def _back(thread: str) -> Response:
    return RedirectResponse(f"/chat/{thread}#now", 303)
