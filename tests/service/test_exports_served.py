"""Files over HTTP: sent while they are made, and never half of one as if it were whole."""

from __future__ import annotations

import asyncio

import pytest
from asgi_client import Client
from fake_desk import FakeDesk

from core.errors import StorageError

SITE = "/v1/units/demo/mlp.0/export"


def test_a_file_comes_with_its_name_and_kind(client: Client, desk: FakeDesk) -> None:
    answer = client.get(f"{SITE}?format=jsonl")
    assert (answer.status, answer.body) == (200, b'{"a":1}\n{"b":2}\n')
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["content-disposition"] == 'attachment; filename="demo-mlp.0.jsonl"'


def test_a_unit_and_a_layer_are_told_apart(client: Client, desk: FakeDesk) -> None:
    client.get(f"{SITE}?format=html&details=true")
    client.get("/v1/units/demo/mlp.0/7/export?format=neuronpedia&plain=true")
    asked = [
        (index, body.model_dump(exclude_defaults=True))
        for index, body in desk.asked  # type: ignore[misc, attr-defined]
    ]
    assert asked == [
        (None, {"format": "html", "details": True}),
        (7, {"format": "neuronpedia", "plain": True}),
    ]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (SITE, 422, "invalid_request"),
        (f"{SITE}?format=pdf", 422, "invalid_request"),
        ("/v1/units/demo/mlp.9/export?format=html", 404, "not_stored"),
        ("/v1/units/nope/mlp.0/export?format=html", 404, "unknown_subject"),
    ],
)
def test_what_cannot_be_written_is_a_problem(
    client: Client, path: str, status: int, code: str
) -> None:
    answer = client.get(path)
    assert (answer.status, answer.code) == (status, code)


def test_a_store_that_fails_midway_ends_the_file_unfinished(client: Client, desk: FakeDesk) -> None:
    """The server breaks the line without the last chunk, so that nobody takes it for the whole."""

    def breaks(body: bytes) -> bool:
        desk.broken = StorageError("the disk is away")
        return False

    answer = asyncio.run(client.send("GET", f"{SITE}?format=jsonl", enough=breaks))
    assert (answer.body, answer.complete) == (b'{"a":1}\n', False)
