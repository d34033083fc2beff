"""Clauses worth trying next, from what the sentence so far leaves unexplained.

A candidate's *gain* is the share of variance that adding it would explain: c² / v, with c the
weighted covariance of its mask with the residual and v the mask's weighted variance. For token
predicates it comes from sums by unique string; for contexts, from one matrix product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.explainers.pattern.fit import Array, Regression, sayable, sums_by
from core.patterns import (
    CHAR_CLASSES,
    INSIDE_KINDS,
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
    TokenGrid,
    TokenPredicate,
    Within,
    Word,
    case_free_form,
    clause_mask,
    context_symbols,
)

KEPT = 64
TOKENS_TRIED = 40
SET_SIZES = (2, 3, 4, 6, 8)
AFFIX_LENGTHS = (1, 2, 3, 4, 5)
BASES = 28
EXTENDED = 14
PREVIOUS_TRIED = 16
NEAR_TRIED = 12
LINE_TRIED = 8
CONTEXT_SETS = (2, 3, 5)
DISTANCES = (2, 4, 8, 16)
CLASSES = tuple(CharClass(name) for name in CHAR_CLASSES)
KINDS = tuple(c for c in CLASSES if c.name != "any")
STANDING: tuple[Context, ...] = (
    *(Inside(kind, negated) for kind in INSIDE_KINDS for negated in (False, True)),
    SeenBefore(),
    SeenBefore(negated=True),
    FirstPosition(),
    *(RightAfter(c, negated) for c in KINDS for negated in (False, True)),
    *(Within(n, c, negated) for n in (3, 6) for c in KINDS for negated in (False, True)),
    *(LineStartsWith(CharClass(n)) for n in ("capitalised", "punctuation", "digits")),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clause (strength still open) with its gain and its gain less the price of its symbols."""

    clause: Clause
    gain: float
    net: float

    @property
    def rank(self) -> tuple[float, int, str]:
        """Sorts the best first; gains are sums in single precision, so near ties count as ties."""
        return (-round(self.net, 6), self.clause.symbols, repr(self.clause))


@dataclass(frozen=True, slots=True)
class StringSums:
    """Sums by unique string under a restriction: ``pull`` Σ w·r, ``mass`` Σ w."""

    pull: Array
    mass: Array

    def gain(self, satisfied: NDArray[np.bool_], total: float) -> float:
        """Gain of the tokens whose string is ``satisfied``."""
        pull, mass = self.pull[satisfied].sum(), self.mass[satisfied].sum()
        return float(_gains(np.asarray(pull), np.asarray(mass), total))


def propose(
    regression: Regression,
    residual: Array,
    price: float,
    extra_contexts: Sequence[Context] = (),
    barred: Collection[Context] = (),
) -> list[Candidate]:
    """The best clauses by falling net gain: bare predicates, then with one and two contexts.

    ``extra_contexts`` are tried besides those that the residual points to; what ``barred`` ones
    rule out (:func:`is_barred`) never.
    """
    pulls = regression.weights * residual
    total = float(regression.weights.sum())
    bare = _predicates(regression, pulls, total, price)
    named = _contexts(regression, pulls, [c.clause.predicate for c in bare])
    contexts = [c for c in dict.fromkeys([*extra_contexts, *named]) if not is_barred(c, barred)]
    held = _Held.of(contexts, regression.grid)
    # A class says nothing alone ("any token") and everything in the right place.
    classes = [c.clause for c in bare if isinstance(c.clause.predicate, CharClass)]
    listed = [c.clause for c in bare if not isinstance(c.clause.predicate, CharClass)]
    once = [
        *held.extend(classes, regression, pulls, price),
        *held.extend(listed[:BASES], regression, pulls, price),
    ]
    once.sort(key=lambda c: c.rank)
    twice = held.extend([c.clause for c in once[:EXTENDED]], regression, pulls, price)
    return sorted([*bare, *once, *twice], key=lambda c: c.rank)[:KEPT]


def _gains(pull: Array, mass: Array, total: float) -> Array:
    """Gain of masks with these sums; 0 for one that pulls the wrong way or never varies."""
    spread = mass - mass * mass / total if total > 0 else np.zeros_like(mass)
    useful = (pull > 0) & (spread > 1e-9 * mass) & (mass > 0)
    return np.where(useful, pull * pull / np.where(useful, spread, 1.0), 0.0)


def _predicates(
    regression: Regression, pulls: Array, total: float, price: float
) -> list[Candidate]:
    """Bare predicates, the most promising first; classes always among them."""
    grid = regression.grid
    sums = StringSums(regression.by_string(pulls), regression.by_string(regression.weights))
    gains = np.where(regression.sayable, _gains(sums.pull, sums.mass, total), 0.0)
    strongest = [int(i) for i in np.argsort(-gains, kind="stable")[:TOKENS_TRIED] if gains[i] > 0]
    tried: dict[TokenPredicate, float] = {
        Exact((grid.strings[i],)): float(gains[i]) for i in strongest
    }
    by_mean = sorted(strongest, key=lambda i: -sums.pull[i] / sums.mass[i])
    for ordered in (strongest, by_mean):
        for chosen in (ordered[:size] for size in SET_SIZES if len(ordered) >= size):
            satisfied = np.zeros(len(grid.strings), dtype=np.bool_)
            satisfied[chosen] = True
            listed = Exact(tuple(sorted(grid.strings[i] for i in chosen)))
            tried[listed] = sums.gain(satisfied, total)
    for word in dict.fromkeys(word_of(grid.strings[i]) for i in strongest):
        if word is not None:
            tried[word] = sums.gain(grid.vocabulary.satisfies(word), total)
    tried |= _affixes(regression, sums, strongest, total)
    bare = [Candidate(Clause(p), g, g - price * Clause(p).symbols) for p, g in tried.items()]
    bare.sort(key=lambda c: c.rank)
    for name in CLASSES:
        mask = grid.matches(name)
        pull, mass = pulls[mask].sum(), regression.weights[mask].sum()
        gain = float(_gains(np.asarray(pull), np.asarray(mass), total))
        bare.append(Candidate(Clause(name), gain, gain - price))
    return bare


def is_barred(context: Context, barred: Collection[Context]) -> bool:
    """Whether a context says what one of the ``barred`` ones says, at the same distance or nearer.

    The barred ones are plain contexts of which it is known that a unit does not need them. What is
    not needed within eight tokens is not needed within four, nor as one of several.
    """
    return not context.negated and any(
        _reach(context) <= _reach(other) and _named_by(context) & _named_by(other)
        for other in barred
        if isinstance(context, LineStartsWith) == isinstance(other, LineStartsWith)
    )


def _reach(context: Context) -> int:
    return context.tokens if isinstance(context, Within) else 1


def _named_by(context: Context) -> set[object]:
    """What a context names: each token as a word in any letter case, or its predicate."""
    if not isinstance(context, RightAfter | Within | LineStartsWith):
        return {context}
    match context.predicate:
        case Exact(texts):
            return {case_free_form(text) or text for text in texts}
        case Word(form):
            return {form}
        case predicate:
            return {predicate}


def word_of(token: str) -> Word | None:
    """The word that a token is in any letter case, if it is one.

    A token without a letter is none; nor is what lower case changes twice (no such letter is known,
    but Unicode promises nothing).
    """
    form = case_free_form(token)
    is_word = any(map(str.isalpha, form)) and case_free_form(form) == form
    return Word(form) if is_word and sayable(form) else None


def forms_of(token: str) -> list[TokenPredicate]:
    """The token as it stands and, where it is a word, in any letter case."""
    word = word_of(token)
    return [Exact((token,))] if word is None else [Exact((token,)), word]


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
    regression: Regression, pulls: Array, predicates: Sequence[TokenPredicate]
) -> list[Context]:
    """Contexts worth trying: the standing ones, and those that the residual points to."""
    found: list[Context] = list(STANDING)
    found += _named(regression, pulls, regression.grid.known, full=True)
    own = [p for p in predicates if not isinstance(p, CharClass)][:4]
    for predicate in own:
        where = regression.grid.matches(predicate)
        found += _named(regression, pulls, where, full=False)
    return list(dict.fromkeys(found))


def _named(
    regression: Regression,
    pulls: Array,
    where: NDArray[np.bool_],
    *,
    full: bool,
) -> list[Context]:
    """Contexts that name a token: what stands before the unexplained tokens among ``where``."""
    grid, weights, quotable = regression.grid, regression.weights, regression.sayable
    size = len(grid.strings)
    found: list[Context] = []
    pull, mass = np.zeros(size), np.zeros(size)
    count = PREVIOUS_TRIED if full else PREVIOUS_TRIED // 2
    for back in range(1, max(DISTANCES) + 1):
        if back >= grid.shape[1]:
            break
        later = where[:, back:]
        before = grid.ids[:, :-back][later]
        here = np.where(quotable, sums_by(before, pulls[:, back:][later], size), 0.0)
        there = sums_by(before, weights[:, back:][later], size)
        if back == 1:
            ranked = _strongest(here, there, count)
            found += [RightAfter(p) for i in ranked for p in forms_of(grid.strings[i])]
            found += [RightAfter(Exact(texts)) for texts in _sets(grid.strings, ranked)]
            for i in _strongest(np.where(quotable, -here, 0.0), there, count // 4):
                found.append(RightAfter(Exact((grid.strings[i],)), negated=True))
        pull += here
        mass += there
        if back in DISTANCES and back >= 2:
            near = NEAR_TRIED if full else NEAR_TRIED // 2
            ranked = _strongest(pull, mass, near)
            found += [Within(back, Exact(texts)) for texts in _sets(grid.strings, ranked)]
            for i in _strongest(np.where(quotable, -pull, 0.0), mass, near // 4):
                found.append(Within(back, Exact((grid.strings[i],)), negated=True))
            found += [Within(back, p) for i in ranked for p in forms_of(grid.strings[i])]
    for i in _strongest(*_line_starts(regression, pulls, where), LINE_TRIED):
        found += [LineStartsWith(p) for p in forms_of(grid.strings[i])]
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
    pull = sums_by(starts, pulls[use], len(grid.strings))
    mass = sums_by(starts, regression.weights[use], len(grid.strings))
    return np.where(regression.sayable, pull, 0.0), mass


def _strongest(pull: Array, mass: Array, count: int) -> list[int]:
    gains = np.where((pull > 0) & (mass > 0), pull * pull / np.maximum(mass, 1e-300), 0.0)
    order = np.argsort(-gains, kind="stable")[:count]
    return [int(i) for i in order if gains[i] > 0]


@dataclass(frozen=True, slots=True)
class _Held:
    """Contexts with where they hold, [contexts, tokens] float32."""

    contexts: Sequence[Context]
    masks: NDArray[np.float32]
    symbols: NDArray[np.int64]

    @classmethod
    def of(cls, contexts: Sequence[Context], grid: TokenGrid) -> _Held:
        masks = np.empty((len(contexts), grid.ids.size), dtype=np.float32)
        for i, context in enumerate(contexts):
            masks[i] = grid.holds(context).reshape(-1)
        return cls(contexts, masks, np.array([context_symbols(c) for c in contexts], np.int64))

    def extend(
        self, clauses: Sequence[Clause], regression: Regression, pulls: Array, price: float
    ) -> list[Candidate]:
        """The best of every clause with every further context: one matrix product for all."""
        if not clauses or not len(self.contexts):
            return []
        where = np.stack([clause_mask(c, regression.grid).reshape(-1) for c in clauses], axis=1)
        used = np.flatnonzero(where.any(axis=1))
        where = where[used].astype(np.float32)
        flat_pull = pulls.reshape(-1)[used, None].astype(np.float32) * where
        flat_mass = regression.weights.reshape(-1)[used, None].astype(np.float32) * where
        held = self.masks if len(used) == self.masks.shape[1] else self.masks[:, used]
        both = (held @ np.concatenate([flat_pull, flat_mass], axis=1)).astype(np.float64)
        pull, mass = both[:, : len(clauses)], both[:, len(clauses) :]
        gains = _gains(pull, mass, float(regression.weights.sum()))
        # A context that excludes nothing explains nothing.
        gains[mass > 0.995 * flat_mass.sum(axis=0, dtype=np.float64)] = 0.0
        own = np.array([c.symbols for c in clauses])
        nets = np.where(gains > 0, gains - price * (own + self.symbols[:, None]), -np.inf)
        best = np.argsort(-nets, axis=None, kind="stable")[:KEPT]
        found = []
        for i, j in zip(*np.unravel_index(best, nets.shape), strict=True):
            clause, context = clauses[int(j)], self.contexts[int(i)]
            if np.isfinite(nets[i, j]) and context not in clause.contexts:
                grown = Clause(clause.predicate, (*clause.contexts, context))
                found.append(Candidate(grown, float(gains[i, j]), float(nets[i, j])))
        return found
