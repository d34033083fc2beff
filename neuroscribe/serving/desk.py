"""Answers the service out of the store, and out of subjects that are loaded once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from core.documents import UnitProfile
from core.errors import IndexMissing, NotStored, UnknownSubject
from core.ids import UnitId
from core.interventions import InterventionDocument
from core.patterns import parse
from core.together import Together
from neuroscribe.interventions import Intervention, intervene
from neuroscribe.serving.asking import KnownKeys, job_for, models_of, within
from neuroscribe.serving.health import looked_at
from neuroscribe.serving.texts import Question, run_together, shown, windows_of
from neuroscribe.sweeping import SweepOptions, SweepRequest, plan_sweep, site_of
from neuroscribe.sweeps.units import Chosen
from neuroscribe.workspace import CorpusChoice
from service.auth import Caller
from service.bodies import (
    ExplainBody,
    InterveneBody,
    LimitsBody,
    RunBody,
    SearchAsked,
    Spend,
    SweepBody,
)
from service.desk import Asked
from service.documents import (
    Health,
    Page,
    ScoredExplanation,
    SiteShown,
    SubjectShown,
    SubjectSites,
    TextsRun,
)
from service.problems import ServiceError
from storage.documents import DocumentText, SiteLine
from storage.found import SearchPage
from storage.job_documents import JobDocument, job_document, job_documents
from storage.jobs import JobEvent

if TYPE_CHECKING:
    from core.evidence import Floats
    from neuroscribe.serving.worker import Worker
    from neuroscribe.workspace import Workspace
    from storage import Store
    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Subject

T = TypeVar("T")
Batcher = Together[Question, "list[Floats]"]
DRAIN_SECONDS = 20.0
PAUSED = "paused by request"


@dataclass(slots=True)
class LocalDesk:
    """A :class:`service.desk.Desk` over one workspace. ``worker`` None: jobs are done elsewhere."""

    workspace: Workspace
    store: Store
    corpus: CorpusChoice
    worker: Worker | None = None
    _batchers: dict[str, Batcher] = field(default_factory=dict)
    _indexes: dict[tuple[str, str], ActivationIndex] = field(default_factory=dict)
    _keys: KnownKeys = field(init=False)

    def __post_init__(self) -> None:
        self._keys = KnownKeys(self.workspace)

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

    async def subjects(self) -> list[SubjectShown]:
        """Built-in subjects, and those that were registered."""
        from subjects.registry import subject_names

        registered = await asyncio.to_thread(self.workspace.registered)
        known = [SubjectShown(name=n, built_in=True, source="built in") for n in subject_names()]
        return known + [
            SubjectShown(name=name, built_in=False, source=entry["source"])
            for name, entry in sorted(registered.items())
        ]

    async def subject(self, name: str) -> SubjectSites:
        """One subject with its sites."""
        subject = await self._subject(name)
        entry = self.workspace.registered().get(name)
        return SubjectSites(
            name=name,
            built_in=entry is None,
            source=subject.spec.source,
            family=subject.spec.family,
            spec_hash=subject.spec.hash,
            sites=[
                SiteShown(name=s.name, width=s.width, layer=s.layer, non_negative=s.non_negative)
                for s in subject.sites().values()
            ],
        )

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

    async def check(self, unit: UnitId) -> None:
        """Raises where there is no such subject, site or unit."""
        await self._with_unit(unit)

    async def profile(self, unit: UnitId) -> UnitProfile:
        """What a unit fires on."""
        from neuroscribe.profile import profile

        def work(subject: Subject) -> UnitProfile:
            index = self._index(unit.subject, unit.site)
            if index is None:
                raise IndexMissing(
                    f"site {unit.subject}/{unit.site} was not collected yet",
                    "explaining one of its units does that, or neuroscribe collect",
                )
            return profile(index, unit, index.evidence(unit))

        return await asyncio.to_thread(work, await self._with_unit(unit))

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

    # what makes subjects work

    async def texts(self, body: RunBody) -> TextsRun:
        """Run texts on a unit, together with those of other requests."""
        if body.explanation is not None:
            parse(body.explanation)
        subject = await self._with_unit(body.unit)
        width = min(self.corpus.window, subject.max_text)
        texts = [windows_of(subject, text, width) for text in body.texts]
        windows = tuple(window for text in texts for window in text)
        ran = await self._batcher(body.unit.subject, subject).ask(Question(body.unit, windows))
        results, peak = await asyncio.to_thread(
            lambda: (shown(subject, body, texts, ran), self._peak(body.unit))
        )
        return TextsRun(unit=body.unit, texts=results, peak=peak)

    async def intervene(self, body: InterveneBody) -> InterventionDocument:
        """Edit a unit while the model reads."""
        unit = body.unit
        subject = await self._with_unit(unit)
        asked = Intervention(
            unit, body.kind, body.by, tuple(body.texts), body.excerpts, body.null_units, body.seed
        )
        return await asyncio.to_thread(
            lambda: intervene(subject, self._index(unit.subject, unit.site), asked)
        )

    def _batcher(self, name: str, subject: Subject) -> Batcher:
        if name not in self._batchers:

            async def run(asked: list[Question]) -> Sequence[list[Floats] | Exception]:
                return await asyncio.to_thread(run_together, subject, asked)

            self._batchers[name] = Together(
                run, at_once=self.workspace.settings.service_batch, needed_only=True
            )
        batcher, most = self._batchers[name], self.workspace.settings.service_queue
        if batcher.waiting >= most:
            raise ServiceError(
                503,
                "queue_full",
                f"{most} requests wait for subject {name!r} already",
                "try again in a moment",
            )
        return batcher

    def _peak(self, unit: UnitId) -> float | None:
        index = self._index(unit.subject, unit.site)
        return None if index is None else index.statistics(unit).maximum

    # what makes models work

    async def explain(self, body: ExplainBody, caller: Caller, job: str | None) -> Asked:
        """The stored answer, or a job that makes one."""
        unit = body.unit
        models = models_of(self.workspace.settings, body)
        subject = await self._with_unit(unit)
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

        def work() -> Asked:
            request.check(self.workspace.settings)
            keys = self._keys.of(request)
            if job is None:
                found = self.store.documents.of_key(keys.of([unit])[unit])
                if found is not None:
                    return Asked(document=found)
            chosen = Chosen((unit,), subject.sites()[unit.site].width, dead=0)
            made = job_for(
                self.workspace, self.store, request, self._limits(body), chosen, keys, caller, job
            )
            return Asked(job=job_document(self.store.jobs, made.id))

        return await self._made(asyncio.to_thread(work))

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
        await self._subject(subject)

        def work() -> JobDocument:
            if body.units is None and self._index(subject, site) is None:
                raise IndexMissing(
                    f"site {body.site!r} was not collected yet, so its live units are not known",
                    "name units, or collect it first: neuroscribe collect",
                )
            _, chosen, keys = plan_sweep(self.workspace, request, limits, collect=False)
            made = job_for(self.workspace, self.store, request, limits, chosen, keys, caller, job)
            return job_document(self.store.jobs, made.id)

        return await self._made(asyncio.to_thread(work))

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

    # subjects

    async def _subject(self, name: str) -> Subject:
        """A subject that is built in or registered: no other name is looked for anywhere."""

        def load() -> Subject:
            from subjects.registry import subject_names

            if name not in subject_names() and name not in self.workspace.registered():
                known = [*subject_names(), *self.workspace.registered()]
                raise UnknownSubject(f"there is no subject {name!r}", "known: " + ", ".join(known))
            return self.workspace.subject(name)

        return await asyncio.to_thread(load)

    def _index(self, subject: str, site: str) -> ActivationIndex | None:
        """The index of a site, None as long as it was not collected."""
        if (subject, site) not in self._indexes:
            found = self.workspace.index_if_there(subject, site, self.corpus)
            if found is None:
                return None
            self._indexes[subject, site] = found
        return self._indexes[subject, site]

    async def _with_unit(self, unit: UnitId) -> Subject:
        """The subject of a unit that exists."""
        from subjects.protocol import resolve

        subject = await self._subject(unit.subject)
        resolve(subject, unit)
        return subject
