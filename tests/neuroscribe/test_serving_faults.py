"""The service over a real store in trouble: locked, crowded, or asked by two people at once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from core.settings import load_settings
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import Store, open_store

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Answer, Client

JSON = {"content-type": "application/json"}
SWEEP = {"site": "planted/exact", "units": "0-3"}


@pytest.fixture
def workspace(own_home: Path, database: str | None) -> Workspace:
    return Workspace(load_settings())


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """A store that waits for locks only for a moment."""
    with open_store(workspace.settings.database, busy_timeout=0.05) as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace, store: Store, few: Path) -> Client:
    return serving(workspace, store, few)


def serving(workspace: Workspace, store: Store, corpus: Path) -> Client:
    """A service that leaves jobs to others; it lives in one event loop."""
    options = ServeOptions(corpus=CorpusChoice(str(corpus)), work=False)
    return Client(application(workspace, store, options)[0])


async def post(client: Client, path: str, body: object = None) -> Answer:
    sent = [b"" if body is None else json.dumps(body).encode()]
    return await client.send("POST", path, sent, JSON)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_database_that_is_locked_for_a_moment_is_said_and_streams_go_on(
    client: Client, store: Store
) -> None:
    async def scene() -> tuple[Answer, Answer, Answer, Answer]:
        job = (await post(client, "/v1/jobs", SWEEP)).json["id"]
        stream = asyncio.create_task(client.send("GET", f"/v1/jobs/{job}/events"))
        with closing(sqlite3.connect(str(store.engine.url.database))) as other:
            other.isolation_level = None
            other.execute("BEGIN EXCLUSIVE")
            refused = await post(client, f"/v1/jobs/{job}/cancel")
            read = await client.send("GET", f"/v1/jobs/{job}")
        return refused, read, await post(client, f"/v1/jobs/{job}/cancel"), await stream

    refused, read, cancelled, stream = asyncio.run(scene())
    assert (refused.status, refused.code) == (503, "storage")
    assert "locked" in refused.json["detail"]
    assert refused.headers["retry-after"] == "1"
    assert (read.status, read.json["state"]) == (200, "queued"), "readers wait for nobody"
    assert cancelled.json["state"] == "cancelled"
    assert stream.body.count(b"event: job") == 2


def test_two_who_end_one_job_are_both_answered(client: Client) -> None:
    async def scene() -> list[Answer]:
        job = (await post(client, "/v1/jobs", SWEEP)).json["id"]
        path = f"/v1/jobs/{job}"
        followed = [asyncio.create_task(client.send("GET", f"{path}/events")) for _ in range(2)]
        ended = await asyncio.gather(*(post(client, f"{path}/cancel") for _ in range(2)))
        late = [await post(client, f"{path}/{what}") for what in ("pause", "resume")]
        return [*ended, *late, *await asyncio.gather(*followed)]

    first, second, pause, resume, *streams = asyncio.run(scene())
    for answer in (first, second):
        assert (answer.status, answer.json["state"]) == (200, "cancelled")
    for answer in (pause, resume):
        assert (answer.status, answer.code) == (409, "job_state")
        assert "cancelled" in answer.json["detail"]
    heard = [stream.body.count(b'"state": "cancelled"') for stream in streams]
    assert heard == [1, 1], "each hears of it once, whoever it was"
    assert streams[0].body == streams[1].body


def test_one_pauses_while_the_other_goes_on(client: Client, store: Store) -> None:
    async def scene() -> tuple[str, list[Answer]]:
        job = (await post(client, "/v1/jobs", SWEEP)).json["id"]
        asked = ["pause", "resume"] * 6
        return job, await asyncio.gather(*(post(client, f"/v1/jobs/{job}/{a}") for a in asked))

    job, answers = asyncio.run(scene())
    assert {answer.status for answer in answers} <= {200, 503}
    told = [event.data["state"] for event in store.jobs.events(job)]
    assert told[-1] == store.jobs.get(job).state
    assert all(before != after for before, after in pairwise(told)), "only what changed is told"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_more_requests_than_may_wait_are_sent_away_and_come_again(
    own_home: Path, database: str | None, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_QUEUE", "1")
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_BATCH", "1")
    workspace = Workspace(load_settings())
    body = {"unit": "demo-tiny/mlp.1/3", "texts": ["the cat sat"]}

    async def scene(client: Client) -> tuple[list[Answer], Answer]:
        many = await asyncio.gather(*(post(client, "/v1/activations", body) for _ in range(12)))
        return many, await post(client, "/v1/activations", body)

    with workspace.store() as store:
        workspace.subject("demo-tiny")
        many, after = asyncio.run(scene(serving(workspace, store, few)))
    away = [answer for answer in many if answer.status != 200]
    assert 0 < len(away) < 12
    assert {(answer.status, answer.code) for answer in away} == {(503, "queue_full")}
    assert all(answer.headers["retry-after"] == "1" for answer in away)
    assert after.status == 200


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_is_nowhere_is_not_found(client: Client) -> None:
    for path, code in (
        ("/v1/units/nobody/mlp.0", "unknown_subject"),
        ("/v1/units/planted/mlp.9", "unknown_site"),
        ("/v1/units/planted/exact/99999/explanations", "unit_out_of_range"),
        ("/v1/units/planted/exact/99999/profile", "unit_out_of_range"),
        ("/v1/units/nobody/mlp.0/1", "not_stored"),
        ("/v1/runs/0000000000000000", "not_stored"),
    ):
        answer = client.get(path)
        assert (answer.status, answer.code) == (404, code), path
    assert client.get("/v1/units/planted/exact").json == {"items": [], "next": None}
    assert client.get("/v1/units/planted/exact/3/explanations").json["items"] == []


def test_an_idempotency_key_names_one_request(client: Client, store: Store) -> None:
    one = {"unit": "planted/exact/1", "wait": 0}
    asked = (
        ("/v1/explanations", one),
        ("/v1/explanations", one | {"seed": 1}),
        ("/v1/explanations", one | {"unit": "planted/exact/2"}),
        ("/v1/jobs", SWEEP),
    )
    first, *others = [client.post(path, body, idempotency_key="k") for path, body in asked]
    assert first.status == 202
    assert [(a.status, a.code) for a in others] == [(422, "idempotency_key_reused")] * 3
    again = client.post("/v1/explanations", one, idempotency_key="k")
    assert (again.status, again.json["id"]) == (202, first.json["id"])
    assert len(store.jobs.newest()) == 1
