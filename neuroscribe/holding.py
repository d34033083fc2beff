"""The subjects that are loaded: each once, for all who ask, within a limit of memory.

Whoever works on a subject says so (:meth:`Holding.using`). One that nobody works on is dropped when
another needs its place, the one that was not asked for the longest first, together with everything
that was made of it (:meth:`Holding.beside`): its indexes, keys and batches.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ByteSize

from core.errors import MemoryShort

if TYPE_CHECKING:
    from core.settings import Settings
    from neuroscribe.recipe import SubjectRecipe
    from subjects.protocol import Subject

T = TypeVar("T")
SHARE = 0.8

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """What is held under one name. ``bytes`` are set aside while a subject is being loaded."""

    subject: Subject | None = None
    recipe: SubjectRecipe | None = None
    bytes: int = 0
    users: int = 0
    used: int = 0
    beside: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Turn:
    """Held by the one who makes something; ``here`` counts those who wait, and that one."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    here: int = 0


@dataclass(slots=True)
class Holding:
    """Loaded subjects by name. ``limit`` says how many bytes all of them may take (None: any)."""

    limit: Callable[[], int] | None = None
    _places: dict[str, _Place] = field(default_factory=dict)
    _times: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _turns: dict[Hashable, _Turn] = field(default_factory=dict)

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """As long as it is open, what is held under this name stays."""
        with self._lock:
            place = self._places.setdefault(name, _Place())
            place.users += 1
        try:
            yield
        finally:
            with self._lock:
                place.users -= 1
                self._times += 1
                place.used = self._times
                if not place.users and place.subject is None and not place.beside:
                    self._places.pop(name, None)

    def get(self, recipe: SubjectRecipe) -> Subject:
        """The subject of a recipe, loaded now if it is not; others are dropped if they must be.

        :class:`MemoryShort` where it does not fit beside those that are in use, and what loading
        raises.
        """
        with self.using(recipe.name), self._turn(recipe.name):
            place = self._places[recipe.name]
            if place.recipe not in (None, recipe):  # registered anew, from elsewhere
                self._empty(place)
            if place.subject is None:
                place.subject, place.recipe = self._loaded(place, recipe), recipe
            return place.subject

    def beside(self, name: str, what: Hashable, make: Callable[[], T]) -> T:
        """Something that was made of a subject, made once and dropped with it; None is not kept."""
        with self._turn((name, what)):
            return self.looked_up(name, what, make)

    def looked_up(self, name: str, what: Hashable, look: Callable[[], T]) -> T:
        """:meth:`beside` that waits for nobody who makes it: several may look at once.

        The first that finds something decides for all.
        """
        with self.using(name):
            with self._lock:
                held = self._places[name].beside
                if what in held:
                    found: T = held[what]
                    return found
            made = look()
            if made is None:
                return made
            with self._lock:  # what was emptied meanwhile is another dictionary
                return cast("T", held.setdefault(what, made))

    def drop(self, name: str) -> bool:
        """Let go of what is held under this name; False when it is in use."""
        with self._lock:
            place = self._places.get(name)
            if place is None:
                return True
            if place.users:
                return False
            del self._places[name]
            self._empty(place)
        _collect()
        return True

    def loaded(self) -> dict[str, int]:
        """Bytes of every subject that is loaded."""
        with self._lock:
            return {n: p.bytes for n, p in sorted(self._places.items()) if p.subject is not None}

    def _loaded(self, place: _Place, recipe: SubjectRecipe) -> Subject:
        from subjects.sizes import bytes_of

        if self.limit is not None:
            self._make_room(place, recipe.expected_bytes(), recipe.name)
        try:
            subject = recipe.load()
            self._make_room(place, bytes_of(subject), recipe.name)
        except BaseException:
            with self._lock:
                place.bytes = 0
            raise
        return subject

    def _make_room(self, place: _Place, size: int, name: str) -> None:
        """Set ``size`` bytes aside for a place, dropping others that nobody uses."""
        dropped = []
        limit = None if self.limit is None else self.limit()
        with self._lock:
            if limit is not None:
                others = {n: p for n, p in self._places.items() if p is not place}
                idle = [n for n, p in others.items() if not p.users]
                over = size + sum(p.bytes for p in others.values()) - limit
                if over > sum(others[n].bytes for n in idle):
                    raise _short(name, size, limit, sorted(set(others) - set(idle)))
                for other in sorted(idle, key=lambda n: others[n].used):
                    if over <= 0:
                        break
                    if others[other].bytes:
                        over -= others[other].bytes
                        self._empty(self._places.pop(other))
                        dropped.append(other)
            place.bytes = size
        if dropped:
            _collect()
            log.info("dropped %s to make room for %s", ", ".join(dropped), name)

    def _empty(self, place: _Place) -> None:
        with self._lock:
            place.subject = place.recipe = None
            place.bytes = 0
            place.beside = {}

    @contextmanager
    def _turn(self, what: Hashable) -> Iterator[None]:
        """Held by the thread that loads or makes something, so that it is done once."""
        with self._lock:
            turn = self._turns.setdefault(what, _Turn())
            turn.here += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.here -= 1
                if not turn.here:
                    del self._turns[what]


def memory_limit(settings: Settings) -> Callable[[], int]:
    """What all subjects of a service may take: as it is set, or most of the device's memory."""

    @cache
    def limit() -> int:
        from subjects.sizes import machine_bytes

        if settings.service_memory is not None:
            return settings.service_memory
        return int(SHARE * machine_bytes(settings.device))

    return limit


def _collect() -> None:
    """Give the memory of what was dropped back, on the GPU as well."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _short(name: str, size: int, limit: int, in_use: list[str]) -> MemoryShort:
    needs = f"subject {name!r} takes {_told(size)} of memory"
    if size > limit:
        return MemoryShort(
            f"{needs}, and all subjects together may take {_told(limit)}",
            "raise NEUROSCRIBE_SERVICE_MEMORY, or load it in half precision: NEUROSCRIBE_DTYPE",
            too_large=True,
        )
    return MemoryShort(
        f"{needs}, which do not fit beside those in use: {', '.join(map(repr, in_use))}",
        "try again in a moment, or raise NEUROSCRIBE_SERVICE_MEMORY",
    )


def _told(size: int) -> str:
    return ByteSize(size).human_readable(separator=" ")
