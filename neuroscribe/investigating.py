"""Answers questions about units: opens what they need, investigates, stores what came of it.

One investigator serves many units at a time: they share the subject, the models with their budget
and limits, the database and the checkpoints.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from core.documents import ExplainDocument
from core.errors import NeuroscribeError
from core.ids import UnitId
from core.results import ARMS, Provenance, Step
from core.version import code_version
from neuroscribe.explaining import Answer, ExplainRequest
from neuroscribe.laboratory import laboratory
from neuroscribe.models import PATTERN, ModelChoice, Models, Spending, open_models
from neuroscribe.profile import ports
from neuroscribe.workspace import CorpusChoice, Workspace
from neuroscribe.writing import document_of, failed, now, numbered, record_of, usage

if TYPE_CHECKING:
    from agent.explainers.proposal import Explainer
    from agent.setup import Investigation, Oracle, Setup
    from core.evidence import Evidence, ExcerptSet
    from llms.budget import Budget
    from storage import Store
    from storage.notes import NoteBook
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex

T = TypeVar("T")


@asynccontextmanager
async def investigator(
    workspace: Workspace,
    store: Store,
    choice: ModelChoice,
    spending: Spending,
    budget: Budget | None = None,
) -> AsyncIterator[Investigator]:
    """An investigator with its models and checkpoints open; all are closed in the end.

    ``budget`` is shared with others who spend (default: one of its own, from ``spending``).
    """
    from agent.checkpoints import checkpoints
    from agent.graph import build
    from storage.notes import NoteBook

    models = open_models(choice, store, workspace.settings, spending, budget=budget)
    try:
        async with checkpoints(workspace.settings.checkpoints) as kept:
            yield Investigator(workspace, store, models, build(kept), NoteBook(store))
    finally:
        await models.close()


@dataclass(slots=True)
class Investigator:
    """Investigates units, as many at a time as are asked for.

    What the processor does for one unit is done in a thread, one at a time: torch uses all cores
    by itself, and an event loop that waits for models must not stand still.
    """

    workspace: Workspace
    store: Store
    models: Models
    graph: Any
    notes: NoteBook
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _indexes: dict[tuple[str, str, CorpusChoice], ActivationIndex] = field(default_factory=dict)

    async def answer(
        self,
        request: ExplainRequest,
        *,
        key: str,
        fresh: bool = False,
        retry: bool = False,
        progress: Callable[[Progress], None] | None = None,
        told: Callable[[Step], None] | None = None,
    ) -> Answer:
        """Explain and score one unit, or give the stored answer unless ``fresh``.

        ``key`` is the request's. With ``retry`` a stored verdict of "failed" is no answer, and only
        what failed is asked again. Raises what :func:`neuroscribe.explaining.explain_unit` does.
        """
        if not fresh:
            found = await asyncio.to_thread(self.store.find_run, key)
            if found is not None and not (retry and found.verdict == "failed"):
                await self._tidy(key)
                return Answer(ExplainDocument.model_validate(found.document), stored=True)
        began, started, run = time.monotonic(), now(), uuid4().hex[:16]
        index, evidence = await self._aside(lambda: self._evidence(request, progress))
        try:
            found_out = await self._investigated(request, index, evidence, key, fresh, told)
        except NeuroscribeError as error:
            record = failed(request, run, key, index, started, error, evidence)
            await asyncio.to_thread(self.store.save_run, record)
            raise
        times = run, key, started, began
        document = await self._aside(
            lambda: self._stored(request, index, evidence, found_out, times)
        )
        await self._forget(key)
        return Answer(document, stored=False)

    def _evidence(
        self, request: ExplainRequest, progress: Callable[[Progress], None] | None
    ) -> tuple[ActivationIndex, Evidence]:
        from subjects.protocol import resolve

        unit = request.unit
        resolve(self.workspace.subject(unit.subject), unit)
        place = unit.subject, unit.site, request.corpus
        if place not in self._indexes:
            self._indexes[place] = self.workspace.index(*place, progress)
        index = self._indexes[place]
        return index, index.evidence(unit)

    async def _investigated(
        self,
        request: ExplainRequest,
        index: ActivationIndex,
        evidence: Evidence,
        key: str,
        fresh: bool,
        told: Callable[[Step], None] | None,
    ) -> Investigation:
        from agent.graph import Bench, investigate_in

        if fresh:
            await self._forget(key)
        notes = self.notes.of(key)
        bench = Bench(
            request.unit,
            evidence,
            self._setup(request, index, key, reuse=not fresh),
            notes,
            told,
        )
        return await investigate_in(self.graph, bench, key)

    async def _forget(self, key: str) -> None:
        """Drop what an investigation put away: its run is stored, or is to begin anew."""
        from agent.graph import forget

        await forget(self.graph, key)
        await self.notes.of(key).drop()

    async def _tidy(self, key: str) -> None:
        """Drop what was left by a process that was killed after it stored its run."""
        if await self.notes.of(key).any():
            await self._forget(key)

    async def _aside(self, work: Callable[[], T], /) -> T:
        async with self._turn:
            return await asyncio.to_thread(work)

    def _setup(
        self, request: ExplainRequest, index: ActivationIndex, key: str, *, reuse: bool
    ) -> Setup:
        """Who explains, simulates and rates this unit, and what may be asked of the subject."""
        from agent.explainers.given import GivenExplainer
        from agent.explainers.pattern import PatternExplainer
        from agent.setup import Setup
        from neuroscribe.effects import UnitOutputs

        explainer: Explainer | None = None
        if request.given is not None:
            explainer = GivenExplainer(request.given)
        elif request.models.explainer == PATTERN:
            explainer = PatternExplainer(offload=self._aside)
        opened = self.models.voices(
            explainer,
            run=key,
            reuse=reuse,
            promoted=tuple(token.token for token in ports(index, request.unit)[0]),
            neighbours=self._neighbours(request),
        )
        outputs = UnitOutputs(index, request.unit)
        manifest = index.manifest
        name, _, digest = (opened.prompt or "").rpartition("/")
        asks = request.mode == "agent" and request.given is None
        return Setup(
            explainer=opened.explainer,
            simulator=opened.simulator,
            raters=opened.raters,
            effects=outputs if request.models.scorers.ablation else None,
            outputs=outputs if request.models.scorers.intervention else None,
            provenance=Provenance(
                method=opened.explainer.name,
                seed=request.seed,
                subject_spec=manifest.spec_hash,
                corpus=manifest.corpus_fingerprint,
                index=manifest.key,
                code_version=code_version(),
                prompt=name or None,
                prompt_hash=digest or None,
                model=opened.label,
                parameters={"mode": request.mode},
            ),
            laboratory=laboratory(index, request.unit) if asks else None,
            arms=ARMS if request.arms else (),
            oracle=oracle(index, request.unit),
            seed=request.seed,
            scored=request.models.scored,
            offload=self._aside,
        )

    def _neighbours(self, request: ExplainRequest) -> tuple[tuple[str, str], ...]:
        """Explanations of the units whose numbers are nearest, newest first; none by default."""
        if not request.neighbours:
            return ()
        unit = request.unit
        known = self.store.site_answers(unit.subject, unit.site)
        return known.nearest(unit, request.neighbours)

    def _stored(
        self,
        request: ExplainRequest,
        index: ActivationIndex,
        evidence: Evidence,
        found_out: Investigation,
        times: tuple[str, str, str, float],
    ) -> ExplainDocument:
        run, key, started, began = times
        written = numbered(self.store, index, found_out, run)
        document = document_of(
            index, evidence, request, found_out, written, self.store, run, started
        )
        seconds = round(time.monotonic() - began, 3)
        document = document.model_copy(update={"seconds": seconds, "usage": usage(self.store, key)})
        record = record_of(document, found_out, key, index.manifest.spec_hash)
        self.store.save_run(record)
        return document


def oracle(index: ActivationIndex, unit: UnitId) -> Oracle | None:
    """The true signal of a planted unit on excerpts, None for any other unit."""
    from subjects.protocol import KnownTruth

    subject = index.subject
    if not isinstance(subject, KnownTruth):
        return None

    def run(excerpts: ExcerptSet) -> NDArray[np.float64]:
        values = subject.oracle(subject.batch(excerpts.token_ids), [unit.site])[unit.site]
        signal: NDArray[np.float64] = values[..., unit.index].double().numpy()
        return signal

    return run
