"""What the parts of a store share: one open database, and transactions on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine

from storage.engine import transaction


class Part:
    """Some of the tables of a store; may be shared by threads.

    ``check`` raises once the store was closed.
    """

    def __init__(self, engine: Engine, name: str, check: Callable[[], None] = lambda: None) -> None:
        self._engine, self._name, self._check = engine, name, check

    def _reading(self) -> AbstractContextManager[Connection]:
        self._check()
        return transaction(self._engine, self._name, writes=False)

    def _writing(self) -> AbstractContextManager[Connection]:
        self._check()
        return transaction(self._engine, self._name, writes=True)
