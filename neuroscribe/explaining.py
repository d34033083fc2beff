"""Ask about one unit: from its name to a stored document with a scored explanation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Explanation, Provenance
from core.version import code_version
from neuroscribe.documents import ExperimentShown, ExplainDocument, ShownExcerpt
from neuroscribe.profile import profile
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from agent.experiments import Probe
    from agent.explain import Investigation, Oracle, Setup
    from core.evidence import Evidence, ExcerptSet, Floats
    from storage import RunRecord, Store
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex

EXCERPTS_SHOWN = 6
DOCUMENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """Everything an answer depends on: asked again, the stored answer is given."""

    unit: UnitId
    seed: int = 0
    experiments: bool = True
    corpus: CorpusChoice = field(default_factory=CorpusChoice)

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
) -> Answer:
    """Explain and score one unit, or give the stored answer unless ``fresh``.

    Raises the errors of :mod:`core.errors`: a wrong ID, subject, site or index number, a corpus
    that cannot be used, a damaged index, a full disk. What was stored before is never lost.
    """
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
        setup = _setup(index, request)
        found_out = _investigate(unit, evidence, setup)
        written = _published(store, index, found_out, run)
        document = _document(index, evidence, request, found_out, written, store, run, started)
        seconds = round(time.monotonic() - began, 3)
        document = document.model_copy(update={"seconds": seconds})
        store.save_run(_record(document, key, index.manifest.spec_hash, found_out.openings))
    return Answer(document, stored=False)


def _check(workspace: Workspace, unit: UnitId) -> None:
    from subjects.protocol import resolve

    resolve(workspace.subject(unit.subject), unit)


def _investigate(unit: UnitId, evidence: Evidence, setup: Setup) -> Investigation:
    from agent.explain import investigate

    return investigate(unit, evidence, setup)


def _setup(index: ActivationIndex, request: ExplainRequest) -> Setup:
    from agent.explain import Setup
    from agent.explainers.pattern import PatternExplainer

    manifest = index.manifest
    explainer = PatternExplainer(experiments=request.experiments)
    return Setup(
        explainer=explainer,
        provenance=Provenance(
            method=explainer.name,
            seed=request.seed,
            subject_spec=manifest.spec_hash,
            corpus=manifest.corpus_fingerprint,
            index=manifest.key,
            code_version=code_version(),
            parameters={"price": explainer.price, "experiments": explainer.experiments},
        ),
        probe=probe(index, request.unit),
        oracle=oracle(index, request.unit),
        seed=request.seed,
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
        beside = _beside(evidence, next(iter(written.values())))
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


def _beside(evidence: Evidence, explanation: Explanation) -> list[ShownExcerpt]:
    """The strongest ``report`` excerpts with their simulated values, from the opening that scored.

    Text the explainer never saw, shown after the score is fixed.
    """
    from scoring.simulators import PatternSimulator

    report = evidence.opened_report()
    side = report.flipped() if explanation.polarity == "negative" else report
    top = side.top.take(range(min(EXCERPTS_SHOWN, len(side.top_rows))))
    simulated = PatternSimulator().simulate(explanation.text, top)
    excerpts = report.pool.take(side.top_rows[: len(top)])
    kind = "bottom" if explanation.polarity == "negative" else "top"
    signed = -1.0 if explanation.polarity == "negative" else 1.0
    return [
        item.model_copy(update={"kind": kind})
        for item in ShownExcerpt.some(excerpts, len(top), signed * simulated.predicted)
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
