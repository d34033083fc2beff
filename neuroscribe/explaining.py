"""Ask about one unit: from its name to a stored document with a scored explanation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting, NeuroscribeError, PatternSyntaxError
from core.hashing import fingerprint
from core.ids import UnitId
from core.patterns import parse
from core.results import Explanation, Provenance, Usage
from core.settings import Settings
from core.version import code_version
from neuroscribe.documents import ExperimentShown, ExplainDocument, ShownExcerpt
from neuroscribe.models import PATTERN, ModelChoice, Spending, voices
from neuroscribe.profile import ports, profile
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from agent.experiments import Probe
    from agent.explain import Investigation, Oracle
    from core.evidence import Evidence, ExcerptSet, Floats
    from scoring.simulators import Simulator
    from storage import RunRecord, Store
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex

EXCERPTS_SHOWN = 6
DOCUMENT_VERSION = 2


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """Everything an answer depends on: asked again, the stored answer is given."""

    unit: UnitId
    seed: int = 0
    experiments: bool = True
    corpus: CorpusChoice = field(default_factory=CorpusChoice)
    models: ModelChoice = field(default_factory=ModelChoice)
    given: str | None = None

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be before anything is loaded, collected or sent."""
        self.models.check(settings)
        if self.given is None:
            return
        if not self.given:
            raise InvalidSetting("the explanation is empty", "say what the unit reacts to")
        if self.models.simulates == PATTERN:
            try:
                parse(self.given)
            except PatternSyntaxError as error:
                raise PatternSyntaxError(
                    f"the explanation is no sentence of the pattern language: {error.message}",
                    "give --simulator a language model for prose",
                ) from error

    def key(self, workspace: Workspace) -> str:
        """The request's name in the store, computed without loading the model."""
        corpus = self.corpus
        return fingerprint(
            [
                DOCUMENT_VERSION,
                code_version(),
                str(self.unit),
                self.seed,
                self.experiments,
                workspace.subject_identity(self.unit.subject),
                corpus.open().fingerprint,
                [corpus.window, corpus.windows_per_document, corpus.column, corpus.limit],
                [asdict(self.models), self.given, self.models.prompts()],
                self.models.scorers.identity(),
            ]
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The document, and whether it came from the store."""

    document: ExplainDocument
    stored: bool


def explain_unit(
    workspace: Workspace,
    request: ExplainRequest,
    *,
    fresh: bool = False,
    progress: Callable[[Progress], None] | None = None,
    spending: Spending | None = None,
) -> Answer:
    """Explain and score one unit, or give the stored answer unless ``fresh``.

    Raises the errors of :mod:`core.errors`: a wrong ID, subject, site or index number, a corpus
    that cannot be used, a damaged index, a full disk, a language model that cannot be asked, a
    budget that is used up. What was stored before is never lost: a run that ended early is kept as
    failed, with every answer it paid for, and goes on from there when asked again.
    """
    request.check(workspace.settings)
    key = request.key(workspace)
    with workspace.store() as store:
        if not fresh and (found := store.find_run(key)) is not None:
            return Answer(ExplainDocument.model_validate(found.document), stored=True)
        began = time.monotonic()
        started = _now()
        unit = request.unit
        _check(workspace, unit)
        index = workspace.index(unit.subject, unit.site, request.corpus, progress)
        evidence = index.evidence(unit)
        run = uuid4().hex[:16]
        try:
            found_out = asyncio.run(
                _investigate(
                    index, evidence, request, store, workspace.settings, spending, key, fresh
                )
            )
        except NeuroscribeError as error:
            store.save_run(_failed(request, run, key, index, started, error, evidence))
            raise
        written = _published(store, index, found_out, run)
        document = _document(index, evidence, request, found_out, written, store, run, started)
        seconds = round(time.monotonic() - began, 3)
        document = document.model_copy(update={"seconds": seconds, "usage": _usage(store, key)})
        store.save_run(_record(document, key, index.manifest.spec_hash, found_out.openings))
    return Answer(document, stored=False)


def _check(workspace: Workspace, unit: UnitId) -> None:
    from subjects.protocol import resolve

    resolve(workspace.subject(unit.subject), unit)


async def _investigate(
    index: ActivationIndex,
    evidence: Evidence,
    request: ExplainRequest,
    store: Store,
    settings: Settings,
    spending: Spending | None,
    key: str,
    fresh: bool,
) -> Investigation:
    from agent.explain import Setup, investigate_async
    from agent.explainers.given import GivenExplainer
    from agent.explainers.pattern import PatternExplainer
    from agent.explainers.proposal import Explainer
    from neuroscribe.effects import UnitOutputs

    explainer: Explainer | None = None
    if request.given is not None:
        explainer = GivenExplainer(request.given)
    elif request.models.explainer == PATTERN:
        explainer = PatternExplainer(experiments=request.experiments)
    promoted = tuple(token.token for token in ports(index, request.unit)[0])
    opening = voices(
        request.models,
        explainer,
        store,
        settings,
        spending or Spending(),
        run=key,
        reuse=not fresh,
        promoted=promoted,
    )
    manifest = index.manifest
    outputs = UnitOutputs(index, request.unit)
    async with opening as opened:
        name, _, digest = (opened.prompt or "").rpartition("/")
        setup = Setup(
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
            ),
            probe=probe(index, request.unit),
            oracle=oracle(index, request.unit),
            seed=request.seed,
            scored=request.models.scored,
        )
        return await investigate_async(request.unit, evidence, setup)


def _usage(store: Store, key: str) -> Usage:
    """Everything ever spent on this question, by earlier runs that did not finish as well."""
    spent = store.spent(key)
    return Usage(
        requests=spent.calls,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        usd=spent.usd,
    )


def _failed(
    request: ExplainRequest,
    run: str,
    key: str,
    index: ActivationIndex,
    started: str,
    error: NeuroscribeError,
    evidence: Evidence,
) -> RunRecord:
    from storage import Opening, RunRecord

    return RunRecord(
        id=run,
        unit=request.unit,
        spec_hash=index.manifest.spec_hash,
        key=key,
        seed=request.seed,
        code_version=code_version(),
        status="failed",
        reason=f"{error.code}: {error.message}",
        started=started,
        finished=_now(),
        openings=tuple(Opening(reason=r, time=started) for r in evidence.openings),
    )


def probe(index: ActivationIndex, unit: UnitId) -> Probe:
    """Runs text on the unit: token IDs [n, tokens] to activations [n, tokens]."""
    subject = index.subject

    def run(token_ids: NDArray[np.int64]) -> Floats:
        parts: list[Floats] = []
        for start in range(0, len(token_ids), 64):
            batch = subject.batch(token_ids[start : start + 64])
            values = subject.activations(batch, [unit.site])[unit.site]
            parts.append(values[..., unit.index].cpu().numpy())
        return np.concatenate(parts)

    return run


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


def _published(
    store: Store, index: ActivationIndex, found_out: Investigation, run: str
) -> dict[str, Explanation]:
    """The explanations under IDs of their own run, each with the unit's next version number."""
    spec_hash = index.manifest.spec_hash
    return {
        e.id: e.model_copy(
            update={
                "id": "e" + fingerprint([run, e.id]),
                "version": store.next_version(found_out.unit, spec_hash),
            }
        )
        for e in found_out.explanations
    }


def _document(
    index: ActivationIndex,
    evidence: Evidence,
    request: ExplainRequest,
    found_out: Investigation,
    written: dict[str, Explanation],
    store: Store,
    run: str,
    started: str,
) -> ExplainDocument:

    unit = request.unit
    shown = profile(index, unit, evidence, excerpts=EXCERPTS_SHOWN)
    if written:
        beside = _beside(evidence, next(iter(written.values())), found_out.simulated)
        shown = shown.model_copy(update={"excerpts": [*beside, *shown.excerpts]})
    earlier = len(store.openings(unit, index.manifest.spec_hash))
    return ExplainDocument(
        unit=unit,
        verdict=found_out.verdict,
        reason=found_out.reason,
        explanations=list(written.values()),
        scores=[
            s.model_copy(update={"explanation_id": written[s.explanation_id].id})
            for s in found_out.scores
        ],
        seconds=0.0,
        run=run,
        created=started,
        code_version=code_version(),
        seed=request.seed,
        report_openings=earlier + len(found_out.openings),
        experiments=[
            ExperimentShown(id=f"x{i}", kind=x.kind, description=x.description, outcome=x.outcome)
            for i, x in enumerate(found_out.experiments, 1)
        ],
        profile=shown,
    )


def _beside(
    evidence: Evidence, explanation: Explanation, simulator: Simulator | None
) -> list[ShownExcerpt]:
    """The strongest ``report`` excerpts with their simulated values, from the opening that scored.

    Text the explainer never saw, shown after the score is fixed.
    """
    if simulator is None:
        return []
    report = evidence.opened_report()
    side = report.flipped() if explanation.polarity == "negative" else report
    top = side.top.take(range(min(EXCERPTS_SHOWN, len(side.top_rows))))
    try:
        simulated = simulator.simulate(explanation.text, top)
    except KeyError:  # a simulator that costs money was shown fewer windows
        return []
    excerpts = report.pool.take(side.top_rows[: len(top)])
    kind = "bottom" if explanation.polarity == "negative" else "top"
    signed = -1.0 if explanation.polarity == "negative" else 1.0
    values = np.where(simulated.known, signed * simulated.predicted, np.nan)
    return [
        item.model_copy(update={"kind": kind})
        for item in ShownExcerpt.some(excerpts, len(top), values)
    ]


def _record(
    document: ExplainDocument, key: str, spec_hash: str, openings: Sequence[str]
) -> RunRecord:
    from storage import ExperimentRecord, Opening, RunRecord

    first = document.explanations[0].id if document.explanations else None
    return RunRecord(
        id=document.run,
        unit=document.unit,
        spec_hash=spec_hash,
        key=key,
        seed=document.seed,
        code_version=document.code_version,
        status="done",
        verdict=document.verdict,
        reason=document.reason,
        started=document.created,
        finished=_now(),
        seconds=document.seconds,
        document=document.model_dump(mode="json"),
        explanations=tuple(document.explanations),
        scores=tuple(document.scores),
        experiments=tuple(
            ExperimentRecord(
                id=x.id, kind=x.kind, description=x.description, input={}, outcome=dict(x.outcome)
            )
            for x in document.experiments
        ),
        openings=tuple(
            Opening(explanation_id=first, reason=reason, time=document.created)
            for reason in openings
        ),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
