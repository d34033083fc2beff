"""Many requests at once, and what happens to the others when one fails for good."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from core.errors import BudgetReached

T = TypeVar("T")


async def all_of(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order; raises the first error.

    When a budget is used up, requests that were sent are waited for, because they are paid for and
    their answers are kept. After any other error, and on cancellation, they are cancelled.
    """
    tasks = [asyncio.ensure_future(one) for one in asked]
    if not tasks:
        return []
    try:
        done, open_ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        errors = [e for task in done if (e := task.exception()) is not None]
        if errors and all(isinstance(e, BudgetReached) for e in errors) and open_:
            await asyncio.wait(open_)
        if errors:
            raise errors[0]
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
