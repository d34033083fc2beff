"""``neuroscribe work``: do the service's jobs in a process of its own."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Annotated

import typer

SECONDS = 3600.0


def work(
    lanes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at once (default: the setting).")
    ] = None,
) -> None:
    """Do jobs that were made over HTTP until interrupted; units in hand are finished."""
    from neuroscribe.holding import memory_limit
    from neuroscribe.serving.worker import Worker
    from neuroscribe.workspace import Workspace

    workspace = Workspace()
    workspace.holding.limit = memory_limit(workspace.settings)
    told = threading.Event()
    with workspace.store() as store:
        worker = Worker(workspace, store, lanes or workspace.settings.service_jobs)
        before = signal.signal(signal.SIGTERM, lambda number, frame: told.set())
        sys.stderr.write("at work; Ctrl-C ends it after the units in hand\n")
        worker.start()
        try:
            told.wait()
        except KeyboardInterrupt:
            sys.stderr.write("finishing the units in hand\n")
        finally:
            signal.signal(signal.SIGTERM, before)
            worker.stop(SECONDS)
