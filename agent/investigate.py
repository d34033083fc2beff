"""The investigation of one unit, from evidence to verdict. Read it top to bottom.

Hypotheses are written from ``explain`` and ranked on ``select``. Experiments on the best of them
are designed, run on the real model and judged by numbers; hypotheses are revised with what came
out, until nothing is gained. ``report`` is opened once, for the explanation that was chosen, and
whatever it says is published (:mod:`agent.publish`). A unit that goes far above and far below zero
is two things to explain: each side has its own sentence, fitted to and scored on that side alone,
with zero where the unit is on the other.

Every step is a function from :class:`Work` to :class:`Work`, which is plain JSON: :func:`side_of`
runs them one after the other, :mod:`agent.graph` as a graph that can be killed and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from agent.experiments import Experiment, Laboratory
from agent.explainers.proposal import Candidate, Parameter, Proposed, Session
from agent.judging import judge, run
from agent.scale import Scale
from agent.setup import Investigation, Setup
from core.evidence import Evidence, Floats, Ints, SplitEvidence
from core.ids import UnitId
from core.results import Polarity, Record, Step, Verdict
from scoring.merit import Fit
from scoring.simulators import (
    Foreseen,
    PatternSimulator,
    Simulator,
    SlowSimulator,
    foresee,
)

KEPT = 5
ENOUGH = 0.98


class Work(Record):
    """How far the investigation of one side is. Plain JSON, so that it can be put away.

    ``hypotheses`` are ranked, best first; ``first`` is the best before any experiment and
    ``resampled`` the best of as much more text without one. ``planned`` experiments are not run
    yet. ``stopped`` says why no further round was made.
    """

    polarity: Polarity
    round: int = 0
    hypotheses: tuple[Candidate, ...] = ()
    written: tuple[Candidate, ...] = ()
    first: Candidate | None = None
    resampled: Candidate | None = None
    planned: tuple[Experiment, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    runs: int = 0
    verdict: Verdict = "abstained"
    reason: str = ""
    parameters: dict[str, Parameter] = {}  # noqa: RUF012
    stopped: str | None = None
    steps: tuple[Step, ...] = ()

    @property
    def best(self) -> Candidate | None:
        """The hypothesis that predicts ``select`` best."""
        return self.hypotheses[0] if self.hypotheses else None

    def told(self, name: str, said: str, **figures: float | int | str) -> Work:
        """With one more line of what happened."""
        step = Step(name=name, polarity=self.polarity, round=self.round, said=said, figures=figures)
        return self.model_copy(update={"steps": (*self.steps, step)})


@dataclass(frozen=True)
class Side:
    """What the steps work on: one side of a unit. Made anew when a killed run goes on."""

    unit: UnitId
    polarity: Polarity
    setup: Setup
    explain: SplitEvidence
    select: SplitEvidence

    @classmethod
    def of(cls, unit: UnitId, evidence: Evidence, polarity: Polarity, setup: Setup) -> Side:
        """From a unit's evidence; ``report`` is not looked at."""
        return cls(
            unit, polarity, setup, view(evidence.explain, polarity), view(evidence.select, polarity)
        )

    @cached_property
    def laboratory(self) -> Laboratory | None:
        """The subject, from this side: what is below zero is turned round."""
        given = self.setup.laboratory
        if given is None or self.polarity == "positive":
            return given
        return Laboratory(_negated(given), given.decode, given.encode, given.unseen)

    @cached_property
    def session(self) -> Session:
        """The explainer at work."""
        return self.setup.explainer.begin(
            self.explain, self.select, self.laboratory, self.setup.seed
        )

    @cached_property
    def scale(self) -> Scale:
        """The unit's own measure."""
        return Scale.of(self.explain)

    @cached_property
    def tried_on(self) -> SplitEvidence:
        """``select``, or as much of it as may cost money."""
        free = isinstance(self.setup.simulator, PatternSimulator)
        return self.select if free else self.select.thinned(self.setup.scored)

    @cached_property
    def fit(self) -> Fit:
        """Compares simulations of :attr:`tried_on`."""
        return Fit(self.tried_on)


def polarities(evidence: Evidence) -> list[Polarity]:
    """The sides worth explaining: the stronger one, and the other from a third of its size on."""
    high, low = max(evidence.statistics.maximum, 0.0), max(-evidence.statistics.minimum, 0.0)
    if evidence.statistics.non_negative or low <= 0.0:
        return ["positive"]
    sides: list[tuple[float, Polarity]] = [(high, "positive"), (low, "negative")]
    sides.sort(key=lambda side: -side[0])
    return [polarity for size, polarity in sides if size >= sides[0][0] / 3]


async def propose(side: Side, work: Work) -> Work:
    """Write hypotheses from the excerpts alone."""
    if not (len(side.explain.top_rows) and len(side.select.top_rows)):
        reason = f"no {side.polarity} window to explain or to choose on"
        return _stopped(work, "low_evidence", reason)
    proposed = await side.session.propose()
    work = _written(work, proposed)
    if not proposed.candidates:
        return _stopped(work, proposed.verdict, proposed.reason)
    count = len(proposed.candidates)
    said = f"{count} {_plural('hypothesis', count)} from the excerpts"
    return work.told("propose", said, hypotheses=count)


async def choose(side: Side, work: Work) -> Work:
    """Rank what was written, and what was known, by how well it predicts ``select``."""
    before = work.best
    order = await ranked(side, [*work.written, *work.hypotheses])
    best = order[0]
    kept = order[:KEPT]
    if before is not None and before.text not in [c.text for c in kept]:
        kept = [*kept, next(c for c in order if c.text == before.text)]
    work = work.model_copy(
        update={
            "hypotheses": tuple(kept),
            "written": (),
            "first": work.first or best,
            "stopped": _why_stop(side, work, before, best),
        }
    )
    figures = {} if best.fit is None else {"fit": round(best.fit, 4)}
    if before is None:
        return work.told("choose", best.text, **figures)
    changed = before.text != best.text
    said = f"changed: {best.text}" if changed else "unchanged"
    return work.told("choose", said, **figures, changed=int(changed))


async def design(side: Side, work: Work) -> Work:
    """Plan experiments on the best hypotheses: tests that they could fail."""
    work = work.model_copy(update={"round": work.round + 1})
    runs = side.setup.runs_in(work.round)
    planned = _within(await side.session.design(work.hypotheses, work.experiments, runs), runs)
    numbered = tuple(
        e.model_copy(
            update={"id": f"{side.polarity[0]}{len(work.experiments) + i}", "round": work.round}
        )
        for i, e in enumerate(planned, 1)
    )
    texts = sum(len(e.trials) for e in numbered)
    kinds = ", ".join(dict.fromkeys(e.kind.replace("_", " ") for e in numbered)) or "nothing"
    stopped = None if numbered else "no experiment is left to make"
    work = work.model_copy(update={"planned": numbered, "stopped": stopped})
    return work.told("design", f"planned: {kinds}", experiments=len(numbered), texts=texts)


async def experiment(side: Side, work: Work) -> Work:
    """Run the planned experiments on the subject and judge them by numbers."""
    laboratory = side.laboratory
    assert laboratory is not None

    def judged() -> list[Experiment]:
        return [judge(e, side.scale) for e in run(work.planned, laboratory)]

    done = await side.setup.offload(judged)
    trials = [trial for e in done for trial in e.trials]
    held, failed = (sum(t.held is said for t in trials) for said in (True, False))
    work = work.model_copy(
        update={
            "planned": (),
            "experiments": (*work.experiments, *done),
            "runs": work.runs + len({trial.tokens for trial in trials}),
        }
    )
    said = f"{len(trials)} texts run: {held} predictions held, {failed} failed"
    return work.told("experiment", said, texts=len(trials), held=held, failed=failed)


async def revise(side: Side, work: Work) -> Work:
    """Write hypotheses anew in the light of what the experiments showed."""
    proposed = await side.session.revise(work.hypotheses, work.experiments)
    known = {c.text for c in work.hypotheses}
    count = sum(c.text not in known for c in proposed.candidates)
    said = f"{count} new {_plural('hypothesis', count)}" if count else "nothing new to say"
    return _written(work, proposed).told("revise", said, hypotheses=count)


async def divide(side: Side, work: Work) -> Work:
    """Try several meanings in place of one; they stay if they predict ``select`` better.

    Where no experiment changed the sentence, one-shot would have come to the same meanings.
    """
    best = work.best
    assert best is not None
    proposed = await side.session.divide(best, work.experiments)
    if not proposed.candidates:
        return work
    order = await ranked(side, [*proposed.candidates, *work.hypotheses])
    unchanged = work.first is not None and work.first.text == best.text
    first = order[0] if unchanged else work.first
    work = work.model_copy(update={"hypotheses": tuple(order[:KEPT]), "first": first})
    kept = order[0].text != best.text
    said = f"several meanings: {order[0].text}" if kept else "several meanings predict no better"
    return work.told("divide", said, kept=int(kept))


async def resample(side: Side, work: Work) -> Work:
    """The arm without experiments at the same cost: as many texts and calls, spent on looking."""
    assert work.first is not None
    proposed = await side.session.resample(work.runs, work.round)
    order = await ranked(side, [*proposed.candidates, work.first])
    said = f"as many texts without experiments: {order[0].text}"
    work = work.model_copy(update={"resampled": order[0]})
    return work.told("resample", said, texts=work.runs)


def wants_round(side: Side, work: Work) -> bool:
    """Whether another round of experiments is due."""
    return bool(work.hypotheses) and work.stopped is None


def wants_resampling(side: Side, work: Work) -> bool:
    """Whether the arm at equal cost is asked for, and there was a cost."""
    return "resampling" in side.setup.arms and work.first is not None and work.runs > 0


Told = Callable[[Step], None]
Act = Callable[[Side, Work], Awaitable[Work]]


async def side_of(side: Side, told: Told | None = None) -> Work:
    """All steps of one side up to the choice; ``told`` hears of each as it ends."""

    async def after(act: Act, work: Work) -> Work:
        done = await act(side, work)
        if told is not None:
            for step in done.steps[len(work.steps) :]:
                told(step)
        return done

    work = await after(propose, Work(polarity=side.polarity))
    if not work.written:
        return work
    work = await after(choose, work)
    while wants_round(side, work):
        work = await after(design, work)
        if not work.planned:
            break
        for act in (experiment, revise, choose):
            work = await after(act, work)
    work = await after(divide, work)
    if wants_resampling(side, work):
        work = await after(resample, work)
    return work


async def investigate_async(
    unit: UnitId, evidence: Evidence, setup: Setup, told: Told | None = None
) -> Investigation:
    """Explain one unit from its evidence and score what was found on untouched text."""
    from agent.publish import early, published

    if (known := early(unit, evidence)) is not None:
        return known
    works = [
        await side_of(Side.of(unit, evidence, polarity, setup), told)
        for polarity in polarities(evidence)
    ]
    return await published(unit, evidence, setup, works, told)


def investigate(unit: UnitId, evidence: Evidence, setup: Setup) -> Investigation:
    """:func:`investigate_async` for callers without an event loop."""
    return asyncio.run(investigate_async(unit, evidence, setup))


def _within(planned: Sequence[Experiment], runs: int) -> list[Experiment]:
    """The first ``runs`` texts of what was planned."""
    kept = []
    for e in planned:
        trials = e.trials[: max(runs, 0)]
        runs -= len(trials)
        if trials:
            kept.append(e.model_copy(update={"trials": trials}))
    return kept


def _stopped(work: Work, verdict: Verdict, reason: str) -> Work:
    update = {"verdict": verdict, "reason": reason, "stopped": reason}
    return work.model_copy(update=update).told("propose", reason)


def _written(work: Work, proposed: Proposed) -> Work:
    parameters = {**work.parameters, **proposed.parameters}
    return work.model_copy(update={"written": proposed.candidates, "parameters": parameters})


def _why_stop(side: Side, work: Work, before: Candidate | None, best: Candidate) -> str | None:
    """The stop rule: what speaks against one more round, or None."""
    if side.laboratory is None or side.setup.rounds == 0:
        return "no experiments were asked for"
    if work.round == 0:
        return None
    if work.round >= side.setup.rounds:
        return f"{work.round} {_plural('round', work.round)} were made"
    if best.merit >= ENOUGH:
        return "what is left to explain is not worth a round"
    if before is not None and best.text == before.text:
        return "the last round changed nothing"
    return None


async def ranked(side: Side, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each text once, by merit on ``select``; ``candidates`` begin with what was written last.

    The last handicap counts, and the first origin. The shorter of equals comes first, then the one
    that was known before.
    """
    unique: dict[str, Candidate] = {}
    known = {c.text: c.fit for c in candidates if c.fit is not None}
    origins = {c.text: c.origin for c in candidates}
    for candidate in candidates:
        first = candidate.model_copy(update={"origin": origins[candidate.text]})
        unique.setdefault(candidate.text, first)
    new = [c.text for c in unique.values() if c.text not in known]
    if len(unique) == 1 and not isinstance(side.setup.simulator, PatternSimulator):
        return list(unique.values())  # nothing to choose, nothing to pay
    simulator = await ready(side.setup.simulator, new, [side.tried_on])

    def tried_out() -> dict[str, float | None]:
        pool, fit = side.tried_on.pool, side.fit
        return {text: fit(simulator.simulate(text, pool)) for text in new}

    fits = await side.setup.offload(tried_out)
    tried = [c.model_copy(update={"fit": {**known, **fits}[c.text]}) for c in unique.values()]
    return sorted(tried, key=lambda c: (-round(c.merit, 9), c.symbols, c.text not in known))


async def ready(
    simulator: Simulator | SlowSimulator, texts: Sequence[str], splits: Sequence[SplitEvidence]
) -> Simulator:
    """A simulator that answers at once: a slow one is asked everything it will be asked."""
    if isinstance(simulator, PatternSimulator | Foreseen):
        return simulator
    return await foresee(cast(SlowSimulator, simulator), texts, [s.pool for s in splits])


def view(split: SplitEvidence, polarity: Polarity) -> SplitEvidence:
    """What an explanation of one side is about: its activations, and zero where it is silent."""
    return (split.flipped() if polarity == "negative" else split).rectified()


def _negated(given: Laboratory) -> Callable[[Ints], Floats]:
    def probe(token_ids: Ints) -> Floats:
        return -given.table(token_ids)

    return probe


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return "hypotheses" if word == "hypothesis" else word + "s"
