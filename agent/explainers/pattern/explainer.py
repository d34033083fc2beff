"""The pattern explainer: search on ``explain``, experiments on the subject, choice on ``select``.

When an experiment shows that a context is not needed, the search is repeated without it: what it
stood for may be said in another way. A sentence with such a context can still be chosen, but it
has to predict ``select`` clearly better than every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.experiments import Experiment, Probe
from agent.explainers.pattern.candidates import is_barred
from agent.explainers.pattern.experiments import NEEDED, break_context, occlude
from agent.explainers.pattern.fit import CHOICE_MODES, Regression, refit
from agent.explainers.pattern.search import PRICE, search
from agent.explainers.proposal import Candidate, Meaning, Parameter, Proposed
from core.evidence import SplitEvidence
from core.patterns import (
    Clause,
    Context,
    Exact,
    Mask,
    Pattern,
    TokenGrid,
    clause_mask,
    evaluate,
    render,
)
from scoring.samples import sample
from scoring.statistics import correlation, excerpt_sums

SELECT_PRICE = 0.002
REFUTED_PRICE = 0.02
ROUNDS = 2
READING_SHARE = 0.2
OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class Reading:
    """One separate meaning of a sentence, with its share of the activation it accounts for."""

    pattern: Pattern
    share: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the explainer came back with; ``pattern`` None means no clear pattern.

    ``tried`` counts the sentences compared on ``select``.
    """

    pattern: Pattern | None
    readings: tuple[Reading, ...]
    experiments: tuple[Experiment, ...]
    tried: int


@dataclass(frozen=True, slots=True)
class PatternExplainer:
    """Explains units in the pattern language, without a language model.

    ``price`` is the share of variance that one more symbol must explain. ``experiments`` off gives
    the one-shot arm: the same search from correlations alone.
    """

    price: float = PRICE
    experiments: bool = True

    name = "pattern"

    async def explain(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int
    ) -> Proposed:
        """The one sentence that :meth:`propose` chose, or none."""
        found = self.propose(explain, select, probe, seed)
        parameters: dict[str, Parameter] = {"price": self.price, "experiments": self.experiments}
        if found.pattern is None:
            reason = f"no sentence paid for its length ({found.tried} compared)"
            return Proposed((), "abstained", reason, found.experiments, parameters)
        meanings = tuple(
            Meaning(render(r.pattern), r.pattern.symbols, r.share) for r in found.readings
        )
        chosen = Candidate(render(found.pattern), found.pattern.symbols, meanings)
        return Proposed((chosen,), experiments=found.experiments, parameters=parameters)

    def propose(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int = 0
    ) -> Proposal:
        """The best sentence found; ``probe`` None also switches the experiments off."""
        asking = probe if self.experiments else None
        regression = Regression.of(explain)
        judge = Judge(select)
        done: list[Experiment] = []
        extra: tuple[Context, ...] = ()
        if asking is not None and len(explain.top_rows):
            found = occlude(explain, asking, seed)
            done.append(found.experiment)
            extra = found.contexts
        passed = search(regression, price=self.price, extra_contexts=extra)
        patterns = [found.pattern for found in passed]
        refuted: set[Context] = set()
        for _ in range(ROUNDS if asking is not None else 0):
            best = judge.best(patterns, refuted)
            if best is None or asking is None:
                break
            tests = _test_contexts(best, explain, regression.grid, asking, seed)
            done += [test for test in tests.values() if test not in done]
            failed = {c for c, test in tests.items() if float(test.outcome["mean_drop"]) < NEEDED}
            if failed <= refuted:
                break
            refuted |= failed
            patterns += _without(best, refuted, regression)
            again = search(regression, price=self.price, extra_contexts=extra, barred=refuted)
            patterns += [found.pattern for found in again]
        chosen = judge.best(patterns, refuted)
        tried = len(set(patterns))
        if chosen is None or judge(chosen) <= 0:
            return Proposal(None, (), tuple(done), tried)
        return Proposal(chosen, judge.readings(chosen), tuple(done), tried)


def _test_contexts(
    pattern: Pattern, explain: SplitEvidence, grid: TokenGrid, probe: Probe, seed: int
) -> dict[Context, Experiment]:
    """One experiment for each context of the sentence that can be broken.

    A context that several clauses name is tested where it matters most.
    """
    tests: dict[Context, Experiment] = {}
    for clause in pattern.clauses:
        for context in clause.contexts:
            test = break_context(clause, context, explain, grid, probe, seed)
            if test is None:
                continue
            known = tests.get(context)
            if known is None or _fall(test) > _fall(known):
                tests[context] = test
    return tests


def _fall(test: Experiment) -> float:
    return float(test.outcome["mean_drop"])


def _without(pattern: Pattern, refuted: set[Context], regression: Regression) -> list[Pattern]:
    """The sentence with every refuted context left out (none if nothing is left of it)."""
    clauses = (
        Clause(c.predicate, tuple(x for x in c.contexts if x not in refuted))
        for c in pattern.clauses
    )
    variant = refit(Pattern(tuple(dict.fromkeys(clauses))), regression)
    return [] if variant is None else [variant]


class Judge:
    """Ranks sentences on one split: mean ρ² over the modes, less a small price of length.

    ρ counts only where it is positive: a sentence that predicts the opposite explains nothing.
    """

    def __init__(self, evidence: SplitEvidence) -> None:
        self._grid = TokenGrid.from_tokens(evidence.pool.tokens)
        self._actual = evidence.pool.activations.astype(np.float64)
        self._samples = [sample(evidence, mode) for mode in CHOICE_MODES]
        self._known: dict[Pattern, float] = {}

    def __call__(self, pattern: Pattern) -> float:
        """The figure of merit; at most 1, and below zero when nothing is explained."""
        if pattern not in self._known:
            self._known[pattern] = self._merit(pattern)
        return self._known[pattern]

    def best(self, patterns: Sequence[Pattern], refuted: set[Context]) -> Pattern | None:
        """The sentence of highest merit, the shorter of equals.

        One that names a refuted context pays ``REFUTED_PRICE``.
        """

        def rank(pattern: Pattern) -> tuple[float, int]:
            named = [context for clause in pattern.clauses for context in clause.contexts]
            wrong = any(is_barred(context, refuted) for context in named)
            return self(pattern) - REFUTED_PRICE * wrong, -pattern.symbols

        return max(patterns, key=rank, default=None)

    def readings(self, pattern: Pattern) -> tuple[Reading, ...]:
        """The separate meanings of a sentence, largest share first.

        Clauses are one meaning when their tokens or their contexts are shared, or when they match
        the same places. Shares are of the activation that the whole sentence accounts for in the
        corpus; a meaning with less than a fifth of it is not counted.
        """
        masks = [clause_mask(clause, self._grid) for clause in pattern.clauses]
        groups: list[list[int]] = []
        for i, clause in enumerate(pattern.clauses):
            related = [
                group
                for group in groups
                if any(_related(clause, pattern.clauses[j], masks[i], masks[j]) for j in group)
            ]
            merged = sorted({i, *(j for group in related for j in group)})
            groups = [group for group in groups if group not in related] + [merged]
        corpus = self._samples[CHOICE_MODES.index("corpus")]
        weighted = np.zeros_like(self._actual)
        weighted[corpus.rows] = corpus.weights[:, None] * np.maximum(self._actual[corpus.rows], 0)
        whole = float(weighted[np.logical_or.reduce(masks)].sum())
        if whole <= 0:
            return ()
        found = []
        for group in groups:
            where = np.logical_or.reduce([masks[j] for j in group])
            share = float(weighted[where].sum()) / whole
            if share >= READING_SHARE:
                found.append(Reading(Pattern(tuple(pattern.clauses[j] for j in group)), share))
        return tuple(sorted(found, key=lambda reading: -reading.share))

    def _merit(self, pattern: Pattern) -> float:
        predicted = evaluate(pattern, self._grid)
        sums = excerpt_sums(predicted, self._actual, self._grid.known)
        total = 0.0
        for drawn in self._samples:
            rho = correlation(sums[drawn.rows], drawn.weights)
            total += max(rho or 0.0, 0.0) ** 2
        return total / len(self._samples) - SELECT_PRICE * pattern.symbols


def _related(first: Clause, second: Clause, here: Mask, there: Mask) -> bool:
    """Whether two clauses belong to one meaning."""
    if first.predicate == second.predicate or set(first.contexts) & set(second.contexts):
        return True
    smaller = min(int(here.sum()), int(there.sum()))
    if smaller and int((here & there).sum()) > OVERLAP * smaller:
        return True
    return bool(_words(first) & _words(second))


def _words(clause: Clause) -> set[str]:
    """The words that a token list holds, in one letter case and without white space."""
    texts = clause.predicate.texts if isinstance(clause.predicate, Exact) else ()
    return {text.strip().lower() for text in texts} - {""}
