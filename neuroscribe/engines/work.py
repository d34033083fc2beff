"""What travels between our own processes: a spec that opens a worker, items, and answers.

A spec is small and picklable: names and settings, never a model. The other process opens it there,
once, and hands the worker item after item. Errors come back as answers rather than by Ray's own
exceptions, so that a caller sees the class, message and hint that the worker raised.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from core.errors import NeuroscribeError, SubjectError, WorkerFailed
from core.version import code_version

Item = TypeVar("Item")
Result = TypeVar("Result")
_Item = TypeVar("_Item", contravariant=True)
_Result = TypeVar("_Result", covariant=True)


class Worker(Protocol[_Item, _Result]):
    """What works on items in another process, one at a time."""

    def run(self, item: _Item, stopped: Callable[[], bool]) -> _Result:
        """The result of ``item``. A long run asks ``stopped`` and then ends early."""
        ...


class Spec(Protocol[_Item, _Result]):
    """How to open a worker: picklable, and importable by name on every machine."""

    def open(self) -> Worker[_Item, _Result]:
        """Open it; called in the worker's process, once."""
        ...


def refuse_other_code(code: str) -> None:
    """:class:`SubjectError` in a worker that has another version of the program than ``code``."""
    if code_version() != code:
        raise SubjectError(
            f"a worker has neuroscribe {code_version()!r}, this process {code!r}",
            "install the same version on every machine",
        )


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """An item's result."""

    value: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """An item's error, and where in the worker it was raised."""

    error: NeuroscribeError
    trace: str = ""


class Host(Generic[Item, Result]):
    """What a worker process runs. ``stop`` may be called while ``run`` is at work."""

    def __init__(self, spec: Spec[Item, Result]) -> None:
        self._spec = spec
        self._worker: Worker[Item, Result] | None = None
        self._stop = threading.Event()

    def start(self) -> Done[None] | Failed:
        """Open the worker."""
        try:
            self._worker = self._spec.open()
        except Exception as error:
            return _failed(error)
        return Done(None)

    def run(self, item: Item) -> Done[Result] | Failed:
        """Work on one item."""
        assert self._worker is not None, "start comes first"
        try:
            return Done(self._worker.run(item, self._stop.is_set))
        except Exception as error:
            return _failed(error)

    def stop(self) -> None:
        """Ask the worker to end what it does."""
        self._stop.set()


def _failed(error: Exception) -> Failed:
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, NeuroscribeError):
        return Failed(error, trace)
    said = " ".join(str(error).split())
    hint = "a defect, unless the machine is at fault: run with --engine local, or with --debug"
    if isinstance(error, MemoryError) or "out of memory" in said:
        hint = "start fewer workers, or take a smaller --window"
    return Failed(WorkerFailed(f"{type(error).__name__}: {said}", hint), trace)
