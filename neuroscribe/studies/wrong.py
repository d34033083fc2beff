"""Explanations that are wrong in one known way each, made from a true one.

Each kind stands for a mistake that explainers make: see :data:`KINDS`. ``found`` is made by nobody
here: it is what an explainer says of the same unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from core.patterns import (
    MAX_CONTEXTS,
    CharClass,
    CharClassName,
    Clause,
    Context,
    Exact,
    Inside,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    render,
)

Kind = Literal["other", "broader", "narrower", "one_of_two", "late", "negation", "found"]
KINDS: Final[dict[Kind, str]] = {
    "other": "another unit's explanation",
    "broader": "contexts dropped, or the kind of token widened",
    "narrower": "one context too many",
    "one_of_two": "one of several meanings",
    "late": "the token after the right one",
    "negation": "everywhere but there",
    "found": "what the explainer says (.5: as good as the truth)",
}
EXTRA: Final[tuple[Context, ...]] = (
    Within(4, CharClass("punctuation")),
    Within(12, CharClass("newline")),
    Within(6, CharClass("capitalised")),
    SeenBefore(),
    Inside("brackets"),
    Within(2, CharClass("lowercase")),
)
LEAST_KEPT, MOST_KEPT = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong explanation. ``inverted``: what the sentence says is turned round (10 - p)."""

    kind: Kind
    pattern: Pattern
    inverted: bool = False

    @property
    def text(self) -> str:
        """What a language model would read."""
        said = render(self.pattern)
        if not self.inverted:
            return said
        return f"Fires everywhere except where this holds: {said}"


def wrong_explanations(
    true: Pattern, others: Sequence[Pattern], kept: Callable[[Pattern], float]
) -> list[Wrong]:
    """Every kind that this truth has; ``others`` are truths of other units, nearest first.

    ``kept`` tells which share of the truth's tokens a narrower pattern keeps: one that keeps nearly
    all of them or next to none is no narrower explanation, so the kind is left out.
    """
    made: list[Wrong] = []
    different = [other for other in others if other != true]
    if different:
        made.append(Wrong("other", different[0]))
    if (wide := _broader(true)) != true:
        made.append(Wrong("broader", wide))
    narrow = min((_narrower(true, context) for context in EXTRA), key=lambda p: abs(kept(p) - 0.5))
    if LEAST_KEPT <= kept(narrow) <= MOST_KEPT:
        made.append(Wrong("narrower", narrow))
    if len(true.clauses) > 1:
        strongest = max(true.clauses, key=lambda clause: clause.strength)
        made.append(Wrong("one_of_two", Pattern((strongest,))))
    late = Pattern(
        tuple(
            Clause(CharClass("any"), (RightAfter(c.predicate),), c.strength) for c in true.clauses
        )
    )
    made.append(Wrong("late", late))
    made.append(Wrong("negation", true, inverted=True))
    return made


def _broader(true: Pattern) -> Pattern:
    """Without contexts where there are any, else with a wider kind of token in the first clause."""
    if any(clause.contexts for clause in true.clauses):
        return Pattern(tuple(replace(clause, contexts=()) for clause in true.clauses))
    first, *rest = true.clauses
    return Pattern((replace(first, predicate=_wider(first.predicate)), *rest))


def _wider(predicate: TokenPredicate) -> TokenPredicate:
    match predicate:
        case Exact(texts):
            return _class_of(texts[0])
        case Word(text) | Prefix(text) | Suffix(text):
            return _class_of(text)
        case CharClass():
            return CharClass("any")


def _class_of(text: str) -> CharClass:
    """The character class that a token of this text has."""
    plain = text.strip()
    name: CharClassName = "punctuation"
    if not plain:
        name = "whitespace"
    elif plain.isdigit():
        name = "digits"
    elif any(c.isalpha() for c in plain):
        name = "lowercase" if plain == plain.lower() else "capitalised"
    return CharClass(name)


def _narrower(true: Pattern, context: Context) -> Pattern:
    """With this context as well in every clause that has room for it."""
    return Pattern(
        tuple(
            clause
            if len(clause.contexts) == MAX_CONTEXTS or context in clause.contexts
            else replace(clause, contexts=(*clause.contexts, context))
            for clause in true.clauses
        )
    )
