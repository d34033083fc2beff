"""Answers the service out of the store, and out of subjects that are loaded once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from core.errors import IndexMissing, NotStored
from core.ids import UnitId
from core.interventions import InterventionDocument
from neuroscribe.firing import fires_on
from neuroscribe.interchange.exporting import Target
from neuroscribe.serving.allowances import Allowances, Purse
from neuroscribe.serving.asking import Asker, job_for, models_of
from neuroscribe.serving.exports import opened, read_whole
from neuroscribe.serving.finding import Finding
from neuroscribe.serving.health import looked_at
from neuroscribe.serving.subject_desk import SubjectDesk
from neuroscribe.serving.talks import LocalTalks
from neuroscribe.serving.turns import Turns
from neuroscribe.sweeping import (
    SweepOptions,
    SweepRequest,
    named_by,
    only_finding,
    plan_sweep,
    site_of,
)
from neuroscribe.sweeps.units import Chosen
from service.auth import Caller
from service.bodies import (
    ExplainBody,
    ExportAsked,
    FiringBody,
    InterveneBody,
    LimitsBody,
    SearchAsked,
    Spend,
    SweepBody,
)
from service.desk import Asked, Export
from service.documents import FiringFound, Health
from service.problems import ServiceError
from storage.found import MeaningPage
from storage.job_documents import JobDocument, job_document, job_documents
from storage.jobs import JobEvent

if TYPE_CHECKING:
    from neuroscribe.serving.worker import Worker
    from subjects.protocol import Subject

T = TypeVar("T")
DRAIN_SECONDS = 20.0
THREADS = 32
"""For what blocks: more than all tools of the chat can hold, so that reading never waits."""
PAUSED = "paused by request"


@dataclass(slots=True)
class LocalDesk(SubjectDesk):
    """A :class:`service.desk.Desk` over one workspace. ``worker`` None: jobs are done elsewhere."""

    worker: Worker | None = None
    talks: LocalTalks = field(init=False)
    _finding: Finding = field(init=False)
    _allowances: Allowances = field(init=False)
    _editing: Turns = field(init=False)
    _exporting: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = replace(self.workspace, listed_only=True)
        most = self.workspace.settings.service_queue
        self._editing, self._exporting = Turns(most, "edits"), Turns(most, "exports")
        self._finding = Finding(self.workspace.settings, self.store)
        self._allowances = Allowances(self.store)
        self.talks = LocalTalks(
            self.workspace, self.store, self.corpus, self._allowances, self.explain, self._wake
        )

    async def __aenter__(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        if self.worker is not None:
            self.worker.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.talks.close(DRAIN_SECONDS / 2)
        if self.worker is not None:
            await asyncio.to_thread(self.worker.stop, DRAIN_SECONDS)

    # what is known

    async def export(
        self, subject: str, site: str, index: int | None, asked: ExportAsked
    ) -> Export:
        """Stored answers as a file; those that take long to begin take turns."""
        target = Target(subject, site, index)
        turn = self._exporting.one() if read_whole(target, asked) else nullcontext()
        try:
            async with turn:
                return await asyncio.to_thread(opened, self.workspace, self.store, target, asked)
        except NotStored:
            await self.check(UnitId(subject, site, index or 0))
            raise

    @property
    def embedder(self) -> str | None:
        """What compares meanings."""
        return self._finding.embedder

    async def meaning(self, asked: SearchAsked) -> MeaningPage:
        """Explanations by what they mean."""
        return await self._finding.by_meaning(asked)

    async def firing(self, body: FiringBody) -> FiringFound:
        """Units that fire on a text."""
        async with self._finding.firing():
            return await self.on(
                body.subject,
                lambda subject: fires_on(
                    subject,
                    body.text,
                    partial(self.index, body.subject),
                    self.store,
                    site=body.site,
                    limit=body.limit,
                ),
            )

    # what makes models work

    async def intervene(self, body: InterveneBody) -> InterventionDocument:
        """Edit a unit while the model reads, one request at a time: each may take seconds."""
        async with self._editing.one():
            return await SubjectDesk.intervene(self, body)

    async def explain(
        self, body: ExplainBody, caller: Caller, job: str | None, purse: Purse | None = None
    ) -> Asked:
        """The stored answer, or a job that makes one; it is paid from ``purse`` if there is one."""
        unit = body.unit
        models = models_of(self.workspace.settings, body)
        request = SweepRequest(
            unit.subject,
            unit.site,
            units=str(unit.index),
            seed=body.seed,
            mode=body.mode,
            corpus=self.corpus,
            models=models,
            arms=True,
        ).lasting()

        def work(subject: Subject) -> Asked:
            request.check(self.workspace.settings)
            keys = self.keys(request)
            if job is None:
                found = self.store.documents.of_key(keys.of([unit])[unit])
                if found is not None:
                    return Asked(document=found)
            chosen = Chosen((unit,), subject.sites()[unit.site].width, dead=0)
            asker = Asker(caller, self._allowances, purse)
            made = job_for(
                self.workspace, self.store, request, self._limits(body), chosen, keys, asker, job
            )
            return Asked(job=job_document(self.store.jobs, made.id))

        return await self._made(self.on_unit(unit, work))

    async def sweep(self, body: SweepBody, caller: Caller, job: str | None) -> JobDocument:
        """A job about many units."""
        subject, site = site_of(body.site)
        units = body.units
        if body.finding is not None:
            only_finding(body.units, body.sample)
            units = await asyncio.to_thread(named_by, self.store, body.finding, subject, site)
        request = SweepRequest(
            subject,
            site,
            units=units,
            sample=body.sample,
            seed=body.seed,
            mode=body.mode,
            corpus=self.corpus,
            models=models_of(self.workspace.settings, body),
        ).lasting()
        limits = self._limits(body, body.concurrency)

        def work(loaded: Subject) -> JobDocument:
            if units is None and self.index(subject, site) is None:
                raise IndexMissing(
                    f"site {body.site!r} was not collected yet, so its live units are not known",
                    "name units, or collect it first: neuroscribe collect",
                )
            _, chosen, keys = plan_sweep(self.workspace, request, limits, collect=False)
            asker = Asker(caller, self._allowances)
            made = job_for(self.workspace, self.store, request, limits, chosen, keys, asker, job)
            return job_document(self.store.jobs, made.id)

        return await self._made(self.on(subject, work))

    async def _made(self, making: Awaitable[T]) -> T:
        """What was made, once the worker knows of it."""
        made = await making
        self._wake()
        return made

    def _wake(self) -> None:
        if self.worker is not None:
            self.worker.wake()

    def _limits(self, body: Spend, concurrency: int | None = None) -> SweepOptions:
        return SweepOptions(body.budget_usd, body.max_calls, concurrency)

    # jobs

    async def jobs(self, limit: int) -> list[JobDocument]:
        """Jobs, newest first."""
        return await asyncio.to_thread(job_documents, self.store.jobs, limit)

    async def job(self, id: str) -> JobDocument:
        """How a job stands."""
        return await asyncio.to_thread(job_document, self.store.jobs, id)

    async def events(self, job: str, after: int, limit: int) -> Sequence[JobEvent]:
        """What happened in a job."""
        return await asyncio.to_thread(self.store.jobs.events, job, after, limit)

    async def pause(self, job: str, caller: Caller) -> JobDocument:
        """Begin no more units."""
        return await self._changed(job, caller, partial(self.store.jobs.pause, reason=PAUSED))

    async def resume(self, job: str, limits: LimitsBody, caller: Caller) -> JobDocument:
        """Go on with a job."""

        def change(id: str) -> None:
            given = SweepOptions(limits.budget_usd, limits.max_calls)
            with self._allowances.deciding():
                if caller.limited and given != SweepOptions():
                    given = self._allowances.within(caller, given, but=id)
                self.store.jobs.resume(id)
                self.store.jobs.allow(id, budget_usd=given.budget_usd, max_calls=given.max_calls)

        return await self._changed(job, caller, change)

    async def cancel(self, job: str, caller: Caller) -> JobDocument:
        """End a job."""
        return await self._changed(job, caller, self.store.jobs.cancel)

    async def retry_failed(self, job: str, caller: Caller) -> JobDocument:
        """Queue what failed again."""

        def change(id: str) -> None:
            with self._allowances.deciding():
                known = self.store.jobs.get(id)
                given = SweepOptions(known.budget_usd, known.max_calls)
                if known.state == "done" and given != SweepOptions():  # else it is set aside
                    given = self._allowances.within(caller, given, but=id)
                    self.store.jobs.allow(
                        id, budget_usd=given.budget_usd, max_calls=given.max_calls
                    )
                self.store.jobs.retry_failed(id)

        return await self._changed(job, caller, change)

    async def _changed(
        self, job: str, caller: Caller, change: Callable[[str], object]
    ) -> JobDocument:
        def work() -> JobDocument:
            found = self.store.jobs.get(job)
            if found.owner != caller.name and not caller.may("admin"):
                raise ServiceError(
                    403,
                    "not_your_job",
                    f"job {found.id!r} was made with another key",
                    "use that key, or one of scope admin",
                )
            change(found.id)
            return job_document(self.store.jobs, found.id)

        return await self._made(asyncio.to_thread(work))

    async def ready(self) -> Health:
        """Whether the store answers and the home folder can be written."""
        parts = await asyncio.to_thread(looked_at, self.workspace, self.store)
        return Health(status="ok" if set(parts.values()) == {"ok"} else "unavailable", parts=parts)
