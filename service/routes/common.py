"""What routes share: how they reach the desk, and the parameters that several take."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from fastapi import Depends, Header, Path, Query, Request, Response

from core.hashing import fingerprint
from core.ids import UnitId
from service.auth import Caller
from service.bodies import LONGEST_NAME, WHOLE_SEGMENT
from service.desk import Desk
from service.events import Feeds
from storage.documents import DocumentText

T = TypeVar("T")

Subject = Annotated[
    str,
    Path(pattern=WHOLE_SEGMENT, max_length=LONGEST_NAME, examples=["demo"], description="subject"),
]
Site = Annotated[
    str,
    Path(pattern=WHOLE_SEGMENT, max_length=LONGEST_NAME, examples=["mlp.2"], description="site"),
]
Index = Annotated[int, Path(ge=0, lt=10**9, examples=[163], description="number of the unit")]
Identifier = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]+$", max_length=64, examples=["0123456789abcdef"])
]
PageSize = Annotated[int, Query(ge=1, le=500, description="how many at most")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="the same key with the same body is the same request, however often it is sent",
    ),
]


def desk_of(request: Request) -> Desk:
    """Who does the work."""
    found: Desk = request.app.state.desk
    return found


def feeds_of(request: Request) -> Feeds:
    """Who follows jobs."""
    found: Feeds = request.app.state.feeds
    return found


Work = Annotated[Desk, Depends(desk_of)]
Following = Annotated[Feeds, Depends(feeds_of)]


def unit_of(subject: Subject, site: Site, index: Index) -> UnitId:
    """The unit that a path names."""
    return UnitId(subject, site, index)


Unit = Annotated[UnitId, Depends(unit_of)]


def typed(text: str) -> str:
    """What was typed into a text area: browsers end its lines with two characters."""
    return text.replace("\r\n", "\n")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, the first value of each."""
    sent = parse_qs((await request.body()).decode("utf-8", "replace"))
    return {name: typed(values[0]) for name, values in sent.items()}


def job_name(caller: Caller, key: str | None) -> str | None:
    """The id of the job that a request with this key makes; None without a key."""
    return None if key is None else fingerprint(["idempotency/1", caller.name, key])


def document(request: Request, found: DocumentText) -> Response:
    """A stored document never changes, so its run is its entity tag."""
    tag = f'"{found.run}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [
        t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")
    ]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(found.text, media_type="application/json", headers=headers)


async def waited(request: Request, waiting: Coroutine[Any, Any, T], seconds: float) -> T | None:
    """What is waited for.

    None when it has not come within so many seconds, or when the client, whose body was read
    before, has gone.
    """
    coming = asyncio.create_task(waiting)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({coming, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else None
    finally:
        for task in (coming, leaving):
            task.cancel()
        await asyncio.gather(coming, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
