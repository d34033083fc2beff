"""A budget in money, calls and tokens, checked before each call and shared by all who spend."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import BudgetReached, InvalidSetting
from llms.prices import Price
from llms.protocol import ChatRequest, Request, TokenUsage


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst that one call may cost; ``usd`` is None where no price is known."""

    usd: float | None
    tokens: int


@dataclass(slots=True)
class Budget:
    """Limits (None: none) and what was spent; open calls count with their worst case.

    A call that might break a limit raises :class:`BudgetReached` and is not made.
    """

    usd: float | None = None
    calls: int | None = None
    tokens: int | None = None
    spent_usd: float = 0.0
    spent_calls: int = 0
    spent_tokens: int = 0
    open_usd: float = 0.0
    open_calls: int = 0
    open_tokens: int = 0

    def admit(self, model: str, price: Price | None) -> None:
        """Refuse a model without a price under a limit in money, before anything is asked."""
        if self.usd is not None and price is None:
            raise InvalidSetting(
                f"the price of {model!r} is unknown, so no budget in money can be kept",
                "add it to a price table (NEUROSCRIBE_PRICES) or limit --max-calls instead",
            )

    def reserve(self, request: Request, price: Price | None) -> Reservation:
        """Set the worst case of a call aside, or raise :class:`BudgetReached`."""
        worst = worst_case(request)
        tokens = worst.input_tokens + worst.output_tokens
        usd = None if price is None else price.of(worst)
        wanted = Reservation(usd, tokens)
        if self.calls is not None and self.spent_calls + self.open_calls + 1 > self.calls:
            raise BudgetReached(
                f"the budget of {self.calls} calls is used up", "raise --max-calls: it goes on"
            )
        after = self.spent_tokens + self.open_tokens + tokens
        if self.tokens is not None and after > self.tokens:
            raise BudgetReached(
                f"the next call may break the budget of {self.tokens} tokens "
                f"({self.spent_tokens} spent)",
                "raise --max-tokens: it goes on",
            )
        if self.usd is not None and self.spent_usd + self.open_usd + (usd or 0.0) > self.usd:
            raise BudgetReached(
                f"the next call may break the budget of ${self.usd:g} "
                f"(${self.spent_usd:.4f} spent)",
                "raise --budget-usd: it goes on",
            )
        self._hold(wanted, 1)
        return wanted

    def settle(
        self, held: Reservation, attempts: int, usage: TokenUsage, usd: float | None
    ) -> None:
        """Replace a reservation with what the call really took."""
        self._hold(held, -1)
        self.spent_calls += attempts
        self.spent_tokens += usage.input_tokens + usage.output_tokens
        self.spent_usd += usd or 0.0

    def _hold(self, reservation: Reservation, sign: int) -> None:
        self.open_calls += sign
        self.open_tokens += sign * reservation.tokens
        self.open_usd = max(0.0, self.open_usd + sign * (reservation.usd or 0.0))


def worst_case(request: Request) -> TokenUsage:
    """At most a token a byte goes in (and some for each message), ``max_tokens`` come out."""
    if isinstance(request, ChatRequest):
        sizes = [len(m.text.encode("utf-8", "replace")) + 16 for m in request.messages]
        extra = len(str(request.answer_schema or "")) + len(str(request.tools or ""))
        return TokenUsage(input_tokens=sum(sizes) + extra, output_tokens=request.max_tokens)
    return TokenUsage(
        input_tokens=len(request.text.encode("utf-8", "replace")) + 16, output_tokens=1
    )
