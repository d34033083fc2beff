"""Keys, scopes, rates: who may ask, and what is said to who may not."""

from __future__ import annotations

import pytest
from asgi_client import Client
from fake_desk import FakeDesk

from core.errors import NeuroscribeError
from service.app import create_app
from service.auth import Caller, Gate, Pace, unauthorized

READ, RUN = {"authorization": "Bearer reads"}, {"authorization": "Bearer runs"}
TEXTS = {"unit": "demo/mlp.0/1", "texts": ["a"]}


class Known:
    """Three keys; ``old`` has ended."""

    async def caller(self, key: str) -> Caller:
        if key == "old":
            raise unauthorized("key_expired", "this API key is expired")
        if key not in ("reads", "runs"):
            raise unauthorized("key_unknown", "this API key is not known")
        return Caller(key, "read" if key == "reads" else "run", per_minute=3)


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(desk: FakeDesk, clock: Clock) -> Client:
    return Client(create_app(desk, Gate(Known(), Pace(clock))))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_key"),
        ({"authorization": "Bearer nope"}, "key_unknown"),
        ({"authorization": "Bearer old"}, "key_expired"),
        ({"authorization": "Basic cmVhZHM6"}, "no_key"),
        ({"authorization": "Bearer"}, "no_key"),
    ],
)
def test_without_a_key_that_is_of_use_nothing_is_told(
    client: Client, headers: dict[str, str], code: str
) -> None:
    answer = client.get("/v1/subjects", **headers)
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"nope" not in answer.body


def test_health_needs_no_key(client: Client) -> None:
    assert client.get("/healthz").status == client.get("/readyz").status == 200


def test_a_key_may_do_what_its_scope_says(client: Client, desk: FakeDesk) -> None:
    assert client.get("/v1/subjects", **READ).status == 200
    edit = {"unit": "demo/mlp.0/1", "kind": "ablate"}
    for refused in (
        client.post("/v1/activations", TEXTS, **READ),
        client.post("/v1/interventions", edit, **READ),
        client.post("/v1/subjects", {"source": "org/model"}, **RUN),
        client.delete("/v1/subjects/demo", **RUN),
    ):
        assert (refused.status, refused.code) == (403, "scope_missing")
    assert desk.asked == []
    assert client.post("/v1/activations", TEXTS, **RUN).status == 200


def test_the_page_sends_its_key_as_a_cookie(client: Client) -> None:
    assert client.get("/v1/subjects", cookie="neuroscribe_key=reads").status == 200


def test_a_key_may_ask_so_often(client: Client, clock: Clock) -> None:
    assert [client.get("/v1/subjects", **READ).status for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/v1/subjects", **READ)
    assert refused.code == "rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= 21
    assert client.get("/v1/subjects", **RUN).status == 200
    clock.now += 20.1
    assert client.get("/v1/subjects", **READ).status == 200


def test_scopes_include_those_below() -> None:
    assert Caller("a", "admin").may("read")
    assert Caller("a", "run").may("read")
    assert not Caller("a", "read").may("run")


def test_refusals_are_errors_of_the_product() -> None:
    assert isinstance(unauthorized("no_key", "x"), NeuroscribeError)
