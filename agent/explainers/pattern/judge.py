"""Ranks sentences on one split, and tells how many separate things a sentence says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from agent.explainers.pattern.candidates import is_barred
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
)
from core.results import Simulation
from scoring.merit import Fit
from scoring.samples import sample

SELECT_PRICE = 0.002
REFUTED_PRICE = 0.005
READING_SHARE = 0.2
OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class Reading:
    """One separate meaning of a sentence, with its share of the activation it accounts for."""

    pattern: Pattern
    share: float


class Judge:
    """Ranks sentences on one split: mean ρ² over the modes, less a small price of length.

    ρ counts only where it is positive: a sentence that predicts the opposite explains nothing.
    """

    def __init__(self, evidence: SplitEvidence) -> None:
        self._grid = TokenGrid.from_tokens(evidence.pool.tokens)
        self._actual = evidence.pool.activations.astype(np.float64)
        self._split = evidence
        self._fit = Fit(evidence)
        self._known: dict[Pattern, float] = {}

    def __call__(self, pattern: Pattern) -> float:
        """The figure of merit; at most 1, and below zero when nothing is explained."""
        return self.fit(pattern) - SELECT_PRICE * pattern.symbols

    def ranked(
        self, patterns: Sequence[Pattern], refuted: Collection[Context] = ()
    ) -> list[Pattern]:
        """Each pattern once, that of highest merit first, the shorter of equals.

        One that names a refuted context pays ``REFUTED_PRICE``.
        """

        def rank(pattern: Pattern) -> tuple[float, int]:
            return handicap(pattern, refuted) - self.fit(pattern), pattern.symbols

        return sorted(dict.fromkeys(patterns), key=rank)

    def fit(self, pattern: Pattern) -> float:
        """The merit without the price of length."""
        if pattern not in self._known:
            predicted = Simulation(evaluate(pattern, self._grid), self._grid.known)
            self._known[pattern] = self._fit(predicted) or 0.0
        return self._known[pattern]

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
        corpus = sample(self._split, "corpus")
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


def handicap(pattern: Pattern, refuted: Collection[Context]) -> float:
    """What a sentence has to predict better than others: for its length, and for what it names."""
    return SELECT_PRICE * pattern.symbols + REFUTED_PRICE * names(pattern, refuted)


def names(pattern: Pattern, refuted: Collection[Context]) -> bool:
    """Whether a sentence says what experiments spoke against."""
    return any(is_barred(x, refuted) for clause in pattern.clauses for x in clause.contexts)


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
