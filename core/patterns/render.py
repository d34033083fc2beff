"""From a pattern to the one English sentence that says it; the grammar is in ``parse``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from core.patterns.language import (
    SCALE,
    CharClass,
    CharClassName,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    InsideKind,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
)

CLASS_PHRASES: Final[dict[CharClassName, str]] = {
    "any": "any token",
    "digits": "digits",
    "capitalised": "a capitalised token",
    "capitals": "a token in capitals",
    "lowercase": "a lower-case token",
    "punctuation": "punctuation",
    "whitespace": "white space",
    "newline": "a token with a newline",
    "indentation": "indentation",
}
INSIDE_PHRASES: Final[dict[InsideKind, str]] = {
    "quotes": "inside quotes",
    "brackets": "inside brackets",
    "comment": "inside a comment",
    "docstring": "inside a docstring",
}


def render(pattern: Pattern) -> str:
    """The pattern as one sentence, for which ``parse(render(pattern)) == pattern``."""
    return f"Fires {'; plus '.join(map(_clause, pattern.clauses))}."


def render_predicate(predicate: TokenPredicate) -> str:
    """The predicate as it stands in a sentence: ``the tokens "a" or "b"``."""
    match predicate:
        case Exact((text,)):
            return f"the token {quote(text)}"
        case Exact(texts):
            return f"the tokens {_listing(list(map(quote, texts)), 'or')}"
        case Word(text):
            return f"the word {quote(text)} in any letter case"
        case Prefix(text):
            return f"a token starting with {quote(text)}"
        case Suffix(text):
            return f"a token ending with {quote(text)}"
        case CharClass(name):
            return CLASS_PHRASES[name]


def render_context(context: Context) -> str:
    """The context as it stands in a sentence: ``not inside quotes``."""
    return ("not " if context.negated else "") + _plainly(context)


def quote(text: str) -> str:
    """A token's string in JSON quotes, with every character escaped that would not be seen."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in quoted)


def _clause(clause: Clause) -> str:
    words = [f"{clause.strength}/{SCALE} on {render_predicate(clause.predicate)}"]
    if clause.contexts:
        words.append(_listing(list(map(render_context, clause.contexts)), "and"))
    return " ".join(words)


def _plainly(context: Context) -> str:
    match context:
        case RightAfter(predicate):
            return f"right after {render_predicate(predicate)}"
        case Within(distance, predicate):
            unit = "token" if distance == 1 else "tokens"
            return f"within {distance} {unit} after {render_predicate(predicate)}"
        case LineStartsWith(predicate):
            return f"on a line starting with {render_predicate(predicate)}"
        case Inside(kind):
            return INSIDE_PHRASES[kind]
        case SeenBefore():
            return "seen before in the excerpt"
        case FirstPosition():
            return "at the first position"


def _listing(items: Sequence[str], conjunction: str) -> str:
    """``a``; ``a or b``; ``a, b or c``."""
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {conjunction} {items[-1]}"
