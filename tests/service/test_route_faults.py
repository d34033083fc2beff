"""Whatever is wrong with a request to any route has an answer: a problem document, never a 500.

The routes are those of the OpenAPI document, so a new one is tested here by itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgi_client import Answer, Client
from described import ASKED, OPERATIONS, Operation, example, resolved
from fake_desk import FakeDesk
from fastapi import FastAPI

from core.errors import DiskFull, NeuroscribeError, StorageError, SubjectOutOfMemory
from service.app import api
from service.auth import Gate
from service.events import Feeds
from service.guard import Guard, Limits
from service.problems import ServiceError

Over = Callable[[object], Client]
MOST = 2_000
each = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
each_asked = pytest.mark.parametrize("operation", ASKED, ids=str)
each_with_body = pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.body is not None], ids=str
)
NAMES = ["%00", "%ff%fe", "..", "..%2f..%2fetc", "a" * 300, "%20", "%F0%9F%90%88", "{id}", "'--"]
VALUES = ["", "\x00", "\udcff", "x" * 20_000, "-1", "1e999", "NaN", "9" * 40, "[", "\u202e"]
BODIES = [
    (b"{", 400, "malformed_json"),
    (b'{"unit": "demo/mlp.0/1"', 400, "malformed_json"),
    (b"\xff\xfe", 400, "malformed_json"),
    (b'{"unit": "\xff"}', 400, "malformed_json"),
    (b"[" * 1_500, 400, "malformed_json"),
    (b'{"unit":' + b"[" * 900 + b"]" * 900 + b"}", 422, "invalid_request"),
    (b"[]", 422, "invalid_request"),
    (b"7", 422, "invalid_request"),
    (b'"x"', 422, "invalid_request"),
    (b'{"no such field": 1}', 422, "invalid_request"),
    (b"x" * (MOST + 1), 413, "body_too_large"),
]


class Broken:
    """A desk of which everything that is asked fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.talks = self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def fail(*_: object, **__: object) -> None:
            raise self.error

        return fail


@pytest.fixture(scope="module")
def routes() -> FastAPI:
    """The routes, whose first request to each takes longer than all others."""
    return api(FakeDesk(), Gate())


@pytest.fixture
def over(routes: FastAPI) -> Over:
    """The service over a desk."""

    def served(desk: object) -> Client:
        routes.state.desk, routes.state.gate = desk, Gate()
        routes.state.feeds = Feeds(desk, every=0.01, heartbeat=0.05)  # type: ignore[arg-type]
        return Client(Guard(routes, Limits(body=MOST), routes.state.metrics))

    return served


@pytest.fixture
def client(over: Over, desk: FakeDesk) -> Client:
    return over(desk)


def clear(answer: Answer) -> Answer:
    """The answer, once it is sure that it is a success or says in one line what is wrong."""
    if answer.status >= 400:
        assert answer.status < 500 or answer.status == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["code"]
        assert answer.json["detail"]
        assert "\n" not in answer.json["detail"]
        assert answer.json["status"] == answer.status
        assert len(answer.body) < 10_000, "what was sent is not sent back"
    return answer


@each
def test_what_is_described_is_understood(operation: Operation, client: Client) -> None:
    assert clear(operation.ask(client)).status not in (400, 405, 415, 422)


@each
def test_names_that_cannot_be_are_refused(operation: Operation, client: Client) -> None:
    for parameter, _ in operation.parameters("path"):
        for name in NAMES:
            answer = clear(operation.ask(client, place=operation.place(**{parameter: name})))
            assert answer.status in (404, 422)


@each
def test_an_unknown_job_or_run_is_named(operation: Operation, client: Client) -> None:
    if "{id}" in operation.path:
        answer = clear(operation.ask(client))
        assert (answer.status, answer.code) == (404, "not_stored")
        assert repr(operation.place().split("/")[3]) in answer.json["detail"]


@each
def test_whatever_stands_in_the_query_is_answered(operation: Operation, client: Client) -> None:
    for name, schema in operation.parameters("query"):
        for value in VALUES:
            status = clear(operation.ask(client, query={name: value})).status
            if resolved(schema).get("type") in ("integer", "number") and value != "-1":
                assert status == 422


@each
def test_whatever_stands_in_a_header_is_answered(operation: Operation, client: Client) -> None:
    for name, _ in operation.parameters("header"):
        for value in ("", "\x00", "\xff", "x" * 5_000, "-1", "9" * 40):
            assert clear(operation.ask(client, **{name: value})).status != 503


@each_with_body
def test_bodies_that_cannot_be_read_are_refused(
    operation: Operation, client: Client, desk: FakeDesk
) -> None:
    for body, status, code in BODIES:
        answer = clear(operation.ask(client, body=body))
        assert (answer.status, answer.code) == (status, code), body[:40]
    assert desk.asked == []


@each_with_body
def test_a_field_of_the_wrong_type_is_named(
    operation: Operation, client: Client, desk: FakeDesk
) -> None:
    assert operation.body is not None
    whole = example(operation.body)
    for name, schema in operation.body["properties"].items():
        texts = resolved(schema).get("type") == "string"
        for wrong in ({"a": {"b": 1}}, [[]], 7 if texts else "x"):
            body = json.dumps(whole | {name: wrong}).encode()
            answer = clear(operation.ask(client, body=body))
            assert answer.status == 422
            assert name in answer.json["detail"]
    assert desk.asked == []


@each_with_body
def test_a_body_of_another_kind_is_refused(
    operation: Operation, client: Client, desk: FakeDesk
) -> None:
    body = json.dumps(example(operation.body or {})).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = clear(operation.ask(client, body=body, content_type=kind))
        assert 400 <= answer.status < 500
    assert desk.asked == []


@each
def test_another_method_is_refused(operation: Operation, client: Client) -> None:
    answer = clear(client.ask("PATCH", operation.place(), b""))
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"]


@each_asked
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageError("'a.db' is locked by another process", "wait"), 503),
        (SubjectOutOfMemory("no memory is left", "use less"), 503),
        (ServiceError(503, "queue_full", "64 requests wait already", "later"), 503),
        (DiskFull("'a.db': no space left", "free some"), 507),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_what_passes_says_when_to_come_back(
    operation: Operation, error: NeuroscribeError, status: int, over: Over
) -> None:
    answer = operation.ask(over(Broken(error)))
    assert (answer.status, answer.code) == (status, error.code)
    assert ("retry-after" in answer.headers) == (status == 503)


@each_asked
def test_what_nobody_foresaw_tells_nothing(operation: Operation, over: Over) -> None:
    answer = operation.ask(over(Broken(RuntimeError("password=hunter2"))))
    assert (answer.status, answer.code) == (500, "internal")
    assert b"hunter2" not in answer.body


@each_with_body
def test_a_client_that_leaves_while_it_sends_harms_nobody(
    operation: Operation, desk: FakeDesk, over: Over
) -> None:
    client = over(desk)
    sent, kind = [b'{"unit": "de'], {"content-type": "application/json"}

    async def scene() -> Answer:
        gone = asyncio.Event()
        gone.set()
        place = operation.place()
        return await client.send(operation.method, place, sent, kind, gone=gone, whole=False)

    half = asyncio.run(scene())
    assert half.status in (0, 400)
    assert desk.asked == []
