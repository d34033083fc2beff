"""What holds a thread for long is done one at a time, and a crowd is sent away."""

from __future__ import annotations

import asyncio

import pytest

from neuroscribe.serving.turns import Turns
from service.problems import ServiceError


def test_one_at_a_time_and_no_more_than_may_wait() -> None:
    seen: list[str] = []

    async def take(turns: Turns, name: str, enough: asyncio.Event) -> None:
        async with turns.one():
            seen.append(f"{name} begins")
            await enough.wait()
            seen.append(f"{name} ends")

    async def scene() -> None:
        turns, enough = Turns(2, "searches"), asyncio.Event()
        taken = [asyncio.create_task(take(turns, name, enough)) for name in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(ServiceError, match="2 such searches wait") as refused:
            await take(turns, "c", enough)
        assert (refused.value.status, refused.value.code) == (503, "queue_full")
        enough.set()
        await asyncio.gather(*taken)
        await take(turns, "c", enough)

    asyncio.run(scene())
    assert seen == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
