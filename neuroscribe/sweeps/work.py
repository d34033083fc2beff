"""A process's part in a job: it asks about units until none is open. Several may do so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from agent.sweep import Done, SweepEnd, SweepProgress, sweep
from agent.sweep_queue import patiently
from core.errors import ModelError, StorageError
from core.ids import UnitId
from neuroscribe.explaining import Answer
from neuroscribe.investigating import Investigator, investigator
from neuroscribe.models import Spending
from neuroscribe.sweeps.request import Keys, SweepRequest, request_of
from neuroscribe.sweeps.shared_budget import SharedBudget

if TYPE_CHECKING:
    from core.documents import ExplainDocument
    from core.results import Score, Step
    from neuroscribe.workspace import Workspace
    from storage import JobItem, Store

Told = Callable[[UnitId, "Step"], None]
_STOP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """``concurrency`` units at once, held for ``lease`` seconds beyond the last heartbeat.

    A unit may take ``timeout`` seconds (None: any time). A database that fails is asked again for
    ``patience`` seconds.
    """

    concurrency: int
    lease: float
    timeout: float | None = None
    patience: float = 60.0


def work(
    workspace: Workspace,
    store: Store,
    job: str,
    pace: Pace,
    *,
    keys: Keys | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
    stopped: Callable[[], bool] | None = None,
    told: Told | None = None,
) -> SweepEnd:
    """Ask about the units of ``job`` and say why that ended; see :func:`agent.sweep.sweep`.

    ``keys`` are its request's, where they are known. Nothing new is begun once ``stopped`` says so.
    ``told`` hears of the steps of every investigation.
    Raises what keeps the work from being begun at all (a model that cannot be opened, checkpoints
    that cannot be used), and ``KeyboardInterrupt`` after everything that was held is given back.
    """
    return asyncio.run(_work(workspace, store, job, pace, keys, progress, stopped, told))


async def _work(
    workspace: Workspace,
    store: Store,
    job: str,
    pace: Pace,
    known: Keys | None,
    progress: Callable[[SweepProgress], None] | None,
    stopped: Callable[[], bool] | None,
    told: Told | None,
) -> SweepEnd:
    request = request_of(store.jobs.get(job))
    known = known or request.keys(workspace)
    items = store.jobs.items(job)
    keys = known.of(item.unit for item in items)
    _name(store, job, items, keys)
    budget = SharedBudget(store.jobs, job)
    spending = Spending(concurrency=pace.concurrency)
    stop = asyncio.Event()
    async with investigator(workspace, store, request.models, spending, budget) as asked:
        helpers = [asyncio.create_task(_refresh(budget, pace.lease / 4))]
        if stopped is not None:
            helpers.append(asyncio.create_task(_heed(stopped, stop)))
        try:
            return await sweep(
                store.jobs,
                job,
                _Asking(asked, request, keys, pace.patience, told),
                concurrency=pace.concurrency,
                lease=pace.lease,
                timeout=pace.timeout,
                patience=pace.patience,
                progress=progress,
                stop=stop,
            )
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks about one unit; what its database refuses for a while is tried again.

    What was answered is not paid for again, so asking again costs nothing.
    """

    investigator: Investigator
    request: SweepRequest
    keys: dict[UnitId, str]
    patience: float
    told: Told | None = None

    async def __call__(self, unit: UnitId) -> Done:
        """The unit's answer, stored before or found now.

        :class:`ModelError` where the verdict is "failed", so that it can be tried again.
        """

        async def ask() -> Answer:
            told = None if self.told is None else partial(self.told, unit)
            return await self.investigator.answer(
                self.request.of(unit), key=self.keys[unit], retry=True, told=told
            )

        answer = await patiently(ask, self.patience)
        if answer.document.verdict == "failed":
            raise ModelError(answer.document.reason or "no usable answer came")
        return done_of(answer)


def done_of(answer: Answer) -> Done:
    """What the job keeps of an answer; one that was stored before took no time."""
    score = main_score(answer.document)
    return Done(
        run_id=answer.document.run,
        verdict=answer.document.verdict,
        score=None if score is None else score.value,
        null_p95=None if score is None or score.value is None else score.null_p95,
    )


def main_score(document: ExplainDocument) -> Score | None:
    """The correlation of the first explanation on the whole corpus."""
    for score in document.scores:
        name = score.explanation_id, score.scorer, score.calibration, score.mode, score.split
        if document.explanations and name == (
            document.explanations[0].id, "simulation", "none", "corpus", "report"
        ):  # fmt: skip
            return score
    return None


def _name(store: Store, job: str, items: Iterable[JobItem], keys: dict[UnitId, str]) -> None:
    """Tell the job under which keys calls are recorded: another version may use others."""
    open_items = (item for item in items if item.state in ("queued", "running"))
    changed = {i.unit: keys[i.unit] for i in open_items if i.key != keys[i.unit]}
    if changed:
        store.jobs.set_keys(job, changed)


async def _refresh(budget: SharedBudget, seconds: float) -> None:
    """Learn from time to time what other processes spent."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(budget.refresh)
        except StorageError:
            continue  # the sweep itself says when that lasts too long


async def _heed(stopped: Callable[[], bool], stop: asyncio.Event) -> None:
    while not stopped():
        await asyncio.sleep(_STOP_SECONDS)
    stop.set()
