"""Clauses worth trying next, from what the sentence so far leaves unexplained.

A candidate's *gain* is the share of variance that adding it would explain: c² / v, with c the
weighted covariance of its mask with the residual and v the mask's weighted variance. For token
predicates it comes from sums by unique string; for contexts, from one matrix product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.explainers.pattern.fit import Array, Regression
from core.patterns import (
    CharClass,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    case_free_form,
    clause_mask,
)

TOKENS_TRIED = 40
SET_SIZES = (2, 3, 4, 6, 8)
AFFIX_LENGTHS = (1, 2, 3, 4, 5)
BASES = 28
EXTENDED = 14
PREVIOUS_TRIED = 16
NEAR_TRIED = 12
LINE_TRIED = 8
CONTEXT_SETS = (2, 3, 5)
DISTANCES = (2, 3, 5, 8, 16)
CLASSES: tuple[CharClass, ...] = tuple(
    CharClass(name)
    for name in (
        "any",
        "digits",
        "capitalised",
        "capitals",
        "lowercase",
        "punctuation",
        "whitespace",
        "newline",
        "indentation",
    )
)
STANDING: tuple[Context, ...] = (
    *(Inside(k, n) for k in ("quotes", "brackets", "comment", "docstring") for n in (False, True)),
    SeenBefore(),
    SeenBefore(negated=True),
    FirstPosition(),
    *(RightAfter(c) for c in CLASSES if c.name != "any"),
    *(LineStartsWith(CharClass(n)) for n in ("capitalised", "punctuation", "digits")),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clause (strength still open) with its gain and its gain less the price of its symbols."""

    clause: Clause
    gain: float
    net: float


@dataclass(frozen=True, slots=True)
class StringSums:
    """Sums by unique string under a restriction: ``pull`` Σ w·r, ``mass`` Σ w."""

    pull: Array
    mass: Array

    def gain(self, satisfied: NDArray[np.bool_], total: float) -> float:
        """Gain of the tokens whose string is ``satisfied``."""
        return _gain(float(self.pull[satisfied].sum()), float(self.mass[satisfied].sum()), total)


def propose(
    regression: Regression,
    residual: Array,
    price: float,
    extra_contexts: Sequence[Context] = (),
) -> list[Candidate]:
    """Candidate clauses by falling net gain: bare predicates, then with one and two contexts."""
    grid = regression.grid
    pulls = regression.weights * residual
    total = float(regression.weights.sum())
    here = string_sums(regression, pulls, np.ones(grid.shape, dtype=bool))
    bases = _predicates(regression, here, total, price)
    found = {Clause(c.predicate): g for c, g in bases}
    contexts = _contexts(regression, pulls, [c.predicate for c, _ in bases], total)
    contexts = list(dict.fromkeys([*extra_contexts, *contexts]))
    held = np.stack([grid.holds(c).reshape(-1) for c in contexts]).astype(np.float32)
    # A class says nothing alone ("any token") and everything in the right place.
    classes = [clause for clause, _ in bases if isinstance(clause.predicate, CharClass)]
    frontier = _widest([clause for clause, _ in bases], found, price)[:BASES]
    for width in (EXTENDED, 0):
        grown = _extend(
            regression, pulls, list(dict.fromkeys([*classes, *frontier])), contexts, held, total
        )
        found |= grown
        classes, frontier = [], _widest(grown, found, price)[:width]
    candidates = [Candidate(c, g, g - price * c.symbols) for c, g in found.items()]
    return sorted(candidates, key=lambda c: (-c.net, c.clause.symbols, repr(c.clause)))


def _widest(frontier: Iterable[Clause], gains: dict[Clause, float], price: float) -> list[Clause]:
    return sorted(frontier, key=lambda c: (-(gains[c] - price * c.symbols), repr(c)))


def string_sums(regression: Regression, pulls: Array, where: NDArray[np.bool_]) -> StringSums:
    """Sums by unique string over the tokens ``where``."""
    ids = regression.grid.ids[where]
    size = len(regression.grid.strings)
    return StringSums(
        np.bincount(ids, weights=pulls[where], minlength=size),
        np.bincount(ids, weights=regression.weights[where], minlength=size),
    )


def _gain(pull: float, mass: float, total: float) -> float:
    spread = mass - mass * mass / total if total > 0 else 0.0
    return pull * pull / spread if pull > 0 and spread > 1e-15 * total else 0.0


def _predicates(
    regression: Regression, sums: StringSums, total: float, price: float
) -> list[tuple[Clause, float]]:
    """Bare predicates with their gain, the most promising first; classes always among them."""
    grid = regression.grid
    gains = np.array(
        [_gain(float(p), float(m), total) for p, m in zip(sums.pull, sums.mass, strict=True)]
    )
    strongest = [int(i) for i in np.argsort(-gains, kind="stable")[:TOKENS_TRIED] if gains[i] > 0]
    tried: dict[TokenPredicate, float] = {Exact((grid.strings[i],)): gains[i] for i in strongest}
    by_mean = sorted(strongest, key=lambda i: -sums.pull[i] / sums.mass[i])
    for ordered in (strongest, by_mean):
        for size in SET_SIZES:
            if len(ordered) >= size:
                texts = tuple(sorted(grid.strings[i] for i in ordered[:size]))
                pull = float(sums.pull[ordered[:size]].sum())
                tried[Exact(texts)] = _gain(pull, float(sums.mass[ordered[:size]].sum()), total)
    for form in {case_free_form(grid.strings[i]) for i in strongest}:
        if form:
            tried[Word(form)] = sums.gain(grid.vocabulary.satisfies(Word(form)), total)
    tried |= _affixes(regression, sums, strongest, total)
    whole = [(Clause(p), g) for p, g in tried.items()]
    whole.sort(key=lambda pair: (-(pair[1] - price * pair[0].symbols), repr(pair[0])))
    unit = sums.gain
    classes = [(Clause(c), unit(grid.vocabulary.satisfies(c), total)) for c in CLASSES]
    return [*classes, *whole[: BASES + TOKENS_TRIED]]


def _affixes(
    regression: Regression, sums: StringSums, strongest: list[int], total: float
) -> dict[TokenPredicate, float]:
    """Prefixes and suffixes that several of the strongest strings share."""
    grid = regression.grid
    sharing: dict[TokenPredicate, int] = defaultdict(int)
    for i in strongest:
        text = grid.vocabulary.stripped[i]
        for length in AFFIX_LENGTHS:
            if len(text) > length:
                if text[:length].strip() == text[:length]:
                    sharing[Prefix(text[:length])] += 1
                if text[-length:].strip() == text[-length:]:
                    sharing[Suffix(text[-length:])] += 1
    shared = [p for p, count in sharing.items() if count >= 3]
    return {p: sums.gain(grid.vocabulary.satisfies(p), total) for p in shared}


def _contexts(
    regression: Regression, pulls: Array, predicates: Sequence[TokenPredicate], total: float
) -> list[Context]:
    """Contexts worth trying: the standing ones, and those that the residual points to."""
    found: list[Context] = list(STANDING)
    everywhere = np.ones(regression.grid.shape, dtype=bool)
    found += _named(regression, pulls, everywhere, total, full=True)
    own = [p for p in predicates if not isinstance(p, CharClass)][:4]
    for predicate in own:
        where = regression.grid.matches(predicate)
        found += _named(regression, pulls, where, total, full=False)
    return list(dict.fromkeys(found))


def _named(
    regression: Regression,
    pulls: Array,
    where: NDArray[np.bool_],
    total: float,
    *,
    full: bool,
) -> list[Context]:
    """Contexts that name a token: what stands before the unexplained tokens among ``where``."""
    grid, weights = regression.grid, regression.weights
    size = len(grid.strings)
    found: list[Context] = []
    pull, mass = np.zeros(size), np.zeros(size)
    count = PREVIOUS_TRIED if full else PREVIOUS_TRIED // 2
    for back in range(1, max(DISTANCES) + 1):
        if back >= grid.shape[1]:
            break
        later = where[:, back:]
        before = grid.ids[:, :-back][later]
        here = np.bincount(before, weights=pulls[:, back:][later], minlength=size)
        there = np.bincount(before, weights=weights[:, back:][later], minlength=size)
        if back == 1:
            ranked = _strongest(here, there, total, count)
            found += [RightAfter(Exact((grid.strings[i],))) for i in ranked]
            found += [RightAfter(Exact(texts)) for texts in _sets(grid.strings, ranked)]
            for i in _strongest(-here, there, total, count // 4):
                found.append(RightAfter(Exact((grid.strings[i],)), negated=True))
        pull += here
        mass += there
        if back in DISTANCES and back >= 2:
            near = NEAR_TRIED if full else NEAR_TRIED // 2
            ranked = _strongest(pull, mass, total, near)
            found += [Within(back, Exact(texts)) for texts in _sets(grid.strings, ranked)]
            for i in ranked:
                found.append(Within(back, Exact((grid.strings[i],))))
                if form := case_free_form(grid.strings[i]):
                    found.append(Within(back, Word(form)))
    for i in _strongest(*_line_starts(regression, pulls, where), total, LINE_TRIED):
        found.append(LineStartsWith(Exact((grid.strings[i],))))
    return found


def _sets(strings: Sequence[str], ranked: Sequence[int]) -> list[tuple[str, ...]]:
    """The first few of ``ranked`` as token lists of growing length."""
    return [
        tuple(sorted(strings[i] for i in ranked[:size]))
        for size in CONTEXT_SETS
        if len(ranked) >= size
    ]


def _line_starts(
    regression: Regression, pulls: Array, where: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Σ w·r and Σ w of the tokens ``where``, by the string that their line starts with."""
    grid = regression.grid
    first = grid.line_starts()
    use = where & (first >= 0)
    starts = np.take_along_axis(grid.ids, np.maximum(first, 0), axis=1)[use]
    size = len(grid.strings)
    return (
        np.bincount(starts, weights=pulls[use], minlength=size),
        np.bincount(starts, weights=regression.weights[use], minlength=size),
    )


def _strongest(pull: Array, mass: Array, total: float, count: int) -> list[int]:
    gains = np.where((pull > 0) & (mass > 0), pull * pull / np.maximum(mass, 1e-300), 0.0)
    order = np.argsort(-gains, kind="stable")[:count]
    return [int(i) for i in order if gains[i] > 0]


def _extend(
    regression: Regression,
    pulls: Array,
    clauses: Sequence[Clause],
    contexts: Sequence[Context],
    held: NDArray[np.float32],
    total: float,
) -> dict[Clause, float]:
    """Every clause with every further context, by gain; one matrix product for all of them."""
    if not clauses:
        return {}
    masks = np.stack([clause_mask(c, regression.grid).reshape(-1) for c in clauses], axis=1)
    flat_pull = pulls.reshape(-1, 1).astype(np.float32) * masks
    flat_mass = regression.weights.reshape(-1, 1).astype(np.float32) * masks
    pull, mass = held @ flat_pull, held @ flat_mass
    grown: dict[Clause, float] = {}
    for j, clause in enumerate(clauses):
        own = float(flat_mass[:, j].sum())
        for i, context in enumerate(contexts):
            # A context that excludes nothing explains nothing.
            if context in clause.contexts or mass[i, j] > 0.98 * own:
                continue
            gain = _gain(float(pull[i, j]), float(mass[i, j]), total)
            if gain > 0:
                grown[Clause(clause.predicate, (*clause.contexts, context))] = gain
    return grown
