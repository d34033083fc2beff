"""How a sweep gets on, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neuroscribe.cli.output import console

if TYPE_CHECKING:
    from agent.sweep import SweepProgress

EVERY = 30.0
"""Seconds between two lines where stderr is no terminal."""


@contextmanager
def sweeping(every: float = EVERY) -> Iterator[Callable[[SweepProgress], None]]:
    """A progress callback for sweeps; the last news is always told."""
    if sys.stderr.isatty():
        with _bar() as draw:
            yield draw
        return
    from neuroscribe.render.sweeps import progress_line

    said = time.monotonic()
    last: SweepProgress | None = None

    def tell(progress: SweepProgress) -> None:
        nonlocal said, last
        last = progress
        if time.monotonic() - said >= every:
            said, last = time.monotonic(), None
            sys.stderr.write(progress_line(progress) + "\n")

    try:
        yield tell
    finally:
        if last is not None:
            sys.stderr.write(progress_line(last) + "\n")


@contextmanager
def _bar() -> Iterator[Callable[[SweepProgress], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from neuroscribe.render.jobs import duration
    from neuroscribe.render.sweeps import spent_so_far

    with Progress(
        TextColumn("explaining"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        console=console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("", total=None, said="")

        def draw(told: SweepProgress) -> None:
            ended = told.done + told.failed
            parts = [
                f"{told.failed} failed" if told.failed else "",
                spent_so_far(told),
                f"{60 * told.rate:.1f}/min" if told.rate else "",
                f"{duration(told.eta_seconds)} left" if told.eta_seconds is not None else "",
            ]
            bars.update(
                task,
                completed=ended,
                total=ended + told.running + told.queued,
                said="  ".join(part for part in parts if part),
            )

        yield draw
