"""From an investigation to what is stored and shown: the document, and the record of the run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from core.documents import (
    ExperimentShown,
    ExplainDocument,
    ShownExcerpt,
    TrialShown,
)
from core.errors import NeuroscribeError
from core.hashing import fingerprint
from core.results import Explanation, Usage
from core.version import code_version
from neuroscribe.profile import profile

if TYPE_CHECKING:
    from agent.experiments import Experiment
    from agent.setup import Investigation
    from core.evidence import Evidence
    from neuroscribe.explaining import ExplainRequest
    from scoring.simulators import Simulator
    from storage import RunRecord, Store
    from subjects.index.reader import ActivationIndex

EXCERPTS_SHOWN = 6
TRIALS_SHOWN = 6
REACH_SHOWN = 12


def usage(store: Store, key: str) -> Usage:
    """Everything ever spent on this question, by earlier runs that did not finish as well."""
    spent = store.spent(key)
    return Usage(
        requests=spent.calls,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        usd=spent.usd,
    )


def failed(
    request: ExplainRequest,
    run: str,
    key: str,
    index: ActivationIndex,
    started: str,
    error: NeuroscribeError,
    evidence: Evidence,
) -> RunRecord:
    """The record of a run that ended early, with its reason and its looks at ``report``."""
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
        finished=now(),
        openings=tuple(Opening(reason=r, time=started) for r in evidence.openings),
    )


def numbered(
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


def document_of(
    index: ActivationIndex,
    evidence: Evidence,
    request: ExplainRequest,
    found_out: Investigation,
    written: dict[str, Explanation],
    store: Store,
    run: str,
    started: str,
) -> ExplainDocument:
    """What is shown of an investigation; time and spending are entered by who knows them."""
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
        mode=request.mode,
        experiments=[_experiment(index, x) for x in found_out.experiments],
        steps=list(found_out.steps),
        arms=list(found_out.arms),
        profile=shown,
    )


def _experiment(index: ActivationIndex, found: Experiment) -> ExperimentShown:
    """The experiment with its most telling trials: what failed first, then what held."""
    decode = index.subject.vocabulary.decode
    told = sorted(found.trials, key=lambda t: (t.held is not False, t.held is None))
    trials = []
    for trial in told[:TRIALS_SHOWN]:
        tokens = decode(trial.tokens)
        place = len(tokens) - 1 if trial.position is None else trial.position
        first = max(0, place - REACH_SHOWN) if trial.position is not None else 0
        trials.append(
            TrialShown(
                tokens=list(tokens[first : place + 1]),
                position=place - first,
                predicted=trial.predicted,
                before=trial.before,
                measured=trial.measured,
                quantile=trial.quantile,
                held=trial.held,
                label=trial.label,
            )
        )
    return ExperimentShown(
        id=found.id,
        kind=found.kind,
        description=found.description,
        outcome=found.outcome,
        about=found.about,
        trials=trials,
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


def record_of(
    document: ExplainDocument, found: Investigation, key: str, spec_hash: str
) -> RunRecord:
    """The finished run with everything it found; experiments with every text that was run."""
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
        finished=now(),
        seconds=document.seconds,
        document=document.model_dump(mode="json"),
        explanations=tuple(document.explanations),
        scores=tuple(document.scores),
        experiments=tuple(
            ExperimentRecord(
                id=x.id,
                kind=x.kind,
                description=x.description,
                input={
                    "about": x.about,
                    "trials": [t.model_dump(mode="json", exclude_defaults=True) for t in x.trials],
                },
                outcome=dict(x.outcome),
            )
            for x in found.experiments
        ),
        openings=tuple(
            Opening(explanation_id=first, reason=reason, time=document.created)
            for reason in found.openings
        ),
    )


def now() -> str:
    """The time as it is stored."""
    return datetime.now(UTC).isoformat()
