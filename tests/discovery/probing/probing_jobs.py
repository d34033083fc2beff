"""Small pieces of work for other processes."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidSetting


@dataclass(frozen=True)
class Square:
    """A number's square, the process that made it, and how many threads it may use."""

    number: int

    def run(self) -> tuple[int, int, str]:
        return self.number**2, os.getpid(), os.environ["OMP_NUM_THREADS"]


@dataclass(frozen=True)
class Refused:
    """Fails with an error of ours."""

    def run(self) -> None:
        raise InvalidSetting("not so", "but so")


class _OfTwo(Exception):
    """Cannot be sent: it is made of two things, and would be made again of one."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


@dataclass(frozen=True)
class Unsendable:
    """Fails with an error that cannot be sent."""

    def run(self) -> None:
        raise _OfTwo("this", "that")


@dataclass(frozen=True)
class Locked:
    """Gives a result that cannot be sent."""

    def run(self) -> object:
        return threading.Lock()


@dataclass(frozen=True)
class Ended:
    """Ends its process by itself."""

    def run(self) -> None:
        os._exit(3)


@dataclass(frozen=True)
class Killed:
    """Ends its process, as a system that is short of memory does."""

    def run(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Endless:
    """Locks a file for as long as its process is there; sends its parent a signal, if any."""

    file: Path
    sent: int | None = None

    def run(self) -> None:
        with self.file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.file.with_suffix(".locked").touch()
            if self.sent is not None:
                os.kill(os.getppid(), self.sent)
            while True:
                time.sleep(3600)
