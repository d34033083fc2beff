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

    An exception among the answers is raised to the one who asked, one that is raised to all of that
    batch. A batch is at most ``at_once`` questions. With ``needed_only`` a question that nobody
    waits for any more is left out; without, it is answered all the same. Use within one event loop.
    """

    def __init__(
        self,
        answer: Callable[[list[Q]], Awaitable[Sequence[A | Exception]]],
        *,
        at_once: int = AT_ONCE,
        needed_only: bool = False,
    ) -> None:
        self._answer = answer
        self._at_once, self._needed_only = at_once, needed_only
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many questions wait, beyond those that are being answered."""
        return len(self._waiting)

    def ask(self, question: Q) -> asyncio.Future[A]:
        """A future of the answer."""
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return done

    async def _work(self) -> None:
        await asyncio.sleep(0)  # let those who are about to ask join the first batch
        while self._waiting:
            if self._needed_only:
                self._waiting = [asked for asked in self._waiting if not asked[1].cancelled()]
            batch, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
            if batch:
                await self._settle(batch)

    async def _settle(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        answers: Sequence[A | Exception]
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, done), answer in zip(batch, answers, strict=True):
            if done.done():
                continue
            if isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)
