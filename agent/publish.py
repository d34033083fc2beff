"""From the chosen explanation to scores and verdict: ``report`` is opened once, here.

Beside the explanation stand the arms: what would have been said without experiments, at the same
cost, and the same sentence in other words. They are scored on the same opening.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from agent.explainers.proposal import Candidate
from agent.investigate import Side, Told, Work, polarities, ready, view
from agent.output_side import explain_output_side
from agent.setup import Investigation, Setup
from core.evidence import Evidence, SplitEvidence
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Arm, ArmName, Explanation, Gain, Polarity, Score, Verdict
from scoring.case import Case, case_of
from scoring.comparison import compare_explanations
from scoring.raters import rate
from scoring.samples import MODES, sample
from scoring.score import scores
from scoring.scorers import SimulationCorrelation
from scoring.scorers.ablation import ablation_score
from scoring.simulators import PatternSimulator, Simulator
from scoring.verdict import failed_simulation, stands_alone, verdict, verdict_before_scoring


@dataclass(frozen=True, slots=True)
class _Published:
    work: Work
    verdict: Verdict
    reason: str
    explanations: tuple[Explanation, ...] = ()
    scores: tuple[Score, ...] = ()
    arms: tuple[Arm, ...] = ()
    simulated: Simulator | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        values = [s.value for s in self.scores if s.scorer == "simulation" and s.mode == "corpus"]
        return self.verdict in ("explained", "polysemantic"), (values[0] or 0.0) if values else 0.0


def early(unit: UnitId, evidence: Evidence) -> Investigation | None:
    """The verdict on a unit that cannot be explained, before anything is spent; else None."""
    known = verdict_before_scoring(evidence)
    return None if known is None else Investigation(unit, *known)


async def published(
    unit: UnitId,
    evidence: Evidence,
    setup: Setup,
    works: Sequence[Work],
    told: Told | None = None,
) -> Investigation:
    """Score what every side came to, and decide. The side that is explained best speaks first."""
    sides = [
        await _published(Side.of(unit, evidence, w.polarity, setup), evidence, w) for w in works
    ]
    best = max(sides, key=lambda side: side.rank)
    promoted: tuple[Sequence[Explanation], Sequence[Score]] = ((), ())
    if setup.outputs is not None and setup.provenance is not None:
        promoted = await explain_output_side(
            unit, evidence, setup.outputs, setup.provenance, setup.seed
        )
    last = best.work.told("publish", f"{best.verdict}: {best.reason}").steps[-1]
    if told is not None:
        told(last)
    return Investigation(
        unit=unit,
        verdict=best.verdict,
        reason=best.reason,
        explanations=(*(e for side in sides for e in side.explanations), *promoted[0]),
        scores=(*(s for side in sides for s in side.scores), *promoted[1]),
        experiments=tuple(x for work in works for x in work.experiments),
        openings=tuple(evidence.openings),
        arms=tuple(arm for side in sides for arm in side.arms),
        steps=(*(step for work in works for step in work.steps), last),
        simulated=best.simulated,
    )


async def _published(side: Side, evidence: Evidence, work: Work) -> _Published:
    chosen, setup = work.best, side.setup
    if chosen is None:
        return _Published(work, work.verdict, work.reason)
    whole, *meanings = explanations(side.unit, chosen, work, setup)
    opened = evidence.open_report(f"{side.polarity}: score the chosen explanation")
    report = view(opened, side.polarity)
    if not len(report.top_rows):
        reason = f"no {side.polarity} window in the report split"
        return _Published(work, "low_evidence", reason, (whole,))
    select = side.tried_on
    if not isinstance(setup.simulator, PatternSimulator):
        report = report.thinned(setup.scored)
    beside = await _arms(side, work, chosen)
    texts = [e.text for e in (whole, *meanings)] + [arm.text for _, arm in beside]
    simulator = await ready(setup.simulator, texts, [select, report])
    cases = partial(_cases, side, simulator=simulator, select=select)

    def scored() -> tuple[Case, list[Score], list[Score]]:
        (case,) = cases([whole], report=report)
        parts = cases(meanings, report=report)
        own = [s for part in parts for s in scores(part, setup.scorers)]
        return case, scores(case, setup.scorers), own

    case, found, own = await setup.offload(scored)
    confirmed = [m for m in meanings if stands_alone(s for s in own if s.explanation_id == m.id)]
    decided, reason = failed_simulation(found) or verdict(found, len(confirmed))
    if decided != "polysemantic":
        confirmed = []
    kept = {meaning.id for meaning in confirmed}
    shown = (whole, *confirmed)
    rated: list[Score] = []
    if setup.raters:  # they see as many windows as may cost money
        for part in cases(shown, report=report.thinned(setup.scored)):
            rated += await rate(part, setup.raters)
    if setup.effects is not None:
        ablated = partial(
            ablation_score,
            case,
            setup.effects,
            sign=-1.0 if side.polarity == "negative" else 1.0,
            one_sided=len(polarities(evidence)) == 1,
        )
        rated.append(await setup.offload(ablated))
    compared = partial(_arms_scored, side, beside, case, simulator, select)
    return _Published(
        work,
        decided,
        reason,
        shown,
        (*found, *(s for s in own if s.explanation_id in kept), *rated),
        await setup.offload(compared),
        simulator,
    )


def _arms_scored(
    side: Side,
    arms: Sequence[tuple[ArmName, Candidate]],
    published: Case,
    simulator: Simulator,
    select: SplitEvidence,
) -> tuple[Arm, ...]:
    return tuple(_arm(side, name, arm, published, simulator, select) for name, arm in arms)


async def _arms(side: Side, work: Work, chosen: Candidate) -> list[tuple[ArmName, Candidate]]:
    """What stands beside the published explanation, as far as it was asked for."""
    asked = side.setup.arms
    found: list[tuple[ArmName, Candidate]] = []
    if "one_shot" in asked and work.first is not None and work.runs:
        found.append(("one_shot", work.first))
    if work.resampled is not None:
        found.append(("resampling", work.resampled))
    if "paraphrase" in asked and (said := await side.session.paraphrase(chosen)) is not None:
        found.append(("paraphrase", said))
    return found


def _arm(
    side: Side,
    name: ArmName,
    arm: Candidate,
    published: Case,
    simulator: Simulator,
    select: SplitEvidence,
) -> Arm:
    """An arm's scores, and what the published explanation predicts better, mode by mode."""
    case = case_of(
        explanation_id=f"arm:{name}",
        text=arm.text,
        symbols=arm.symbols,
        simulator=simulator,
        explain=side.explain,
        select=select,
        report=published.report,
        oracle=published.oracle,
    )
    return Arm(
        name=name,
        polarity=side.polarity,
        text=arm.text,
        symbols=arm.symbols,
        same=arm.text == published.text,
        scores=tuple(scores(case, [SimulationCorrelation()], MODES)),
        gains=tuple(_gain(published, case, mode, side.setup.seed) for mode in MODES),
    )


def _gain(published: Case, arm: Case, mode: str, seed: int) -> Gain:
    drawn = sample(published.report, mode)  # type: ignore[arg-type]
    rows = drawn.rows
    found = compare_explanations(
        published.predicted.predicted[rows],
        arm.predicted.predicted[rows],
        published.report.pool.activations[rows].astype(np.float64),
        published.predicted.known[rows] & arm.predicted.known[rows],
        drawn.design,
        seed=seed,
    )
    said = found.difference
    reason = said.reason or found.p_reason
    return Gain(mode=mode, value=said.value, low=said.low, high=said.high, p=found.p, reason=reason)


def explanations(unit: UnitId, chosen: Candidate, work: Work, setup: Setup) -> list[Explanation]:
    """The sentence and, if it has at least two, its separate readings with their shares.

    It cites the experiments that were made before it was chosen.
    """
    if setup.provenance is None:
        raise ValueError("what is published needs its provenance")
    provenance = setup.provenance.model_copy(
        update={
            "parameters": {
                **setup.provenance.parameters,
                **work.parameters,
                "rounds": work.round,
                "texts_run": work.runs,
                "origin": chosen.origin,
            },
            "experiments": [e.id for e in work.experiments],
        }
    )
    said: list[tuple[str, int, float | None]] = [(chosen.text, chosen.symbols, None)]
    if len(chosen.meanings) > 1:
        said += [(m.text, m.symbols, m.share) for m in chosen.meanings]
    polarity: Polarity = work.polarity
    return [
        Explanation(
            id="e" + fingerprint([str(unit), polarity, text, provenance.model_dump()]),
            unit=unit,
            text=text,
            polarity=polarity,
            share=share,
            method=setup.explainer.name,
            symbols=symbols,
            provenance=provenance,
        )
        for text, symbols, share in said
    ]


def _cases(
    side: Side,
    written: Sequence[Explanation],
    *,
    simulator: Simulator,
    select: SplitEvidence,
    report: SplitEvidence,
) -> list[Case]:
    truth = None
    if side.setup.oracle is not None:
        sign = -1.0 if side.polarity == "negative" else 1.0
        truth = np.maximum(side.setup.oracle(report.pool) * sign, 0)
    return [
        case_of(
            explanation_id=explanation.id,
            text=explanation.text,
            symbols=explanation.symbols,
            simulator=simulator,
            explain=side.explain,
            select=select,
            report=report,
            oracle=truth,
        )
        for explanation in written
    ]
