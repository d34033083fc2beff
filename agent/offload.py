"""Where the processor's work is done: at once, or beside the event loop that called for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Does a piece of work that keeps a processor busy; whoever composes decides where."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """The work's result."""
        ...


async def inline(work: Callable[[], T]) -> T:
    """At once: nothing else runs meanwhile."""
    return work()
