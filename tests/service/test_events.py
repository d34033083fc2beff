"""Whoever follows a job hears every event once and in order, however often the line breaks."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence

from asgi_client import Answer, Client
from fake_desk import FakeDesk

from core.errors import StorageError
from service.app import create_app
from service.auth import Gate
from service.events import Feeds
from storage.jobs import JobEvent

JOB = "job-0001"


def over(desk: FakeDesk) -> tuple[Client, Feeds]:
    feeds = Feeds(desk, every=0.01, heartbeat=0.05)
    return Client(create_app(desk, Gate(), feeds=feeds)), feeds


def numbers(answer: Answer) -> list[int]:
    return [int(n) for n in re.findall(rb"^id: (\d+)$", answer.body, re.MULTILINE)]


def seen(number: int) -> Callable[[bytes], bool]:
    return lambda body: f"id: {number}\n".encode() in body


async def read(desk: FakeDesk, times: int) -> None:
    """Wait until the desk was asked so often."""
    while desk.reads < times:
        await asyncio.sleep(0.005)


def test_a_job_that_has_ended_is_told_whole_and_the_stream_ends() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running", reason=None)
    desk.happen(JOB, "item", unit="demo/mlp.0/1", state="done", error="<img src=x>\nid: 9")
    desk.happen(JOB, "job", state="done", reason=None)
    client, _ = over(desk)
    answer = client.get(f"/v1/jobs/{JOB}/events")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert numbers(answer) == [1, 2, 3]  # a line break in a text begins no new field
    kinds = re.findall(rb"^event: (\w+)$", answer.body, re.MULTILINE)
    assert kinds == [b"job", b"item", b"job"]
    data = [json.loads(d) for d in re.findall(rb"^data: (.*)$", answer.body, re.MULTILINE)]
    assert data[1]["error"] == "<img src=x>\nid: 9"


def test_who_comes_back_goes_on_after_the_last_event_heard() -> None:
    desk = FakeDesk()
    for number in range(5):
        desk.happen(JOB, "item", position=number)
    desk.happen(JOB, "job", state="done")

    def get(query: str = "", **headers: str) -> Answer:
        client, _ = over(desk)  # a service lives in one event loop
        return client.get(f"/v1/jobs/{JOB}/events{query}", **headers)

    assert numbers(get(last_event_id="4")) == [5, 6]
    assert numbers(get("?after=5")) == [6]
    assert get(last_event_id="6").status == 204
    assert get(last_event_id="x").status == 422
    assert over(desk)[0].get("/v1/jobs/none/events").status == 404


def test_many_follow_one_job_and_the_store_is_read_once_for_all() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> tuple[list[Answer], int]:
        client, _ = over(desk)
        path = f"/v1/jobs/{JOB}/events"
        following = [asyncio.create_task(client.send("GET", path)) for _ in range(200)]
        for number in range(40):
            desk.happen(JOB, "item", position=number)
            await asyncio.sleep(0.005)
        late = asyncio.create_task(client.send("GET", path, headers={"last-event-id": "3"}))
        desk.happen(JOB, "job", state="done")
        answers = await asyncio.gather(*following, late)
        return answers, desk.reads

    answers, reads = asyncio.run(scene())
    *early, late = answers
    assert all(numbers(answer) == list(range(1, 43)) for answer in early)
    assert numbers(late) == list(range(4, 43))
    assert reads < 200 * 2


def test_silence_is_broken_by_comments_and_a_store_that_is_away_is_waited_for() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> Answer:
        client, _ = over(desk)
        following = asyncio.create_task(client.send("GET", f"/v1/jobs/{JOB}/events"))
        await read(desk, 1)
        desk.broken = StorageError("database is locked")
        await read(desk, desk.reads + 5)
        desk.broken = None
        desk.happen(JOB, "job", state="done")
        return await following

    answer = asyncio.run(scene())
    assert numbers(answer) == [1, 2]
    assert b": still here\n\n" in answer.body


def test_a_follower_that_leaves_is_forgotten_and_reads_no_more() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> int:
        client, feeds = over(desk)
        await client.send("GET", f"/v1/jobs/{JOB}/events", enough=seen(1))
        assert feeds.following == 0
        before = desk.reads
        await asyncio.sleep(0.05)
        return desk.reads - before

    assert asyncio.run(scene()) == 0


def test_streams_end_when_the_service_is_about_to() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> Answer:
        client, feeds = over(desk)

        def close(body: bytes) -> bool:
            if seen(1)(body):
                feeds.closing.set()
            return False

        return await client.send("GET", f"/v1/jobs/{JOB}/events", enough=close)

    assert numbers(asyncio.run(scene())) == [1]


def test_who_heard_what_never_happened_is_told_all() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> list[Answer]:
        client, _ = over(desk)
        path = f"/v1/jobs/{JOB}/events"
        ahead = {"last-event-id": str(2**31 - 1)}
        first = asyncio.create_task(client.send("GET", path, headers=ahead))
        await read(desk, 2)
        second = asyncio.create_task(client.send("GET", path))
        await asyncio.sleep(0.05)
        desk.happen(JOB, "job", state="done")
        return await asyncio.gather(first, second)

    assert [numbers(answer) for answer in asyncio.run(scene())] == [[1, 2], [1, 2]]
    assert desk.reads < 50, "nobody makes the store work without a pause"


class Away(FakeDesk):
    """Events cannot be read so many ``times``."""

    times = 0

    async def events(self, job: str, after: int, limit: int) -> Sequence[JobEvent]:
        if self.times:
            self.times -= 1
            raise StorageError("database is locked")
        return await super().events(job, after, limit)


def test_who_is_far_behind_waits_for_a_store_that_is_away() -> None:
    desk = Away()
    for number in range(3):
        desk.happen(JOB, "item", position=number)

    async def scene() -> list[Answer]:
        client, _ = over(desk)
        path = f"/v1/jobs/{JOB}/events"
        late = asyncio.create_task(client.send("GET", f"{path}?after=3"))
        await read(desk, 2)
        desk.times = 6
        behind = asyncio.create_task(client.send("GET", path))
        while desk.times:
            await asyncio.sleep(0.005)
        desk.happen(JOB, "job", state="done")
        return await asyncio.gather(late, behind)

    assert [numbers(answer) for answer in asyncio.run(scene())] == [[4], [1, 2, 3, 4]]


def test_two_who_follow_one_job_hear_the_same_though_one_of_them_leaves() -> None:
    desk = FakeDesk()
    desk.happen(JOB, "job", state="running")

    async def scene() -> tuple[Answer, Answer, int]:
        client, feeds = over(desk)
        path = f"/v1/jobs/{JOB}/events"
        stays = asyncio.create_task(client.send("GET", path))
        leaves = asyncio.create_task(client.send("GET", path, enough=seen(2)))
        while feeds.following < 2:
            await asyncio.sleep(0.005)
        desk.happen(JOB, "item", position=0)
        left = await leaves
        assert feeds.following == 1
        desk.happen(JOB, "job", state="paused")
        desk.happen(JOB, "job", state="cancelled")
        return await stays, left, feeds.following

    stayed, left, following = asyncio.run(scene())
    assert numbers(stayed) == [1, 2, 3, 4]
    assert numbers(left) == [1, 2]
    assert following == 0


def test_a_client_that_waits_no_longer_for_its_answer_leaves_a_job_and_no_follower() -> None:
    desk = FakeDesk()
    body = json.dumps({"unit": "demo/mlp.0/1", "wait": 60}).encode()
    kind = {"content-type": "application/json"}

    async def scene() -> tuple[Answer, int]:
        client, feeds = over(desk)
        gone = asyncio.Event()
        asking = asyncio.create_task(
            client.send("POST", "/v1/explanations", [body], kind, gone=gone)
        )
        await read(desk, 2)
        assert feeds.following == 1
        gone.set()
        return await asking, feeds.following

    answer, following = asyncio.run(scene())
    assert (answer.status, answer.json["state"]) == (202, "running")
    assert following == 0
