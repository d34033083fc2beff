"""How a job that others work on gets on, told in the words of a sweep of one's own."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.sweep import SweepProgress
from core.errors import StorageError
from storage import Store

EVERY = 1.0


class Following:
    """Called now and then, it looks at the job (each ``EVERY`` seconds) and tells it."""

    def __init__(self, store: Store, job: str, progress: Callable[[SweepProgress], None]) -> None:
        self._jobs, self._job, self._progress = store.jobs, job, progress
        self._began = self._looked = time.monotonic()
        counts = store.jobs.counts(job)
        self._before = counts.done + counts.failed

    def __call__(self) -> None:
        """Look, if it is time to."""
        now = time.monotonic()
        if now - self._looked < EVERY:
            return
        self._looked = now
        try:
            counts, spent = self._jobs.counts(self._job), self._jobs.spent(self._job)
        except StorageError:
            return  # the workers say when that lasts too long
        ended = counts.done + counts.failed - self._before
        rate = ended / (now - self._began) if ended else None
        self._progress(
            SweepProgress(
                job=self._job,
                done=counts.done,
                failed=counts.failed,
                running=counts.running,
                queued=counts.queued,
                spent=spent,
                rate=rate,
                eta_seconds=counts.open / rate if rate else None,
                last=None,
            )
        )
