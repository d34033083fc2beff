"""Does the jobs of the service, in threads, until it is told to stop.

Jobs are found in the store, so one that was begun by a process that died goes on here. Several
processes may serve one store: items are leased, none is done twice.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import MemoryShort, NeuroscribeError, StorageError
from neuroscribe.sweeps.work import Pace, Told, work

if TYPE_CHECKING:
    from core.ids import UnitId
    from core.results import Step
    from neuroscribe.workspace import Workspace
    from storage import Store, StoredJob

ENGINE = "service"
"""What runs jobs that were made over HTTP; jobs of the command line are its own."""
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0
TOLD_UP_TO = 20
"""Steps are told of jobs with at most so many units: of more, only what came of each."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """At most ``lanes`` jobs at once, one of which is kept for jobs of a single unit."""

    workspace: Workspace
    store: Store
    lanes: int = 3
    _hands: dict[str, tuple[threading.Thread, bool]] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _news: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _looking: threading.Thread | None = None

    def start(self) -> None:
        """Look for jobs from now on."""
        self._looking = threading.Thread(target=self._look, name="jobs", daemon=True)
        self._looking.start()

    def wake(self) -> None:
        """There is a new job."""
        self._news.set()

    def stop(self, seconds: float) -> bool:
        """Begin nothing more, finish what was begun; whether that took less than ``seconds``.

        What is not finished goes on when its lease has run out, wherever a worker is.
        """
        self._stopping.set()
        self._news.set()
        end = time.monotonic() + seconds
        threads = [self._looking, *(thread for thread, _ in list(self._hands.values()))]
        for thread in threads:
            if thread is not None and thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        return not any(thread is not None and thread.is_alive() for thread in threads)

    @property
    def at_work(self) -> int:
        """How many jobs are in hand."""
        return sum(thread.is_alive() for thread, _ in list(self._hands.values()))

    def _look(self) -> None:
        while not self._stopping.is_set():
            try:
                self._take()
            except StorageError as error:
                log.warning("jobs cannot be looked for: %s", error.message)
            except Exception:
                log.exception("jobs cannot be looked for")
            self._news.wait(LOOK_SECONDS)
            self._news.clear()

    def _take(self) -> None:
        self._hands = {id: h for id, h in self._hands.items() if h[0].is_alive()}
        for job in self.store.jobs.unended(ENGINE):
            if job.id in self._hands or time.monotonic() < self._not_before.get(job.id, 0.0):
                continue
            counts = self.store.jobs.counts(job.id)
            single = counts.total == 1
            busy = sum(not alone for _, alone in self._hands.values())
            if len(self._hands) >= self.lanes or (not single and busy >= max(1, self.lanes - 1)):
                continue
            name = f"job-{job.id}"
            thread = threading.Thread(
                target=self._do, args=(job, counts.total), name=name, daemon=True
            )
            self._hands[job.id] = thread, single
            thread.start()

    def _do(self, job: StoredJob, units: int) -> None:
        self._not_before[job.id] = time.monotonic() + AGAIN_SECONDS
        pace = Pace(job.concurrency, self.workspace.settings.job_lease)
        told = self._teller(job.id) if units <= TOLD_UP_TO else None
        try:
            with self.workspace.holding.using(job.subject):
                self.workspace.subject(job.subject)
                end = work(
                    self.workspace,
                    self.store,
                    job.id,
                    pace,
                    stopped=self._stopping.is_set,
                    told=told,
                )
            if end.error is not None:
                log.warning("job %s: %s", job.id, end.error.message)
        except NeuroscribeError as error:
            if isinstance(error, StorageError) or (
                isinstance(error, MemoryShort) and not error.too_large
            ):
                log.warning("job %s waits, and is tried again: %s", job.id, error.message)
            else:
                self._give_up(job.id, f"{error.code}: {error}")
        except Exception as error:
            log.exception("job %s", job.id)
            self._give_up(job.id, f"internal: {type(error).__name__}")
        finally:
            self._news.set()

    def _give_up(self, job: str, reason: str) -> None:
        """It cannot be begun at all; whoever mends that resumes it."""
        try:
            self.store.jobs.pause(job, " ".join(reason.split()))
        except NeuroscribeError as error:
            log.warning("job %s: %s", job, error.message)

    def _teller(self, job: str) -> Told:
        def tell(unit: UnitId, step: Step) -> None:
            data = {"unit": str(unit), **step.model_dump(mode="json")}
            try:
                self.store.jobs.note(job, [("step", data)])
            except StorageError as error:  # the step is in the document all the same
                log.warning("job %s: a step could not be told: %s", job, error.message)

        return tell
