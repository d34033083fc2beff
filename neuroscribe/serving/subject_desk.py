"""The part of the desk that works on subjects: they are loaded once for all, within the memory.

Whatever works on a subject holds it in the thread that does so, so that a request which was given
up keeps it until that thread is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from core.documents import UnitProfile
from core.errors import IndexMissing
from core.ids import UnitId
from core.interventions import InterventionDocument
from core.patterns import parse
from core.together import Together
from neuroscribe.interventions import Intervention, intervene
from neuroscribe.known_keys import known_keys
from neuroscribe.serving.registering import add, remove
from neuroscribe.serving.stored import StoredAnswers
from neuroscribe.serving.texts import Question, run_together, shown, windows_of
from neuroscribe.sweeps.request import Keys, SweepRequest
from neuroscribe.workspace import CorpusChoice
from service.bodies import InterveneBody, RunBody, SubjectBody
from service.desk import Held
from service.documents import SiteShown, SubjectShown, SubjectSites, TextsRun
from service.problems import ServiceError

if TYPE_CHECKING:
    from core.evidence import Floats
    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Subject

T = TypeVar("T")
Batcher = Together[Question, "list[Floats]"]


@dataclass(slots=True)
class SubjectDesk(StoredAnswers):
    """What a :class:`service.desk.Desk` does with subjects, over one workspace."""

    corpus: CorpusChoice
    _loading: dict[str, asyncio.Future[Subject]] = field(default_factory=dict, init=False)

    async def subjects(self) -> list[SubjectShown]:
        """Built-in subjects, and those that were registered."""
        from subjects.registry import subject_names

        registered = await asyncio.to_thread(self.workspace.registered)
        loaded = self.workspace.holding.loaded()

        def told(name: str, source: str | None) -> SubjectShown:
            return SubjectShown(
                name=name,
                built_in=source is None,
                source=source or "built in",
                loaded=name in loaded,
                bytes=loaded.get(name),
            )

        return [told(name, None) for name in subject_names()] + [
            told(name, entry["source"]) for name, entry in sorted(registered.items())
        ]

    async def subject(self, name: str) -> SubjectSites:
        """One subject with its sites."""
        return await self.on(name, lambda subject: self._sites(name, subject))

    def _sites(self, name: str, subject: Subject) -> SubjectSites:
        return SubjectSites(
            name=name,
            built_in=name not in self.workspace.registered(),
            source=subject.spec.source,
            loaded=True,
            bytes=self.workspace.holding.loaded().get(name),
            family=subject.spec.family,
            spec_hash=subject.spec.hash,
            sites=[
                SiteShown(name=s.name, width=s.width, layer=s.layer, non_negative=s.non_negative)
                for s in subject.sites().values()
            ],
        )

    async def add_subject(self, body: SubjectBody) -> SubjectSites:
        """Register a model of the hub once it could be loaded."""
        return await self.subject(await asyncio.to_thread(add, self.workspace, body))

    async def remove_subject(self, name: str) -> None:
        """Forget a subject that was registered."""
        await asyncio.to_thread(remove, self.workspace, self.store, name)

    def held(self) -> Held:
        """How many subjects are loaded, and their bytes."""
        loaded = self.workspace.holding.loaded()
        return Held(len(loaded), sum(loaded.values()))

    async def check(self, unit: UnitId) -> None:
        """Raises where there is no such subject, site or unit."""
        await self.on_unit(unit, lambda subject: None)

    async def profile(self, unit: UnitId) -> UnitProfile:
        """What a unit fires on."""
        from neuroscribe.profile import profile

        def work(subject: Subject) -> UnitProfile:
            index = self.index(unit.subject, unit.site)
            if index is None:
                raise IndexMissing(
                    f"site {unit.subject}/{unit.site} was not collected yet",
                    "explaining one of its units does that, or neuroscribe collect",
                )
            return profile(index, unit, index.evidence(unit))

        return await self.on_unit(unit, work)

    async def texts(self, body: RunBody) -> TextsRun:
        """Run texts on a unit, together with those of other requests."""
        unit = body.unit
        if body.explanation is not None:
            parse(body.explanation)
        with self.workspace.holding.using(unit.subject):  # from its tokens to what is shown
            texts = await self.on_unit(unit, lambda subject: self._windows(subject, body))
            windows = tuple(window for text in texts for window in text)
            ran = await self._batcher(unit.subject).ask(Question(unit, windows))

            def work(subject: Subject) -> TextsRun:
                index = self.index(unit.subject, unit.site)
                peak = None if index is None else index.statistics(unit).maximum
                return TextsRun(unit=unit, texts=shown(subject, body, texts, ran), peak=peak)

            return await self.on(unit.subject, work)

    def _windows(self, subject: Subject, body: RunBody) -> list[tuple[tuple[int, ...], ...]]:
        width = min(self.corpus.window, subject.max_text)
        return [windows_of(subject, text, width) for text in body.texts]

    def _batcher(self, name: str) -> Batcher:
        settings = self.workspace.settings

        def make() -> Batcher:
            async def run(asked: list[Question]) -> Sequence[list[Floats] | Exception]:
                return await self.on(name, lambda subject: run_together(subject, asked))

            return Together(run, at_once=settings.service_batch, needed_only=True)

        batcher = self.workspace.holding.beside(name, "batcher", make)
        if batcher.waiting >= settings.service_queue:
            raise ServiceError(
                503,
                "queue_full",
                f"{settings.service_queue} requests wait for subject {name!r} already",
                "try again in a moment",
            )
        return batcher

    async def intervene(self, body: InterveneBody) -> InterventionDocument:
        """Edit a unit while the model reads."""
        unit = body.unit
        asked = Intervention(
            unit, body.kind, body.by, tuple(body.texts), body.excerpts, body.null_units, body.seed
        )
        asked.check()
        return await self.on_unit(
            unit, lambda subject: intervene(subject, self.index(unit.subject, unit.site), asked)
        )

    # what is held

    async def on(self, name: str, work: Callable[[Subject], T]) -> T:
        """What ``work`` makes of a subject, in a thread that holds it."""

        def held() -> T:
            with self.workspace.holding.using(name):
                return work(self.workspace.subject(name))

        with self.workspace.holding.using(name):  # what was loaded stays until it is worked on
            if name not in self.workspace.holding.loaded():
                await self._loaded(name)
            return await asyncio.to_thread(held)

    async def _loaded(self, name: str) -> None:
        """Load a subject in one thread, however many wait for it: the others are for others."""
        loading = self._loading.get(name)
        if loading is None:
            loading = self._loading[name] = asyncio.ensure_future(
                asyncio.to_thread(self.workspace.subject, name)
            )
            loading.add_done_callback(lambda done: self._end_loading(name, done))
        await asyncio.shield(loading)  # one who gives up does not end it for the others

    def _end_loading(self, name: str, done: asyncio.Future[Subject]) -> None:
        del self._loading[name]
        if not done.cancelled():
            done.exception()  # told to those who wait, if anybody still does

    async def on_unit(self, unit: UnitId, work: Callable[[Subject], T]) -> T:
        """:meth:`on` the subject of a unit that exists."""
        from subjects.protocol import resolve

        def checked(subject: Subject) -> T:
            resolve(subject, unit)
            return work(subject)

        return await self.on(unit.subject, checked)

    def index(self, subject: str, site: str) -> ActivationIndex | None:
        """The index of a site, None as long as it was not collected."""
        return self.workspace.holding.beside(
            subject,
            ("of site", site, self.corpus),
            lambda: self.workspace.index_if_there(subject, site, self.corpus),
        )

    def keys(self, request: SweepRequest) -> Keys:
        """Under which keys the answers to a request are stored."""
        first = request.of(UnitId(request.subject, request.site, 0))
        return Keys(request, known_keys(self.workspace, request.subject).shared(first))
