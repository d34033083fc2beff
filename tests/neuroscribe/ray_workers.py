"""Ray for the tests of engines, and what they send there: toy workers, subjects that die."""

from __future__ import annotations

import gc
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from core.errors import ModelUnavailable, SubjectError
from neuroscribe.engines.ray import RayCluster
from neuroscribe.recipe import SubjectRecipe
from subjects.protocol import Batch, Subject


@contextmanager
def ray_cluster(cpus: int) -> Iterator[RayCluster]:
    """Ray on this machine, for the tests of a module."""
    opened = RayCluster(cpus=cpus)
    yield opened
    with warnings.catch_warnings():
        # Ray forgets some of its processes before they have ended.
        warnings.simplefilter("ignore", ResourceWarning)
        opened.close()
        gc.collect()


def once(marker: str) -> bool:
    """True for the first process, thread or call that asks."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True)
class LoadedSpec:
    """A toy in a process that has loaded a subject."""

    recipe: SubjectRecipe

    def open(self) -> Toy:
        self.recipe.load()
        return Toy()


class Toy:
    """Does as it is told by words."""

    def run(self, item: str, stopped: Callable[[], bool]) -> str:
        word, _, rest = item.partition(" ")
        if word == "die":
            os._exit(1)
        if word == "die-once" and once(rest):
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "refuse":
            error = ModelUnavailable(f"no {rest!r}", "ask later", retry_after=2.5)
            error.attempts = 4
            raise error
        if word == "crash":
            raise ZeroDivisionError(rest)
        if word == "exhaust":
            raise MemoryError("no room")
        if word == "threads":
            return str(torch.get_num_threads())
        return item.upper()


@dataclass(frozen=True)
class ToySpec:
    """``trouble`` is what happens at opening: nothing, an error, or death."""

    trouble: str = ""

    def open(self) -> Toy:
        if self.trouble == "error":
            raise SubjectError("subject 'toy' is broken", "mend it")
        if self.trouble == "death":
            os._exit(1)
        return Toy()


@dataclass(frozen=True)
class SweepSpec:
    """Workers that claim the numbers of a job from a folder that all of them see."""

    folder: str
    dies_at: int = -1

    def open(self) -> Sweep:
        return Sweep(Path(self.folder), self.dies_at)


class Sweep:
    def __init__(self, folder: Path, dies_at: int) -> None:
        self.folder, self.dies_at = folder, dies_at

    def run(self, item: str, stopped: Callable[[], bool]) -> list[int]:
        """Claim and do the numbers below 20 of job ``item``; of job ``endless``, without end."""
        done: list[int] = []
        number = 0
        while (number < 20 or item == "endless") and not stopped():
            if once(str(self.folder / f"{item}-{number}.claimed")):
                if number == self.dies_at and once(str(self.folder / "died")):
                    os._exit(1)
                (self.folder / f"{item}-{number}.done").touch()
                done.append(number)
            elif item == "endless":
                time.sleep(0.01)
            number += 1
        return done


@dataclass(frozen=True)
class Trouble(SubjectRecipe):
    """A subject whose process is killed in a forward pass: once, or where ``marker`` is empty."""

    marker: str = ""

    def load(self) -> Subject:
        subject = SubjectRecipe.load(self)
        whole = subject.activations

        def activations(batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
            if not self.marker or once(self.marker):
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(batch, sites)

        subject.activations = activations  # type: ignore[method-assign]
        return subject
