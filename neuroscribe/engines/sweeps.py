"""A sweep on Ray: every worker takes units of one job from the database that all of them share."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import EngineUnavailable, NeuroscribeError
from core.settings import Settings
from core.version import code_version
from neuroscribe.engines.fit import fit
from neuroscribe.engines.pool import run_on_each
from neuroscribe.engines.work import refuse_other_code
from storage.job_store import MAX_ATTEMPTS

if TYPE_CHECKING:
    from agent.sweep import SweepEnd
    from neuroscribe.sweeps.work import Pace
    from neuroscribe.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """How a worker opens its own workspace: settings and names, never a model."""

    settings: Settings
    trust_remote_code: bool
    pace: Pace
    code: str
    host: str

    def open(self) -> SweepWorker:
        """Refuses another version of the program, and a SQLite file of another machine."""
        from neuroscribe.workspace import Workspace

        refuse_other_code(self.code)
        if self.settings.database.startswith("sqlite") and socket.gethostname() != self.host:
            raise EngineUnavailable(
                f"a worker on {socket.gethostname()!r} cannot share a SQLite file with "
                f"{self.host!r}",
                "set NEUROSCRIBE_DATABASE_URL to a PostgreSQL server that all machines reach",
            )
        return SweepWorker(
            Workspace(self.settings, trust_remote_code=self.trust_remote_code), self.pace
        )


class SweepWorker:
    """One workspace that sweeps jobs."""

    def __init__(self, workspace: Workspace, pace: Pace) -> None:
        self._workspace, self._pace = workspace, pace

    def run(self, item: str, stopped: Callable[[], bool]) -> SweepEnd:
        """Take units of the job ``item`` until none is open."""
        from neuroscribe.sweeps.work import work

        with self._workspace.store() as store:
            return work(self._workspace, store, item, self._pace, stopped=stopped)


def sweep_on_ray(
    workspace: Workspace,
    job: str,
    pace: Pace,
    *,
    workers: int | None,
    address: str | None,
    look: Callable[[], object] = lambda: None,
) -> list[SweepEnd | NeuroscribeError]:
    """How each worker ended; ``look`` is called about once a second meanwhile.

    ``pace.concurrency`` is of all workers together.
    """
    fitted = fit(address, workers, workspace.settings.device)
    each = max(1, -(-pace.concurrency // fitted.workers))
    settings = workspace.settings.model_copy(
        update={"threads": fitted.threads, "device": fitted.device, "home": Path(workspace.home)}
    )
    spec = SweepSpec(
        settings,
        workspace.trust_remote_code,
        replace(pace, concurrency=each),
        code_version(),
        socket.gethostname(),
    )

    def stopped() -> bool:
        look()
        return False

    try:
        return run_on_each(
            fitted.cluster,
            spec,
            job,
            workers=fitted.workers,
            share=fitted.share,
            attempts=MAX_ATTEMPTS + 1,  # a unit that kills workers fails before they are given up
            stopped=stopped,
        )
    finally:
        fitted.cluster.close()
