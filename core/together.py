"""Questions answered several at a time: whoever comes while a batch is away joins the next.

One transaction for sixty small writes costs hardly more than one for a single write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

AT_ONCE = 256
Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """``answer`` gets a batch of questions and gives as many answers, in their order.

    What it raises is raised for every question of that batch. Use within one event loop.
    """

    def __init__(self, answer: Callable[[list[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._worker: asyncio.Task[None] | None = None

    def ask(self, question: Q) -> asyncio.Future[A]:
        """A future of the answer; a question is answered even if nobody waits any more."""
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return done

    async def _work(self) -> None:
        await asyncio.sleep(0)  # let those who are about to ask join the first batch
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            try:
                answers = await self._answer([question for question, _ in batch])
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), answer in zip(batch, answers, strict=True):
                    if not done.done():
                        done.set_result(answer)
