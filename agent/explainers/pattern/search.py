"""Builds a sentence clause by clause: greedy, with a price on length and repair between steps.

Each step adds the candidate of highest net gain, refits all strengths, and joins clauses that say
the same of several tokens. The search returns every sentence it passed through, so that a later
choice on other data can prefer a shorter one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from agent.explainers.pattern.candidates import is_barred, propose, word_of
from agent.explainers.pattern.fit import Array, Regression, with_strengths
from core.patterns import (
    MAX_CLAUSES,
    MAX_WITHIN,
    Clause,
    Context,
    Exact,
    LineStartsWith,
    Mask,
    Pattern,
    RightAfter,
    TokenPredicate,
    Within,
    clause_mask,
)

PRICE = 0.003
STEPS = 14
TRIED = 6
REPAIRS = 4
MERGE_RATIO = 0.6
MAX_TEXTS = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence and the share of (weighted) variance it explains on the data it was fitted to."""

    pattern: Pattern
    explained: float


def search(
    regression: Regression,
    *,
    price: float = PRICE,
    extra_contexts: Sequence[Context] = (),
    barred: Collection[Context] = (),
) -> list[Found]:
    """Sentences of growing length; empty when nothing pays for its symbols.

    ``extra_contexts`` are tried besides those found in the excerpts; what ``barred`` ones say is
    never said.
    """
    clauses: list[Clause] = []
    passed: list[Found] = []
    _, residual = regression.solve([])
    if regression.error(residual) <= 0:
        return passed
    for _ in range(STEPS):
        grown = _grow(regression, clauses, residual, price, extra_contexts, barred)
        if grown is None:
            break
        clauses, strengths, residual = grown
        masks = _masks(regression, clauses)
        pattern = with_strengths(clauses, strengths, masks)
        if pattern is not None:
            passed.append(Found(pattern, 1.0 - regression.error(residual)))
    return passed


def _grow(
    regression: Regression,
    clauses: list[Clause],
    residual: Array,
    price: float,
    extra_contexts: Sequence[Context],
    barred: Collection[Context],
) -> tuple[list[Clause], Array, Array] | None:
    """The clauses after one more step, or None when no step pays."""
    before = regression.error(residual)
    spent = sum(c.symbols for c in clauses)
    for candidate in propose(regression, residual, price, extra_contexts, barred)[:TRIED]:
        if candidate.net <= 0:
            return None
        if candidate.clause in clauses:
            continue
        joined, strengths, left = _settle(regression, [*clauses, candidate.clause])
        for at in range(len(joined)):
            joined = _repair(regression, joined, at, price, barred)
        joined = _as_words(regression, joined, price)
        joined, strengths, left = _settle(regression, joined)
        paid = price * (sum(c.symbols for c in joined) - spent)
        if len(joined) <= MAX_CLAUSES and before - regression.error(left) > max(paid, price / 2):
            return joined, strengths, left
    return None


def _repair(
    regression: Regression,
    clauses: list[Clause],
    at: int,
    price: float,
    barred: Collection[Context],
) -> list[Clause]:
    """The clauses with the one ``at`` changed a little, as long as that pays.

    Candidates know a few distances only, and what the sum of many clauses would have to say is
    often said by one with another distance or letter case. A later clause may also make a word of
    an earlier one superfluous.
    """
    fixed = _masks(regression, [c for i, c in enumerate(clauses) if i != at])

    def costs(changed: list[Clause]) -> list[float]:
        errors = regression.errors(fixed, (clause_mask(c, regression.grid) for c in changed))
        return [e + price * c.symbols for e, c in zip(errors, changed, strict=True)]

    best = clauses[at]
    least = costs([best])[0]
    for _ in range(REPAIRS):
        changed = [
            clause
            for clause in _variants(best)
            if clause not in clauses and not any(is_barred(c, barred) for c in clause.contexts)
        ]
        if not changed:
            break
        found = costs(changed)
        if min(found) >= least - 1e-6:
            break
        least = min(found)
        best = changed[found.index(least)]
    return [best if i == at else clause for i, clause in enumerate(clauses)]


def _as_words(regression: Regression, clauses: list[Clause], price: float) -> list[Clause]:
    """The clauses with token lists said as words in any letter case, where that is shorter.

    Each word becomes a clause of its own: "the" and "The" are one word, "the" and "def" two.
    """

    def cost(tried: list[Clause]) -> float:
        residual = regression.solve(_masks(regression, tried))[1]
        return regression.error(residual) + price * sum(c.symbols for c in tried)

    for clause in list(clauses):
        texts = clause.predicate.texts if isinstance(clause.predicate, Exact) else ()
        words = dict.fromkeys(word_of(text) for text in texts)
        rest = [c for c in clauses if c is not clause]
        split = [Clause(word, clause.contexts) for word in words if word is not None]
        fits = len(split) == len(words) and len(rest) + len(words) <= MAX_CLAUSES
        if fits and len(words) < len(texts) and cost([*rest, *split]) < cost(clauses) - 1e-6:
            clauses = [*rest, *split]
    return clauses


def _variants(clause: Clause) -> list[Clause]:
    """The clause with one thing changed: letter case, a listed token, a distance, a context."""
    found = [Clause(p, clause.contexts) for p in _near(clause.predicate)]
    for i, context in enumerate(clause.contexts):
        rest = (*clause.contexts[:i], *clause.contexts[i + 1 :])
        for changed in _changed(context):
            if changed not in rest:
                found.append(
                    Clause(
                        clause.predicate, (*clause.contexts[:i], changed, *clause.contexts[i + 1 :])
                    )
                )
        found.append(Clause(clause.predicate, rest))
    return found


def _changed(context: Context) -> list[Context]:
    match context:
        case RightAfter(predicate, negated) | Within(_, predicate, negated):
            near = [Within(n, predicate, negated) for n in range(2, MAX_WITHIN + 1)]
            looser = [replace(context, predicate=p) for p in _near(predicate)]
            same: list[Context] = [
                RightAfter(predicate, negated),
                LineStartsWith(predicate, negated),
            ]
            return [*same, *near, *looser]
        case LineStartsWith(predicate):
            return [replace(context, predicate=p) for p in _near(predicate)]
        case _:
            return []


def _near(predicate: TokenPredicate) -> list[TokenPredicate]:
    """One listed token as a word in any letter case; a list of several without one of them."""
    if not isinstance(predicate, Exact):
        return []
    texts = predicate.texts
    if len(texts) > 1:
        return [Exact((*texts[:i], *texts[i + 1 :])) for i in range(len(texts))]
    word = word_of(texts[0])
    return [] if word is None else [word]


def _settle(regression: Regression, clauses: list[Clause]) -> tuple[list[Clause], Array, Array]:
    """Refit, drop clauses of strength zero, and join clauses that differ in their tokens only."""
    while True:
        strengths, residual = regression.solve(_masks(regression, clauses))
        kept = [c for c, s in zip(clauses, strengths, strict=True) if s > 0]
        if len(kept) < len(clauses):
            clauses = kept
            continue
        joined = _join(clauses, strengths)
        if joined is None:
            return clauses, strengths, residual
        clauses = joined


def _join(clauses: list[Clause], strengths: Array) -> list[Clause] | None:
    """The clauses with one pair joined, or None when no pair can be.

    Two clauses join when both list exact tokens, share their contexts and differ little in
    strength, so that one number serves both.
    """
    for i, first in enumerate(clauses):
        for j in range(i + 1, len(clauses)):
            second = clauses[j]
            if set(first.contexts) != set(second.contexts):
                continue
            if not (isinstance(first.predicate, Exact) and isinstance(second.predicate, Exact)):
                continue
            low, high = sorted([float(strengths[i]), float(strengths[j])])
            texts = tuple(sorted({*first.predicate.texts, *second.predicate.texts}))
            if low < MERGE_RATIO * high or len(texts) > MAX_TEXTS:
                continue
            rest = [c for k, c in enumerate(clauses) if k not in (i, j)]
            return [*rest, Clause(Exact(texts), first.contexts)]
    return None


def _masks(regression: Regression, clauses: Sequence[Clause]) -> list[Mask]:
    return [clause_mask(clause, regression.grid) for clause in clauses]
