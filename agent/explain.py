"""The investigation of one unit, from evidence to verdict. Read it top to bottom.

Explanations are written from ``explain``, chosen on ``select``; ``report`` is opened once, for the
sentence that was chosen, and whatever it says is published. A unit that goes far above and far
below zero is two things to explain: each side has its own sentence, fitted to and scored on that
side alone, with zero where the unit is on the other.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agent.experiments import Experiment, Probe
from agent.explainers.output import Pushes
from agent.explainers.proposal import Candidate, Explainer, Proposed
from agent.output_side import explain_output_side
from core.evidence import Evidence, ExcerptSet, Floats, SplitEvidence
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Explanation, Polarity, Provenance, Score, Verdict
from scoring.case import Case, case_of
from scoring.raters import Rater, rate
from scoring.score import scores
from scoring.scorers import SimulationCorrelation, TokenScorer, offline_scorers
from scoring.scorers.ablation import Effects, ablation_score
from scoring.simulators import (
    Foreseen,
    PatternSimulator,
    Simulator,
    SlowSimulator,
    foresee,
)
from scoring.verdict import (
    failed_simulation,
    stands_alone,
    verdict,
    verdict_before_scoring,
)

Oracle = Callable[[ExcerptSet], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Investigation:
    """All that came out of asking about one unit; what failed is in it, with its reason."""

    unit: UnitId
    verdict: Verdict
    reason: str
    explanations: tuple[Explanation, ...]
    scores: tuple[Score, ...]
    experiments: tuple[Experiment, ...]
    openings: tuple[str, ...]
    simulated: Simulator | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """Who explains, who simulates, and what may be asked of the subject.

    ``probe`` runs text on the unit; ``oracle`` gives the true signal where it is known. A simulator
    that costs money sees at most ``scored`` windows of each kind, and so do ``raters``, which are
    asked about published explanations only and change no verdict. ``effects`` edits the unit for
    the ablation score, ``outputs`` pushes it to find what it promotes; None: not asked for.
    """

    explainer: Explainer
    provenance: Provenance
    simulator: Simulator | SlowSimulator = field(default_factory=PatternSimulator)
    probe: Probe | None = None
    oracle: Oracle | None = None
    seed: int = 0
    scored: int = 10
    scorers: Sequence[TokenScorer] = field(default_factory=offline_scorers)
    raters: Sequence[Rater] = ()
    effects: Effects | None = None
    outputs: Pushes | None = None


def investigate(unit: UnitId, evidence: Evidence, setup: Setup) -> Investigation:
    """:func:`investigate_async` for callers without an event loop."""
    return asyncio.run(investigate_async(unit, evidence, setup))


async def investigate_async(unit: UnitId, evidence: Evidence, setup: Setup) -> Investigation:
    """Explain one unit from its evidence and score what was found on untouched text."""
    early = verdict_before_scoring(evidence)
    if early is not None:
        return Investigation(unit, *early, (), (), (), ())
    sides = [await _side(unit, evidence, polarity, setup) for polarity in polarities(evidence)]
    best = max(sides, key=lambda side: side.rank)
    promoted: tuple[Sequence[Explanation], Sequence[Score]] = ((), ())
    if setup.outputs is not None:
        promoted = await explain_output_side(
            unit, evidence, setup.outputs, setup.provenance, setup.seed
        )
    return Investigation(
        unit=unit,
        verdict=best.verdict,
        reason=best.reason,
        explanations=(*(e for side in sides for e in side.explanations), *promoted[0]),
        scores=(*(s for side in sides for s in side.scores), *promoted[1]),
        experiments=tuple(x for side in sides for x in side.experiments),
        openings=tuple(evidence.openings),
        simulated=best.simulated,
    )


def polarities(evidence: Evidence) -> list[Polarity]:
    """The sides worth explaining: the stronger one, and the other from a third of its size on."""
    high, low = max(evidence.statistics.maximum, 0.0), max(-evidence.statistics.minimum, 0.0)
    if evidence.statistics.non_negative or low <= 0.0:
        return ["positive"]
    sides: list[tuple[float, Polarity]] = [(high, "positive"), (low, "negative")]
    sides.sort(key=lambda side: -side[0])
    return [polarity for size, polarity in sides if size >= sides[0][0] / 3]


@dataclass(frozen=True, slots=True)
class _Side:
    verdict: Verdict
    reason: str
    explanations: tuple[Explanation, ...] = ()
    scores: tuple[Score, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    simulated: Simulator | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        values = [s.value for s in self.scores if s.scorer == "simulation" and s.mode == "corpus"]
        return self.verdict in ("explained", "polysemantic"), (values[0] or 0.0) if values else 0.0


async def _side(unit: UnitId, evidence: Evidence, polarity: Polarity, setup: Setup) -> _Side:
    explain, select = (_view(s, polarity) for s in (evidence.explain, evidence.select))
    if not (len(explain.top_rows) and len(select.top_rows)):
        return _Side("low_evidence", f"no {polarity} window to explain or to choose on")
    probe = _negated(setup.probe) if polarity == "negative" and setup.probe else setup.probe
    proposed = await setup.explainer.explain(explain, select, probe, setup.seed)
    if not proposed.candidates:
        return _Side(proposed.verdict, proposed.reason, experiments=proposed.experiments)
    if not isinstance(setup.simulator, PatternSimulator):
        select = select.thinned(setup.scored)
    chosen = await _chosen(proposed.candidates, explain, select, setup)
    whole, *meanings = _explanations(unit, polarity, chosen, proposed, setup)
    opened = evidence.open_report(f"{polarity}: score the chosen explanation")
    report = _view(opened, polarity)
    if not len(report.top_rows):
        reason = f"no {polarity} window in the report split"
        return _Side("low_evidence", reason, (whole,), (), proposed.experiments)
    if not isinstance(setup.simulator, PatternSimulator):
        report = report.thinned(setup.scored)
    texts = [e.text for e in (whole, *meanings)]
    simulator = await _ready(setup.simulator, texts, [select, report])
    cases = partial(
        _cases,
        simulator=simulator,
        explain=explain,
        select=select,
        polarity=polarity,
        setup=setup,
    )
    (case,) = cases([whole], report=report)
    found = scores(case, setup.scorers)
    own = [s for part in cases(meanings, report=report) for s in scores(part, setup.scorers)]
    confirmed = [m for m in meanings if stands_alone(s for s in own if s.explanation_id == m.id)]
    decided, reason = failed_simulation(found) or verdict(found, len(confirmed))
    if decided != "polysemantic":
        confirmed = []
    kept = {meaning.id for meaning in confirmed}
    published = (whole, *confirmed)
    rated: list[Score] = []
    if setup.raters:  # they see as many windows as may cost money
        for shown in cases(published, report=report.thinned(setup.scored)):
            rated += await rate(shown, setup.raters)
    if setup.effects is not None:
        sign = -1.0 if polarity == "negative" else 1.0
        one_sided = len(polarities(evidence)) == 1
        rated.append(ablation_score(case, setup.effects, sign=sign, one_sided=one_sided))
    return _Side(
        decided,
        reason,
        published,
        (*found, *(s for s in own if s.explanation_id in kept), *rated),
        proposed.experiments,
        simulator,
    )


async def _chosen(
    candidates: Sequence[Candidate], explain: SplitEvidence, select: SplitEvidence, setup: Setup
) -> Candidate:
    """The candidate that predicts ``select`` best; the first where none has a score there."""
    if len(candidates) == 1:
        return candidates[0]
    simulator = await _ready(setup.simulator, [c.text for c in candidates], [select])

    def rho(candidate: Candidate) -> float:
        case = case_of(
            explanation_id="candidate",
            text=candidate.text,
            symbols=candidate.symbols,
            simulator=simulator,
            explain=explain,
            select=select,
            report=select,
            split="select",
        )
        (found,) = scores(case, [SimulationCorrelation()], ["top_and_random"])
        return -math.inf if found.value is None else found.value

    return max(candidates, key=rho)


async def _ready(
    simulator: Simulator | SlowSimulator, texts: Sequence[str], splits: Sequence[SplitEvidence]
) -> Simulator:
    """A simulator that answers at once: a slow one is asked everything it will be asked."""
    if isinstance(simulator, PatternSimulator | Foreseen):
        return simulator
    return await foresee(cast(SlowSimulator, simulator), texts, [s.pool for s in splits])


def _view(split: SplitEvidence, polarity: Polarity) -> SplitEvidence:
    """What an explanation of one side is about: its activations, and zero where it is silent."""
    return (split.flipped() if polarity == "negative" else split).rectified()


def _explanations(
    unit: UnitId, polarity: Polarity, chosen: Candidate, proposed: Proposed, setup: Setup
) -> list[Explanation]:
    """The sentence and, if it has at least two, its separate readings with their shares."""
    provenance = setup.provenance.model_copy(
        update={"parameters": {**setup.provenance.parameters, **proposed.parameters}}
    )
    said: list[tuple[str, int, float | None]] = [(chosen.text, chosen.symbols, None)]
    if len(chosen.meanings) > 1:
        said += [(m.text, m.symbols, m.share) for m in chosen.meanings]
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
    written: Sequence[Explanation],
    *,
    simulator: Simulator,
    explain: SplitEvidence,
    select: SplitEvidence,
    report: SplitEvidence,
    polarity: Polarity,
    setup: Setup,
) -> list[Case]:
    truth = None
    if setup.oracle is not None:
        truth = np.maximum(setup.oracle(report.pool) * (-1.0 if polarity == "negative" else 1.0), 0)
    return [
        case_of(
            explanation_id=explanation.id,
            text=explanation.text,
            symbols=explanation.symbols,
            simulator=simulator,
            explain=explain,
            select=select,
            report=report,
            oracle=truth,
        )
        for explanation in written
    ]


def _negated(probe: Probe) -> Probe:
    def run(token_ids: NDArray[np.int64]) -> Floats:
        return -probe(token_ids)

    return run
