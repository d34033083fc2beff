"""Keeps a budget: no call is made that might break it."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable

from core.errors import ModelError
from llms.budget import Budget, worst_case
from llms.prices import Price
from llms.protocol import ChatRequest, ChatResponse, Model, Request, TokenUsage
from llms.wrappers.base import R, Wrapper


class Spend(Wrapper):
    """Reserves each call's worst case in ``budget`` and puts its price on the answer."""

    def __init__(self, inner: Model, budget: Budget, price: Price | None) -> None:
        super().__init__(inner)
        budget.admit(inner.name, price)
        self.budget = budget
        self.price = price

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """Raises :class:`BudgetReached` instead of asking for what might cost too much."""
        held = self.budget.reserve(request, self.price)
        attempts, usage, usd = 0, TokenUsage(), None
        try:
            answer = await ask()
            usd = None if self.price is None else self.price.of(answer.usage)
            attempts, usage = answer.attempts, answer.usage
            return answer.model_copy(update={"usd": usd})
        except ModelError as error:
            attempts = error.attempts
            raise
        except CancelledError:  # whoever was asked may be paid all the same
            attempts, usage, usd = 1, worst_case(request), held.usd
            raise
        finally:
            self.budget.settle(held, attempts, usage, usd)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """The same for an answer in pieces; one that breaks off counts with its worst case."""
        held = self.budget.reserve(request, self.price)
        usage, usd = worst_case(request), held.usd
        try:
            async for piece in self.inner.stream(request):
                if isinstance(piece, ChatResponse):
                    usage = piece.usage
                    usd = None if self.price is None else self.price.of(usage)
                    yield piece.model_copy(update={"usd": usd})
                else:
                    yield piece
        finally:
            self.budget.settle(held, 1, usage, usd)
