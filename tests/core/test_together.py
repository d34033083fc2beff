"""Questions that wait are answered together, each with its own answer."""

from __future__ import annotations

import asyncio

from core.together import Together


class Slow:
    """Answers with the square; ``gate`` must be open. Remembers its batches."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.batches: list[list[int]] = []

    async def __call__(self, asked: list[int]) -> list[int | Exception]:
        self.batches.append(list(asked))
        await self.gate.wait()
        return [ValueError(f"no {n}") if n < 0 else n * n for n in asked]


async def begun(slow: Slow, count: int = 1) -> None:
    while len(slow.batches) < count:
        await asyncio.sleep(0)


def test_what_arrives_during_a_batch_makes_the_next() -> None:
    async def scene() -> tuple[list[int], list[list[int]]]:
        slow = Slow()
        together = Together(slow, at_once=3)
        first = together.ask(1)
        await begun(slow)
        others = [together.ask(n) for n in (2, 3, 4, 5)]
        assert together.waiting == 4
        slow.gate.set()
        return list(await asyncio.gather(first, *others)), slow.batches

    answers, batches = asyncio.run(scene())
    assert answers == [1, 4, 9, 16, 25]
    assert batches == [[1], [2, 3, 4], [5]]


def test_an_error_reaches_only_who_asked_for_it() -> None:
    async def scene() -> list[int | BaseException]:
        slow = Slow()
        slow.gate.set()
        together = Together(slow, needed_only=True)
        return await asyncio.gather(*map(together.ask, (2, -1, 3)), return_exceptions=True)

    found = asyncio.run(scene())
    assert found[0] == 4
    assert isinstance(found[1], ValueError)
    assert found[2] == 9


def test_a_batch_that_breaks_is_told_to_all_of_it_and_the_next_goes_on() -> None:
    async def scene() -> tuple[list[int | BaseException], int]:
        calls = 0

        async def run(asked: list[int]) -> list[int | Exception]:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise RuntimeError("out of memory")
            return list(asked)

        together = Together[int, int](run)
        broken = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
        return broken, await together.ask(3)

    broken, after = asyncio.run(scene())
    assert [str(e) for e in broken] == ["out of memory"] * 2
    assert after == 3


def test_who_has_left_is_not_computed_for() -> None:
    async def scene() -> list[list[int]]:
        slow = Slow()
        together = Together(slow, needed_only=True)
        first = together.ask(1)
        await begun(slow)
        gone, stays = together.ask(2), together.ask(3)
        gone.cancel()
        slow.gate.set()
        await asyncio.gather(first, stays)
        return slow.batches

    assert asyncio.run(scene()) == [[1], [3]]
