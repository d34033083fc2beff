"""The pattern explainer: search on ``explain``, experiments on the subject, choice on ``select``.

Hypotheses are found by search. Experiments then show which context is really needed (edited text)
and how the unit behaves where the hypotheses speak of it (unseen text); both enter the next search.
A sentence with a context that was shown to be unneeded can still be chosen, but it has to predict
``select`` clearly better than every other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from threadpoolctl import threadpool_limits

from agent.experiments import Experiment, Laboratory, Trial
from agent.explainers.pattern import unseen
from agent.explainers.pattern.dividing import divided
from agent.explainers.pattern.experiments import (
    break_context,
    contexts_needed,
    contexts_refuted,
    occlusion,
)
from agent.explainers.pattern.fit import Regression, refit
from agent.explainers.pattern.judge import Judge, handicap, names
from agent.explainers.pattern.search import PRICE, search
from agent.explainers.proposal import Candidate, Meaning, Parameter, Proposed
from agent.judging import MINIMAL_PAIR, OCCLUSION
from agent.offload import Offload, inline
from core.evidence import SplitEvidence
from core.patterns import Clause, Context, Pattern, TokenGrid, evaluate, parse, render

T = TypeVar("T")
RIVALS = 3
SHORTLIST = 8
LEFT = 1.0
"""What the variance that a sentence leaves in its own evidence weighs beside its fit on select."""
HYPOTHESES = 3


@dataclass(frozen=True, slots=True)
class PatternExplainer:
    """Explains units in the pattern language, without a language model.

    ``price`` is the share of variance that one more symbol must explain; ``offload`` does the
    searching.
    """

    price: float = PRICE
    offload: Offload = inline

    name = "pattern"

    def begin(
        self,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
    ) -> PatternSession:
        """Start on one side of one unit."""
        return PatternSession(self, explain, select, laboratory, seed)


@dataclass(slots=True)
class PatternSession:
    """What the search of one unit shares between its steps; everything is made when first needed.

    ``tried`` are all sentences that were compared on ``select``.
    """

    by: PatternExplainer
    explain: SplitEvidence
    select: SplitEvidence
    laboratory: Laboratory | None
    seed: int
    tried: dict[Pattern, None] = field(default_factory=dict)
    _regression: Regression | None = None
    _judge: Judge | None = None
    _first: list[Pattern] | None = None

    @property
    def regression(self) -> Regression:
        """The evidence that the unit came with."""
        if self._regression is None:
            self._regression = Regression.of(self.explain)
        return self._regression

    @property
    def judge(self) -> Judge:
        """Compares sentences on ``select``."""
        if self._judge is None:
            self._judge = Judge(self.select)
        return self._judge

    async def propose(self) -> Proposed:
        """The best sentences that a search from the excerpts alone passes through."""
        return await self._searched(self._propose)

    def _propose(self) -> Proposed:
        return self._proposed(self._passed(), set(), "proposed", self.regression)

    def _passed(self) -> list[Pattern]:
        """What a search from the excerpts alone passes through."""
        if self._first is None:
            found = search(self.regression, price=self.by.price)
            self._first = [passed.pattern for passed in found]
        return self._first

    async def design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        """Which context does the best need, and how does the unit behave where it is spoken of?

        The first round also replaces what stands before the strongest peaks.
        """
        return await self._searched(lambda: self._design(ranked, done, runs))

    def _design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        if self.laboratory is None or not ranked:
            return ()
        best, *_ = patterns = [parse(c.text) for c in ranked[:RIVALS]]
        planned: list[Experiment] = []
        if not any(e.kind == OCCLUSION for e in done) and len(self.explain.top_rows):
            planned.append(occlusion(self.explain, self.seed))
        asked = {e.about for e in done if e.kind == MINIMAL_PAIR}
        planned += [e for e in self._minimal_pairs(best) if e.about not in asked]
        left = runs - sum(len(e.trials) for e in planned)
        planned += unseen.tests(patterns, self.explain, self.laboratory, done, left)
        return [e for e in planned if e.trials]

    async def revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        """Search again with the contexts that were needed, and without those that were not."""
        return await self._searched(lambda: self._revise(ranked, done))

    def _revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        refuted = contexts_refuted(done)
        patterns = [parse(c.text) for c in ranked]
        needed = contexts_needed(done)
        regression = self._with(done)
        price = self.by.price
        passed = search(regression, price=price, extra_contexts=needed)
        found = [f.pattern for f in passed]
        found += [p for old in patterns for p in _refits(old, refuted, regression)]
        best = self.judge.ranked([*found, *patterns], refuted)[:1]
        if any(names(p, refuted) for p in best):
            passed = search(regression, price=price, extra_contexts=needed, barred=refuted)
            found += [f.pattern for f in passed]
        return self._proposed(found, refuted, "revised", regression, known=patterns)

    async def resample(self, runs: int, rounds: int) -> Proposed:
        """Search again with ``runs`` more windows, drawn whatever their text."""
        return await self._searched(lambda: self._resample(runs))

    def _resample(self, runs: int) -> Proposed:
        if self.laboratory is None:
            return Proposed()
        drawn = self.laboratory.random_text(self.explain, runs, "neuroscribe/resample/1")
        if drawn is None:
            return Proposed()
        regression = self._with([drawn])
        passed = [found.pattern for found in search(regression, price=self.by.price)]
        first = self.judge.ranked(self._passed())[:HYPOTHESES]
        return self._proposed(passed, set(), "resampled", regression, known=first)

    async def divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        """One sentence joined from those of groups of excerpts that are unlike each other."""
        return await self._searched(lambda: self._divide(best, done))

    def _divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        refuted = contexts_refuted(done)
        whole = divided(
            self.explain,
            self.regression,
            price=self.by.price,
            extra_contexts=contexts_needed(done),
            barred=refuted,
        )
        if whole is None:
            return Proposed()
        regression = self._with(done)
        fitted = refit(whole, regression)
        if fitted is None or self.judge(fitted) <= 0:
            return Proposed()
        self.tried[fitted] = None
        found = self._candidate(fitted, refuted, "divided", regression)
        again = self._candidate(parse(best.text), refuted, best.origin, regression)
        return Proposed((found, again)) if len(found.meanings) > 1 else Proposed()

    async def paraphrase(self, best: Candidate) -> Candidate | None:
        """The clauses in the opposite order: sentences have one reading, so nothing may change."""
        pattern = parse(best.text)
        turned = Pattern(
            tuple(
                Clause(c.predicate, tuple(reversed(c.contexts)), c.strength)
                for c in reversed(pattern.clauses)
            )
        )
        return Candidate(text=render(turned), symbols=turned.symbols, origin="paraphrased")

    async def _searched(self, work: Callable[[], T]) -> T:
        """Off the event loop, on one thread: products this small lose by being shared out."""

        def single() -> T:
            with threadpool_limits(1, "blas"):
                return work()

        return await self.by.offload(single)

    def _proposed(
        self,
        patterns: Sequence[Pattern],
        refuted: set[Context],
        origin: str,
        regression: Regression,
        known: Sequence[Pattern] = (),
    ) -> Proposed:
        """The best of all these, and every known one: all are measured on the same text."""
        self.tried |= dict.fromkeys(patterns)
        order = self.judge.ranked([*patterns, *known], refuted)
        parameters: dict[str, Parameter] = {"price": self.by.price}
        if not order or self.judge(order[0]) <= 0:
            reason = f"no sentence paid for its length ({len(self.tried)} compared)"
            return Proposed((), "abstained", reason, parameters)
        shortlist = [p for p in order if self.judge(p) > 0][:SHORTLIST]
        beside = [p for p in known if p not in shortlist]
        found = {p: self._candidate(p, refuted, origin, regression) for p in [*shortlist, *beside]}
        ranked = sorted(shortlist, key=lambda p: (found[p].handicap - self.judge.fit(p), p.symbols))
        chosen = [*ranked[:HYPOTHESES], *(p for p in known if p not in ranked[:HYPOTHESES])]
        return Proposed(tuple(found[p] for p in chosen), parameters=parameters)

    def _candidate(
        self, pattern: Pattern, refuted: set[Context], origin: str, regression: Regression
    ) -> Candidate:
        """``regression`` is the evidence so far: what the sentence leaves of it is a handicap."""
        left = regression.left(pattern)
        readings = self.judge.readings(pattern)
        return Candidate(
            text=render(pattern),
            symbols=pattern.symbols,
            meanings=tuple(
                Meaning(text=render(r.pattern), symbols=r.pattern.symbols, share=r.share)
                for r in readings
            ),
            handicap=handicap(pattern, refuted) + LEFT * left,
            origin=origin,
        )

    def _minimal_pairs(self, pattern: Pattern) -> Iterator[Experiment]:
        """One experiment for each context of each clause that can be broken."""
        assert self.laboratory is not None
        for clause in pattern.clauses:
            for context in clause.contexts:
                test = break_context(clause, context, self.explain, self.regression.grid, self.seed)
                if test is not None:
                    yield self._predicted(test, pattern)

    def _predicted(self, test: Experiment, pattern: Pattern) -> Experiment:
        """The test with what the whole sentence predicts where a context is broken."""
        assert self.laboratory is not None
        grid = TokenGrid.from_tokens([self.laboratory.decode(t.tokens) for t in test.trials])
        values = evaluate(pattern, grid)
        trials = [
            trial.model_copy(update={"predicted": float(row[_place(trial)])})
            for trial, row in zip(test.trials, values, strict=True)
        ]
        return test.model_copy(update={"trials": tuple(trials)})

    def _with(self, done: Sequence[Experiment]) -> Regression:
        """The evidence with what the unit did on unseen text."""
        if self.laboratory is None:
            return self.regression
        more = unseen.learnt(self.explain, self.regression.grid, self.laboratory, done)
        return self.regression if more is None else Regression.of(self.explain, more)


def _place(trial: Trial) -> int:
    assert trial.position is not None
    return trial.position


def _refits(pattern: Pattern, refuted: set[Context], regression: Regression) -> list[Pattern]:
    """The sentence with its strengths fitted anew, also without every refuted context."""
    clauses = (
        Clause(c.predicate, tuple(x for x in c.contexts if x not in refuted), c.strength)
        for c in pattern.clauses
    )
    variants = [pattern, Pattern(tuple(dict.fromkeys(clauses)))]
    fitted = (refit(variant, regression) for variant in variants)
    return [variant for variant in fitted if variant is not None]
