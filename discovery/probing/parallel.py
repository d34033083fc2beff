"""Pieces of work in processes of this machine, each kept in a file as soon as it is done.

A run that was killed finds the files again and does the rest. Results do not depend on how many
processes there are: a piece has its own seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from core.results import Record
from discovery.probing.processes import Workers
from subjects.index.files import write_bytes

R = TypeVar("R", bound=Record)
R_co = TypeVar("R_co", bound=Record, covariant=True)


class Job(Protocol[R_co]):
    """A piece of work that can be sent to another process."""

    @property
    def name(self) -> str:
        """The name of the file that keeps its result."""
        ...

    def run(self) -> R_co:
        """Do it."""
        ...


def run_jobs(
    jobs: Sequence[Job[R]],
    kind: type[R],
    folder: Path | None,
    workers: Workers,
    told: Callable[[int, int], None],
) -> list[R]:
    """The results of ``jobs`` in their order; ``told`` hears how many are done, and of how many.

    Raises what a job raises, and :class:`core.errors.WorkerLost` where a process is lost.
    """
    found: dict[int, R] = {}
    for index, job in enumerate(jobs):
        kept = None if folder is None else kept_result(folder / f"{job.name}.json", kind)
        if kept is not None:
            found[index] = kept
    told(len(found), len(jobs))
    left = [index for index in range(len(jobs)) if index not in found]
    for place, result in workers.results([jobs[index] for index in left]):
        index = left[place]
        found[index] = result
        if folder is not None:
            write_bytes(folder / f"{jobs[index].name}.json", result.model_dump_json().encode())
        told(len(found), len(jobs))
    return [found[index] for index in range(len(jobs))]


def kept_result(path: Path, kind: type[R]) -> R | None:
    """A result that an earlier run kept; None where there is none that can be read."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
