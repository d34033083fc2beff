"""A client that calls an ASGI application as a server would, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])


@dataclass
class Client:
    """Calls the application as a server would.

    The client leaves when what came is ``enough``, or when it is ``gone``; a body that is not
    ``whole`` goes on after its chunks.
    """

    app: Any
    headers: dict[str, str] = field(default_factory=dict)

    async def send(
        self,
        method: str,
        path: str,
        chunks: Sequence[bytes] = (b"",),
        headers: dict[str, str] | None = None,
        enough: Callable[[bytes], bool] = lambda body: False,
        gone: asyncio.Event | None = None,
        whole: bool = True,
    ) -> Answer:
        raw_path, _, query = path.partition("?")
        given = {"host": "localhost"} | self.headers | (headers or {})
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        left = list(chunks)
        gone = gone or asyncio.Event()
        answer = Answer(0, {}, b"")

        async def receive() -> dict[str, Any]:
            if left:
                part = left.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(left) or not whole}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answer.body += message.get("body", b"")
                answer.complete = not message.get("more_body", False)
                if enough(answer.body):
                    gone.set()

        await asyncio.wait_for(self.app(scope, receive, send), 20)
        return answer

    def ask(self, method: str, path: str, body: bytes, **headers: str) -> Answer:
        return asyncio.run(self.send(method, path, (body,), _dashed(headers)))

    def get(self, path: str, **headers: str) -> Answer:
        return asyncio.run(self.send("GET", path, headers=_dashed(headers)))

    def delete(self, path: str, **headers: str) -> Answer:
        return asyncio.run(self.send("DELETE", path, headers=_dashed(headers)))

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        return self.post_bytes(path, data, **headers)

    def post_bytes(self, path: str, *chunks: bytes, **headers: str) -> Answer:
        given = {"content-type": "application/json"} | _dashed(headers)
        return asyncio.run(self.send("POST", path, chunks, given))


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
