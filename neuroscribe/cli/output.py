"""What a command prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from subjects.index.collect import Progress


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text = text.encode("utf-8", "replace").decode("utf-8")
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fail(code: str, message: str, hint: str, as_json_document: bool) -> None:
    """Say what is wrong: one line on stderr, or the error document on stdout under ``--json``."""
    if as_json_document:
        print_json({"error": {"code": code, "message": message, "hint": hint}})
        return
    line = f"neuroscribe: {message}" + (f" ({hint})" if hint else "")
    sys.stderr.write(_shown(" ".join(line.split())) + "\n")


def _shown(line: str) -> str:
    """Names from files reach a terminal as text: what it would act upon is written as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line
    )


def console(*, stderr: bool = False) -> Console:
    """A console for people; plain when the stream is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def collecting(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A progress callback for collections, drawn on stderr when that is a terminal."""
    if quiet or not sys.stderr.isatty():
        told = False

        def tell(progress: Progress) -> None:
            nonlocal told
            if not told and not quiet:
                sys.stderr.write("collecting activations (once for each subject and corpus)\n")
                told = True

        yield tell
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[tokens]} tokens"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("collecting", total=None, tokens="0")

        def draw(progress: Progress) -> None:
            bars.update(
                task,
                completed=progress.documents,
                total=progress.documents_total,
                tokens=f"{progress.tokens:,}",
                description="resumed" if progress.resumed else "collecting",
            )

        yield draw


@contextmanager
def comparing(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback for how many explanations have a vector, drawn on stderr if that is a terminal."""
    if quiet or not sys.stderr.isatty():

        def tell(done: int, of: int) -> None:
            if done == 0 < of and not quiet:
                sys.stderr.write(f"giving {of:,} explanations a vector (once for each)\n")

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("vectors of explanations"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


@contextmanager
def working(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """A callback for stages of long work: what is done, how much of it, and of how much.

    Drawn on stderr when that is a terminal; else each stage is told once.
    """
    if quiet or not sys.stderr.isatty():
        told: set[str] = set()

        def tell(what: str, done: int, of: int | None) -> None:
            if what not in told and not quiet:
                sys.stderr.write(f"{what}\n" if of is None else f"{what} ({of:,})\n")
            told.add(what)

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, Any] = {}

        def draw(what: str, done: int, of: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield draw
