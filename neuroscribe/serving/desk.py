"""Answers the service out of the store, and out of subjects that are loaded once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from core.errors import IndexMissing, NotStored
from core.ids import UnitId
from neuroscribe.serving.asking import job_for, models_of, within
from neuroscribe.serving.health import looked_at
from neuroscribe.serving.subject_desk import SubjectDesk
from neuroscribe.sweeping import SweepOptions, SweepRequest, plan_sweep, site_of
from neuroscribe.sweeps.units import Chosen
from service.auth import Caller
from service.bodies import ExplainBody, LimitsBody, SearchAsked, Spend, SweepBody
from service.desk import Asked
from service.documents import Health, Page, ScoredExplanation
from service.problems import ServiceError
from storage.documents import DocumentText, SiteLine
from storage.found import SearchPage
from storage.job_documents import JobDocument, job_document, job_documents
from storage.jobs import JobEvent

if TYPE_CHECKING:
    from neuroscribe.serving.worker import Worker
    from subjects.protocol import Subject

T = TypeVar("T")
DRAIN_SECONDS = 20.0
PAUSED = "paused by request"


@dataclass(slots=True)
class LocalDesk(SubjectDesk):
    """A :class:`service.desk.Desk` over one workspace. ``worker`` None: jobs are done elsewhere."""

    worker: Worker | None = None

    async def __aenter__(self) -> None:
        if self.worker is not None:
            self.worker.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.worker is not None:
            await asyncio.to_thread(self.worker.stop, DRAIN_SECONDS)

    # what is known

    async def document(self, unit: UnitId) -> DocumentText:
        """The newest investigation of a unit."""
        found = await asyncio.to_thread(self.store.documents.newest, unit)
        if found is None:
            raise NotStored(
                f"unit {str(unit)!r} was not explained yet", "POST /v1/explanations explains it"
            )
        return found

    async def run(self, id: str) -> DocumentText:
        """The investigation of an id."""
        found = await asyncio.to_thread(self.store.documents.of_run, id)
        if found is None:
            raise NotStored(f"run {id!r} is not in the store", "check the id")
        return found

    async def versions(self, unit: UnitId) -> list[ScoredExplanation]:
        """Everything ever said about a unit."""

        def read() -> list[ScoredExplanation]:
            return [
                ScoredExplanation(explanation=e, scores=self.store.scores(e.id))
                for e in self.store.explanations(unit)
            ]

        return sorted(await asyncio.to_thread(read), key=lambda e: e.explanation.version)

    async def units(self, subject: str, site: str, after: int, limit: int) -> Page[SiteLine]:
        """Units of a site that were investigated."""
        found = await asyncio.to_thread(self.store.documents.lines, subject, site, after, limit + 1)
        lines = found[:limit]
        return Page(items=lines, next=str(lines[-1].unit.index) if len(found) > limit else None)

    async def search(self, asked: SearchAsked) -> SearchPage:
        """Explanations by their words."""
        return await asyncio.to_thread(
            self.store.search,
            asked.q,
            subject=asked.subject,
            site=asked.site,
            verdict=asked.verdict,
            method=asked.method,
            min_score=asked.min_score,
            only_newest=not asked.everything,
            limit=asked.limit,
            after=asked.after,
        )

    # what makes models work

    async def explain(self, body: ExplainBody, caller: Caller, job: str | None) -> Asked:
        """The stored answer, or a job that makes one."""
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
            made = job_for(
                self.workspace, self.store, request, self._limits(body), chosen, keys, caller, job
            )
            return Asked(job=job_document(self.store.jobs, made.id))

        return await self._made(self.on_unit(unit, work))

    async def sweep(self, body: SweepBody, caller: Caller, job: str | None) -> JobDocument:
        """A job about many units."""
        subject, site = site_of(body.site)
        request = SweepRequest(
            subject,
            site,
            units=body.units,
            sample=body.sample,
            seed=body.seed,
            mode=body.mode,
            corpus=self.corpus,
            models=models_of(self.workspace.settings, body),
        ).lasting()
        limits = self._limits(body, body.concurrency)

        def work(loaded: Subject) -> JobDocument:
            if body.units is None and self.index(subject, site) is None:
                raise IndexMissing(
                    f"site {body.site!r} was not collected yet, so its live units are not known",
                    "name units, or collect it first: neuroscribe collect",
                )
            _, chosen, keys = plan_sweep(self.workspace, request, limits, collect=False)
            made = job_for(self.workspace, self.store, request, limits, chosen, keys, caller, job)
            return job_document(self.store.jobs, made.id)

        return await self._made(self.on(subject, work))

    async def _made(self, making: Awaitable[T]) -> T:
        """What was made, once the worker knows of it."""
        made = await making
        if self.worker is not None:
            self.worker.wake()
        return made

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
            if caller.limited and given != SweepOptions():
                given = within(self.store, caller, given, but=id)
            self.store.jobs.resume(id)
            self.store.jobs.allow(id, budget_usd=given.budget_usd, max_calls=given.max_calls)

        return await self._changed(job, caller, change)

    async def cancel(self, job: str, caller: Caller) -> JobDocument:
        """End a job."""
        return await self._changed(job, caller, self.store.jobs.cancel)

    async def retry_failed(self, job: str, caller: Caller) -> JobDocument:
        """Queue what failed again."""
        return await self._changed(job, caller, self.store.jobs.retry_failed)

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
