"""What a store asks of its database, counted: a clock would tell of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from storage import Store


@contextmanager
def asked(store: Store) -> Iterator[list[str]]:
    """Every statement that is sent while it is open."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if statement.split(None, 1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


@contextmanager
def steps(store: Store, each: int = 10) -> Iterator[list[int]]:
    """One entry for every ``each`` instructions that SQLite carries out while it is open."""
    taken: list[int] = []
    driver: list[Any] = []

    def count() -> int:
        taken.append(each)
        return 0

    def watch(connection: Any, *others: Any) -> None:
        driver.append(connection.connection.driver_connection)
        driver[-1].set_progress_handler(count, each)

    event.listen(store.engine, "before_cursor_execute", watch)
    try:
        yield taken
    finally:
        event.remove(store.engine, "before_cursor_execute", watch)
        for one in driver:
            one.set_progress_handler(None, each)
