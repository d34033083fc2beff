"""What stands before every route: a request id, limits, closed origins, headers, and a last resort.

It is plain ASGI, so that streams pass through it as they come.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics
from service.problems import Refusal, internal, problem

log = logging.getLogger("service.requests")
ID_HEADER = "X-Request-ID"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Limits:
    """``body`` is the most bytes of a request. ``hosts`` are the names the service answers to.

    Empty ``hosts`` means any; a service on loopback must name them, or a web page elsewhere could
    reach it under a name of its own.
    """

    body: int = 1 << 20
    hosts: tuple[str, ...] = LOOPBACK


class Guard:
    """See the module. Wraps the whole application."""

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get(ID_HEADER, "")
        request.state.id = given if _GIVEN_ID.fullmatch(given) else uuid4().hex[:16]
        watch = _Watch(send, request.state.id)
        began = time.monotonic()
        refused = self._refused(request)
        try:
            if refused is not None:
                await problem(request, *refused)(scope, receive, watch)
            else:
                await self._app(scope, _Bounded(request, self._limits.body, receive), watch)
        except Exception:
            log.exception("request %s: unforeseen", request.state.id)
            if watch.status is None:
                await internal(request)(scope, receive, watch)
        finally:
            seconds = time.monotonic() - began
            self._metrics.count(scope, watch.status, seconds)
            log.info(
                "request",
                extra={
                    "request": request.state.id,
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": watch.status,
                    "milliseconds": round(1000 * seconds, 2),
                },
            )

    def _refused(self, request: Request) -> tuple[int, str, str, str] | None:
        """Why a request is not passed on: status, code, message and hint; None when it is."""
        headers = request.headers
        host = headers.get("host", "")
        if self._limits.hosts and _name(host) not in self._limits.hosts:
            return 421, "unknown_host", "this service does not answer to that name", "--host"
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if (request.method in _CHANGES and foreign) or _embedded(headers):
            return 403, "cross_origin", "requests of other sites are refused", ""
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.body:
            return _too_large(self._limits.body)
        return None


def _embedded(headers: Headers) -> bool:
    """Whether a page of another site asks for something that it does not lead its reader to.

    It could not read the answer, but a picture whose address is a search would load the machine.
    """
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    return headers.get("sec-fetch-dest") != "document"


def _name(host: str) -> str:
    """The host without its port, in lower case."""
    return re.sub(r":\d*$", "", host).lower()


def _too_large(most: int) -> tuple[int, str, str, str]:
    return 413, "body_too_large", f"the body is larger than {most} bytes", "send less at once"


class _Bounded:
    """Receives a request's body as long as it is within its bound."""

    def __init__(self, request: Request, most: int, receive: Receive) -> None:
        self._most, self._left, self._receive = most, most, receive

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            status, code, told, _ = _too_large(self._most)
            raise Refusal(status, code, told)
        return message


class _Watch:
    """Sends an answer with the headers that all have, and remembers its status."""

    def __init__(self, send: Send, id: str) -> None:
        self._send, self._id = send, id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers[ID_HEADER] = self._id
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            if "cache-control" not in Headers(raw=message["headers"]):
                headers["Cache-Control"] = "no-store"
        await self._send(message)
