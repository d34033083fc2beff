"""The pattern explainer: search on ``explain``, experiments on the subject, choice on ``select``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent.explainers.pattern.experiments import (
    NEEDED,
    Experiment,
    Probe,
    occlude,
    test_context,
)
from agent.explainers.pattern.fit import Regression, refit
from agent.explainers.pattern.search import search
from core.evidence import SplitEvidence
from core.patterns import Clause, Exact, Pattern, TokenGrid, clause_mask, evaluate
from core.results import Mode
from scoring.samples import sample
from scoring.statistics import correlation, excerpt_sums

SELECT_PRICE = 0.002
CHOICE_MODES: tuple[Mode, ...] = ("corpus", "top_and_random")
READING_SHARE = 0.2


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
    explained: float


@dataclass(frozen=True, slots=True)
class PatternExplainer:
    """Explains units in the pattern language, without a language model.

    ``price`` is the share of variance that one more symbol must explain. ``experiments`` off gives
    the one-shot arm: the same search from correlations alone.
    """

    price: float = 0.003
    experiments: bool = True

    name = "pattern"

    def propose(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int = 0
    ) -> Proposal:
        """The best sentence found; ``probe`` None also switches the experiments off."""
        asking = probe if self.experiments else None
        regression = Regression.of(explain)
        done: list[Experiment] = []
        extra = ()
        if asking is not None and len(explain.top_rows):
            found = occlude(explain, asking, seed)
            done.append(found.experiment)
            extra = found.contexts
        passed = search(regression, price=self.price, extra_contexts=extra)
        patterns = list(dict.fromkeys(f.pattern for f in passed))
        if asking is not None and patterns:
            checked, tests = self._check_contexts(patterns[-1], regression, explain, asking, seed)
            done += tests
            patterns += [p for p in checked if p not in patterns]
        if not patterns:
            return Proposal(None, (), tuple(done), 0, 0.0)
        judge = Judge(select)
        best = max(patterns, key=lambda p: (judge(p), -p.symbols))
        if judge(best) <= 0:
            return Proposal(None, (), tuple(done), len(patterns), 0.0)
        explained = max((f.explained for f in passed if f.pattern == best), default=0.0)
        return Proposal(best, readings(best, select), tuple(done), len(patterns), explained)

    def _check_contexts(
        self,
        pattern: Pattern,
        regression: Regression,
        explain: SplitEvidence,
        probe: Probe,
        seed: int,
    ) -> tuple[list[Pattern], list[Experiment]]:
        """Variants of a sentence without the contexts that the subject does not need."""
        tests: list[Experiment] = []
        clauses: list[Clause] = []
        for clause in pattern.clauses:
            kept = []
            for context in clause.contexts:
                outcome = test_context(clause, context, explain, probe, seed)
                if outcome is not None:
                    tests.append(outcome)
                if outcome is None or float(outcome.outcome["mean_drop"]) >= NEEDED:
                    kept.append(context)
            clauses.append(Clause(clause.predicate, tuple(kept), clause.strength))
        if clauses == list(pattern.clauses):
            return [], tests
        variant = refit(Pattern(tuple(dict.fromkeys(clauses))), regression)
        return ([] if variant is None else [variant]), tests


class Judge:
    """Ranks sentences on one split: mean ρ² over the modes, less a small price of length.

    ρ counts only where it is positive: a sentence that predicts the opposite explains nothing.
    """

    def __init__(self, evidence: SplitEvidence) -> None:
        self._grid = TokenGrid.from_tokens(list(evidence.pool.tokens))
        self._actual = evidence.pool.activations.astype(np.float64)
        self._samples = [sample(evidence, mode) for mode in CHOICE_MODES]
        self._known: dict[Pattern, float] = {}

    def __call__(self, pattern: Pattern) -> float:
        """The figure of merit; at most 1, and below zero when nothing is explained."""
        if pattern not in self._known:
            self._known[pattern] = self._merit(pattern)
        return self._known[pattern]

    def _merit(self, pattern: Pattern) -> float:
        predicted = evaluate(pattern, self._grid)
        sums = excerpt_sums(predicted, self._actual, self._grid.known)
        total = 0.0
        for drawn in self._samples:
            rho = correlation(sums[drawn.rows], drawn.weights) if len(drawn) else None
            total += max(rho or 0.0, 0.0) ** 2
        return total / len(self._samples) - SELECT_PRICE * pattern.symbols


def readings(pattern: Pattern, evidence: SplitEvidence) -> tuple[Reading, ...]:
    """The separate meanings of a sentence, largest share first.

    Clauses are one meaning when their tokens or their contexts are shared, or when they match the
    same places; the shares are of the activation at matched places on the split's pool. A meaning
    with less than a fifth is not counted as separate.
    """
    grid = TokenGrid.from_tokens(list(evidence.pool.tokens))
    masks = [clause_mask(clause, grid) for clause in pattern.clauses]
    groups: list[list[int]] = []
    for i, clause in enumerate(pattern.clauses):
        related = [
            g
            for g in groups
            if any(_related(clause, pattern.clauses[j], masks[i], masks[j]) for j in g)
        ]
        merged = sorted({i, *(j for g in related for j in g)})
        groups = [g for g in groups if g not in related] + [merged]
    actual = np.maximum(evidence.pool.activations, 0.0)
    union = np.logical_or.reduce(masks)
    whole = float(actual[union].sum())
    if whole <= 0:
        return ()
    found = []
    for group in groups:
        where = np.logical_or.reduce([masks[j] for j in group])
        share = float(actual[where].sum()) / whole
        if share >= READING_SHARE:
            found.append(Reading(Pattern(tuple(pattern.clauses[j] for j in group)), share))
    return tuple(sorted(found, key=lambda r: -r.share))


def _related(first: Clause, second: Clause, here: object, there: object) -> bool:
    """Whether two clauses belong to one meaning."""
    if first.predicate == second.predicate:
        return True
    if set(first.contexts) & set(second.contexts):
        return True
    a, b = np.asarray(here), np.asarray(there)
    smaller = min(int(a.sum()), int(b.sum()))
    if smaller and int((a & b).sum()) > 0.2 * smaller:
        return True
    both_listed = isinstance(first.predicate, Exact) and isinstance(second.predicate, Exact)
    return both_listed and _same_words(first, second)


def _same_words(first: Clause, second: Clause) -> bool:
    """Whether two token lists share a word in another letter case or spacing."""
    if not (isinstance(first.predicate, Exact) and isinstance(second.predicate, Exact)):
        return False
    forms = [{t.strip().lower() for t in c.texts} for c in (first.predicate, second.predicate)]
    return bool(forms[0] & forms[1])
