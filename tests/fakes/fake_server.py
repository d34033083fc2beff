"""An HTTP server that answers like OpenAI, vLLM and Anthropic, from a tiny real model.

``with running(FakeServer(...)) as url:`` serves it on a free port of this machine. Point Anthropic
clients at ``url`` and OpenAI clients at ``url + "/v1"``. A ``script`` decides what is said, and
``faults`` what goes wrong; both concern the three questions (chat, completions, messages), not
``/tokenize`` and ``/v1/models``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from fake_answers import Answer, Call
from fake_anthropic import messages
from fake_cache import PromptCache
from fake_faults import Fault, Provider, Rejected, error, too_long
from fake_model import TinyModel, tiny_model
from fake_openai import chat, completion, listed, tokenized
from fake_schema import MISFIT
from fake_wire import Reply, TrackedProtocol, anthropic_events, hang_up, openai_events
from starlette.types import Receive, Scope, Send

Script = Callable[[dict[str, Any]], Answer | None]
Faults = Sequence[Fault | None] | Callable[[int], Fault | None]
QUESTIONS = {
    "/v1/chat/completions": chat,
    "/v1/completions": completion,
    "/v1/messages": messages,
}
_TALK = ("/v1/chat/completions", "/v1/messages")
_SECRET = ("authorization", "x-api-key", "cookie")
_EARLY = ("rate_limit", "quota", "server_error", "overloaded", "timeout")


@dataclass
class Recorded:
    """One request as it came in, and when it was answered, on the clock ``time.monotonic``.

    ``headers`` are without secrets. ``status`` is None for a connection that was reset.
    """

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    started: float
    fault: Fault | None = None
    answered: float | None = None
    status: int | None = None


class FakeServer:
    """Serves ``models``, to holders of ``key`` if there is one, ``latency`` seconds a request.

    Fields of a body in ``unsupported`` are refused with a 400, those in ``ignored`` overlooked;
    paths in ``without`` do not exist. ``pace`` seconds pass between the events of a stream.
    Prefixes of ``cache_from`` tokens and more are cached.
    """

    def __init__(
        self,
        *,
        model: TinyModel | None = None,
        models: Sequence[str] = ("tiny",),
        key: str | None = None,
        script: Script | None = None,
        faults: Faults = (),
        latency: float = 0.0,
        pace: float = 0.0,
        unsupported: Collection[str] = (),
        ignored: Collection[str] = (),
        without: Collection[str] = (),
        cache_from: int = 1024,
    ) -> None:
        self.model = model or tiny_model()
        self.models, self.key = tuple(models), key
        self.script, self.faults = script, faults
        self.latency, self.pace = latency, pace
        self.unsupported, self.ignored, self.without = unsupported, ignored, without
        self.requests: list[Recorded] = []
        self.most_in_flight = 0
        self.bugs: list[Exception] = []
        self.closing = False
        self._cache = PromptCache(cache_from)
        self._in_flight = 0

    @property
    def questions(self) -> list[Recorded]:
        """The requests that asked the model something."""
        return [request for request in self.requests if request.path in QUESTIONS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        record = await self._record(scope, receive)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            if record.fault and record.fault.kind in ("reset", "slow"):
                await self._pause(record.fault.delay)
            await self._pause(self.latency)
            if self.closing or (record.fault and record.fault.kind == "reset"):
                await hang_up(scope)
                return
            reply = self._reply(record, scope)
            record.status = reply.status
            await reply.send(scope, send, record.fault, self.pace, self._pause)
        finally:
            record.answered = time.monotonic()
            self._in_flight -= 1

    async def _record(self, scope: Scope, receive: Receive) -> Recorded:
        started, content, more = time.monotonic(), b"", True
        while more:
            event = await receive()
            content += event.get("body", b"")
            more = event.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = content.decode(errors="replace")
        record = Recorded(
            number=len(self.requests),
            method=scope["method"],
            path=scope["path"],
            headers={name: value for name, value in headers.items() if name not in _SECRET},
            body=body,
            started=started,
        )
        if record.path in QUESTIONS:
            record.fault = self._fault(len(self.questions))
        self.requests.append(record)
        return record

    def _fault(self, number: int) -> Fault | None:
        if callable(self.faults):
            return self.faults(number)
        return self.faults[number] if number < len(self.faults) else None

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the server runs."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.closing:
            await asyncio.sleep(min(left, 0.02))

    def _reply(self, record: Recorded, scope: Scope) -> Reply:
        anthropic = record.path == "/v1/messages" or "anthropic-version" in record.headers
        provider: Provider = "anthropic" if anthropic else "openai"
        fault = record.fault
        try:
            self._check(record, dict(scope["headers"]), provider)
            if record.path == "/v1/models":
                return listed(self.model, self.models)
            if record.path == "/tokenize":
                return tokenized(self.model, record.body)
            return self._answer(record, provider)
        except Rejected as rejected:
            status, body = error(provider, rejected)
            headers = fault.headers if fault else {}
            return Reply(body, status=status, headers=headers | {"request-id": "req_fake"})
        except Exception as bug:
            self.bugs.append(bug)
            status, body = error(provider, Rejected("bug", repr(bug)))
            return Reply(body, status=status)

    def _check(self, record: Recorded, headers: dict[bytes, bytes], provider: Provider) -> None:
        """Path, key, model and fields, as far as they do not depend on the question."""
        given = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        if provider == "anthropic":
            given = headers.get(b"x-api-key", given.encode()).decode()
        if self.key is not None and given != self.key:
            named = "invalid x-api-key" if provider == "anthropic" else "Incorrect API key provided"
            raise Rejected("no_key", named)
        known = {**QUESTIONS, "/tokenize": tokenized, "/v1/models": listed}
        method = "GET" if record.path == "/v1/models" else "POST"
        if record.path not in known or record.path in self.without or record.method != method:
            raise Rejected("no_path", f"Invalid URL ({record.method} {record.path})")
        if method == "GET":
            return
        if not isinstance(record.body, dict):
            raise Rejected("invalid", "The body is not a JSON object.")
        needed = "messages" if record.path in _TALK else "prompt"
        if not record.body.get(needed):
            raise Rejected("invalid", f"{needed}: Field required", needed)
        name = record.body.get("model")
        if name not in self.models:
            said = f"model: {name}" if provider == "anthropic" else f"No model `{name}` exists."
            raise Rejected("no_model", said, "model")
        for field in self.unsupported:
            if field in record.body:
                said = f"Unsupported parameter: '{field}' is not supported with this model."
                raise Rejected("unsupported", said, field)

    def _answer(self, record: Recorded, provider: Provider) -> Reply:
        fault, kind = record.fault, record.fault.kind if record.fault else None
        if fault and kind in _EARLY:
            raise Rejected(fault.kind, "")
        if kind == "too_long":
            raise too_long(provider, self.model.context + 1, self.model.context, "messages")
        if kind == "gateway":
            return Reply(page="<html><body>502 Bad Gateway</body></html>", status=502)
        body = {name: value for name, value in record.body.items() if name not in self.ignored}
        answer = (self.script(body) if self.script else None) or Answer()
        if kind == "refusal":
            answer = replace(answer, refusal="I cannot help with that.")
        elif kind == "empty":
            answer = Answer(text="")
        elif kind == "wrong_schema":
            calls = tuple(Call(tool, MISFIT) for tool in _tools(body)[:1])
            answer = Answer(calls=calls) if calls else Answer(data=MISFIT)
        reply = QUESTIONS[record.path](self.model, self._cache, body, answer, fault)
        if kind == "stream_error" and reply.events is not None:
            _, problem = error(provider, Rejected("overloaded", ""))
            encode = anthropic_events if provider == "anthropic" else openai_events
            half = reply.events[: len(reply.events) // 2]
            return replace(reply, events=half + encode([problem])[:1])
        return reply


def _tools(body: dict[str, Any]) -> list[str]:
    return [tool.get("function", tool)["name"] for tool in body.get("tools") or ()]


class _Uvicorn(uvicorn.Server):
    """Uvicorn that looks more often whether it shall stop."""

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.01)


@contextmanager
def running(server: FakeServer) -> Iterator[str]:
    """Serve on a free port of this machine; the value is ``http://127.0.0.1:<port>``.

    What a script raised is raised again at the end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        server,
        http=TrackedProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    running = _Uvicorn(config)
    thread = threading.Thread(target=running.run, args=([listener],), name="fake-server")
    thread.start()
    try:
        while not running.started and thread.is_alive():
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.closing = running.should_exit = True
        thread.join()
        listener.close()
    if server.bugs:
        raise server.bugs[0]
