"""The investigation of one unit, from evidence to verdict. Read it top to bottom.

Explanations are written from ``explain``, chosen on ``select``; ``report`` is opened once, for the
sentence that was chosen, and whatever it says is published. A unit that goes far above and far
below zero is two things to explain: each side has its own sentence, fitted to and scored on that
side alone, with zero where the unit is on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.explainers.pattern import PatternExplainer, Proposal
from agent.explainers.pattern.experiments import Experiment, Probe
from core.evidence import Evidence, ExcerptSet, Floats, SplitEvidence
from core.hashing import fingerprint
from core.ids import UnitId
from core.patterns import Pattern, render
from core.results import Explanation, Polarity, Provenance, Score, Verdict
from scoring.baselines import TokenTable
from scoring.score import explained_variance_scores, simulation_scores
from scoring.simulators import PatternSimulator, Simulator
from scoring.verdict import stands_alone, verdict, verdict_before_scoring

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


@dataclass(frozen=True, slots=True)
class Setup:
    """Who explains, who simulates, and what may be asked of the subject.

    ``probe`` runs text on the unit; ``oracle`` gives the true signal where it is known.
    """

    explainer: PatternExplainer
    provenance: Provenance
    simulator: Simulator = field(default_factory=PatternSimulator)
    probe: Probe | None = None
    oracle: Oracle | None = None
    seed: int = 0


def investigate(unit: UnitId, evidence: Evidence, setup: Setup) -> Investigation:
    """Explain one unit from its evidence and score what was found on untouched text."""
    early = verdict_before_scoring(evidence)
    if early is not None:
        return Investigation(unit, *early, (), (), (), ())
    sides = [_side(unit, evidence, polarity, setup) for polarity in polarities(evidence)]
    best = max(sides, key=lambda side: side.rank)
    return Investigation(
        unit=unit,
        verdict=best.verdict,
        reason=best.reason,
        explanations=tuple(e for side in sides for e in side.explanations),
        scores=tuple(s for side in sides for s in side.scores),
        experiments=tuple(x for side in sides for x in side.experiments),
        openings=tuple(evidence.openings),
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

    @property
    def rank(self) -> tuple[bool, float]:
        values = [s.value for s in self.scores if s.scorer == "simulation" and s.mode == "corpus"]
        return self.verdict in ("explained", "polysemantic"), (values[0] or 0.0) if values else 0.0


def _side(unit: UnitId, evidence: Evidence, polarity: Polarity, setup: Setup) -> _Side:
    explain, select = (_view(s, polarity) for s in (evidence.explain, evidence.select))
    if not (len(explain.top_rows) and len(select.top_rows)):
        return _Side("low_evidence", f"no {polarity} window to explain or to choose on")
    probe = _negated(setup.probe) if polarity == "negative" and setup.probe else setup.probe
    proposal = setup.explainer.propose(explain, select, probe, setup.seed)
    if proposal.pattern is None:
        reason = f"no sentence paid for its length ({proposal.tried} compared)"
        return _Side("abstained", reason, experiments=proposal.experiments)
    whole = _explanation(unit, polarity, proposal.pattern, None, setup)
    opened = evidence.open_report(f"{polarity}: score the chosen explanation")
    report = _view(opened, polarity)
    if not len(report.top_rows):
        reason = f"no {polarity} window in the report split"
        return _Side("low_evidence", reason, (whole,), (), proposal.experiments)
    scores = _scored([whole], explain, select, report, polarity, setup)
    meanings = _meanings(unit, polarity, proposal, setup)
    own = _scored(meanings, explain, select, report, polarity, setup)
    confirmed = [m for m in meanings if stands_alone(s for s in own if s.explanation_id == m.id)]
    decided, reason = verdict(scores, len(confirmed))
    if decided != "polysemantic":
        confirmed = []
    kept = {meaning.id for meaning in confirmed}
    return _Side(
        decided,
        reason,
        (whole, *confirmed),
        (*scores, *(s for s in own if s.explanation_id in kept)),
        proposal.experiments,
    )


def _view(split: SplitEvidence, polarity: Polarity) -> SplitEvidence:
    """What an explanation of one side is about: its activations, and zero where it is silent."""
    return (split.flipped() if polarity == "negative" else split).rectified()


def _meanings(
    unit: UnitId, polarity: Polarity, proposal: Proposal, setup: Setup
) -> list[Explanation]:
    """The separate readings of a sentence with their shares, if there are at least two."""
    if len(proposal.readings) < 2:
        return []
    return [_explanation(unit, polarity, r.pattern, r.share, setup) for r in proposal.readings]


def _explanation(
    unit: UnitId, polarity: Polarity, pattern: Pattern, share: float | None, setup: Setup
) -> Explanation:
    text = render(pattern)
    return Explanation(
        id="e" + fingerprint([str(unit), polarity, text, setup.provenance.model_dump()]),
        unit=unit,
        text=text,
        polarity=polarity,
        share=share,
        method=setup.explainer.name,
        symbols=pattern.symbols,
        provenance=setup.provenance,
    )


def _scored(
    written: list[Explanation],
    explain: SplitEvidence,
    select: SplitEvidence,
    report: SplitEvidence,
    polarity: Polarity,
    setup: Setup,
) -> list[Score]:
    table = TokenTable.learn(explain)
    truth = None
    if setup.oracle is not None:
        truth = np.maximum(setup.oracle(report.pool) * (-1.0 if polarity == "negative" else 1.0), 0)
    scores = []
    for explanation in written:
        scores += simulation_scores(
            explanation_id=explanation.id,
            text=explanation.text,
            symbols=explanation.symbols,
            simulator=setup.simulator,
            evidence=report,
            table=table,
            seed=setup.seed,
            oracle=truth,
        )
        scores += explained_variance_scores(
            explanation_id=explanation.id,
            text=explanation.text,
            simulator=setup.simulator,
            evidence=report,
            calibrate_on=select,
            table=table,
            symbols=explanation.symbols,
            seed=setup.seed,
        )
    return scores


def _negated(probe: Probe) -> Probe:
    def run(token_ids: NDArray[np.int64]) -> Floats:
        return -probe(token_ids)

    return run
