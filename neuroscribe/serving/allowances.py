"""What API keys may still spend: decided for one request after another, set aside before it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from core.errors import BudgetReached, JobState
from neuroscribe.sweeping import SweepOptions

if TYPE_CHECKING:
    from llms.budget import Budget
    from service.auth import Caller
    from storage import Store

N = TypeVar("N", int, float)


@dataclass(eq=False, slots=True)
class Purse:
    """What one answer of the chat has set aside of its caller's limits, until it is put away.

    ``usd`` and ``calls`` are its part (None: no limit), less what it gave to jobs: ``given`` to
    each, which keeps account of that itself from then on. ``budget`` is what is spent from it.
    """

    owner: str
    budget: Budget
    usd: float | None
    calls: int | None
    given: dict[str, tuple[float, int]] = field(default_factory=dict)
    closed: bool = False

    def part(self, limits: SweepOptions) -> SweepOptions:
        """The limits of a job that is begun in the answer: at most what is left of it."""
        if self.closed:
            raise JobState("this answer was stopped", "ask again")
        budget = self.budget
        usd = None if self.usd is None else (budget.usd or 0.0) - budget.spent_usd - budget.open_usd
        calls = None
        if self.calls is not None:
            calls = (budget.calls or 0) - budget.spent_calls - budget.open_calls
        return _narrowed(limits, usd, calls, "what this answer may spend is spent")

    def give(self, job: str, limits: SweepOptions) -> None:
        """A job keeps account of this part from now on."""
        self._move(limits.budget_usd or 0.0, limits.max_calls or 0)
        self.given[job] = limits.budget_usd or 0.0, limits.max_calls or 0

    def take_back(self, job: str, usd: float, calls: int) -> None:
        """What a job that has ended left of its part."""
        if self.given.pop(job, None) is not None:
            self._move(-usd, -calls)

    def _move(self, usd: float, calls: int) -> None:
        if self.usd is not None:
            self.usd -= usd
        if self.calls is not None:
            self.calls -= calls


@dataclass(slots=True)
class Allowances:
    """The limits of all callers of one process, and what is set aside of them."""

    store: Store
    _deciding: threading.RLock = field(default_factory=threading.RLock)
    _purses: list[Purse] = field(default_factory=list)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """As long as this lasts nobody else is told what is left, or sets it aside."""
        with self._deciding:
            yield

    def within(self, caller: Caller, limits: SweepOptions, but: str | None = None) -> SweepOptions:
        """:func:`within`, with answers of the chat that are under way."""
        # Read before the store is: an answer that ends meanwhile counts twice, not never.
        mine = [purse for purse in tuple(self._purses) if purse.owner == caller.name]
        usd = sum(purse.usd or 0.0 for purse in mine)
        calls = sum(purse.calls or 0 for purse in mine)
        return within(self.store, caller, limits, but, aside=(usd, calls))

    def open(self, caller: Caller, budget: Budget) -> Purse:
        """Set the limits of ``budget`` aside, made as narrow as the caller's; close it at the end.

        :class:`BudgetReached` when nothing is left.
        """
        with self._deciding:
            limits = self.within(caller, SweepOptions(budget.usd, budget.calls))
            budget.usd, budget.calls = limits.budget_usd, limits.max_calls
            purse = Purse(caller.name, budget, budget.usd, budget.calls)
            self._purses.append(purse)
        return purse

    def close(self, purse: Purse) -> None:
        """What is left of it is free again. Waits for nobody."""
        purse.closed = True
        if purse in self._purses:
            self._purses.remove(purse)


def within(
    store: Store,
    caller: Caller,
    limits: SweepOptions,
    but: str | None = None,
    *,
    aside: tuple[float, int] = (0.0, 0),
) -> SweepOptions:
    """The limits of a new job, such that all that the caller does keeps to those of the key.

    Conversations count with what they spent. Jobs that have not ended count with all that they may
    spend, job ``but`` not at all; ``aside`` (dollars, calls) is what else is set aside.
    :class:`BudgetReached` when nothing is left.
    """
    if not caller.limited:
        return limits
    usd, calls = store.conversations.spent(caller.name)
    usd, calls = usd + aside[0], calls + aside[1]
    for job in store.jobs.owned(caller.name):
        if job.id == but:
            continue
        spent = store.jobs.spent(job.id)
        open_still = job.finished is None
        usd += max(spent.usd or 0.0, (job.budget_usd or 0.0) if open_still else 0.0)
        calls += max(spent.calls, (job.max_calls or 0) if open_still else 0)
    return _narrowed(
        limits,
        None if caller.budget_usd is None else caller.budget_usd - usd,
        None if caller.max_calls is None else caller.max_calls - calls,
        "what this API key may spend is spent, or set aside for jobs and answers under way",
    )


def _narrowed(
    limits: SweepOptions, usd: float | None, calls: int | None, otherwise: str
) -> SweepOptions:
    """The limits, at most what is left; :class:`BudgetReached` where that is nothing."""
    if (usd is not None and usd <= 0) or (calls is not None and calls <= 0):
        raise BudgetReached(otherwise, "use another key, or cancel a job")
    return replace(
        limits,
        budget_usd=_least(limits.budget_usd, usd),
        max_calls=_least(limits.max_calls, calls),
    )


def _least(first: N | None, second: N | None) -> N | None:
    known = [value for value in (first, second) if value is not None]
    return min(known) if known else None
