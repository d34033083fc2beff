"""One budget for a job, kept by every process that works on it.

Each may spend an equal part of what is left, and learns of what others spent at every heartbeat and
whenever its own part is used up. So the limit is broken by no more than what others have under way
at that moment, and in one process by nothing. Of several processes each stops while a part is left
that is too small for one call each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import BudgetReached, InvalidSetting
from llms.budget import Budget, Reservation

if TYPE_CHECKING:
    from llms.prices import Price
    from llms.protocol import Request
    from storage import JobStore


class SharedBudget(Budget):
    """The limits of a job as they are in the store, less what was spent on it so far.

    Raises :class:`InvalidSetting` where there is a limit in money and calls of unknown price.
    """

    def __init__(self, jobs: JobStore, job: str) -> None:
        super().__init__()
        self._jobs, self._job = jobs, job
        spent = jobs.spent(job)
        self._calls_before, self._usd_before = jobs.requests(job), spent.usd or 0.0
        if jobs.get(job).budget_usd is not None and spent.usd is None:
            raise InvalidSetting(
                f"job {job!r} made calls whose price is unknown, so no budget in money can be kept",
                "limit --max-calls instead",
            )
        self.refresh()

    def refresh(self) -> None:
        """Look up limits, what others spent, and how many share what is left."""
        job, standing = self._jobs.get(self._job), self._jobs.summary(self._job)
        sharing = max(1, standing.workers)
        if job.max_calls is not None:
            made = max(self._jobs.requests(self._job), self._calls_before + self.spent_calls)
            self.calls = self.spent_calls + max(0, job.max_calls - made) // sharing
        else:
            self.calls = None
        if job.budget_usd is not None:
            paid = max(standing.spent.usd or 0.0, self._usd_before + self.spent_usd)
            self.usd = self.spent_usd + max(0.0, job.budget_usd - paid) / sharing
        else:
            self.usd = None

    def reserve(self, request: Request, price: Price | None) -> Reservation:
        """As :class:`Budget` does, but looks at how the job stands before it refuses."""
        try:
            return super().reserve(request, price)
        except BudgetReached:
            self.refresh()
        try:
            return super().reserve(request, price)
        except BudgetReached as error:
            job = self._jobs.get(self._job)
            limits = [
                *([] if job.budget_usd is None else [f"${job.budget_usd:g}"]),
                *([] if job.max_calls is None else [f"{job.max_calls} calls"]),
            ]
            raise BudgetReached(
                f"the next call may break the job's budget of {' and '.join(limits)}",
                "raise it with neuroscribe jobs resume: it goes on",
            ) from error
