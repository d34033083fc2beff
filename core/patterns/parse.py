r"""From a sentence back to its pattern.

``render`` writes one space between words and strings and none before ``, ; . /``; ``parse`` takes
any white space there, none at all round those four marks, and any JSON escape in a string. The
grammar:

.. code-block:: text

    pattern    = "Fires" clause { "; plus" clause } "."            (at most 6 clauses)
    clause     = strength "/10 on" predicate [ contexts ]
    contexts   = context                                           (at most 3, no two alike)
               | context { "," context } "and" context
    context    = [ "not" ] place
    place      = "right after" predicate
               | "within 1 token after" predicate
               | "within" distance "tokens after" predicate
               | "on a line starting with" predicate
               | "inside quotes" | "inside brackets"
               | "inside a comment" | "inside a docstring"
               | "seen before in the excerpt"
               | "at the first position"
    predicate  = "the token" string
               | "the tokens" string { "," string } "or" string    (no two alike)
               | "the word" string "in any letter case"
               | "a token starting with" string
               | "a token ending with" string
               | "any token" | "digits" | "punctuation" | "white space"
               | "indentation"
               | "a capitalised token" | "a lower-case token" | "a token in capitals"
               | "a token with a newline"
    strength   = "1" ... "10"
    distance   = "2" ... "16"
    string     = a JSON string

One reading: no phrase of ``predicate`` or ``place`` is the beginning of another that could go on in
its place; a list of strings ends at its "or" and a list of contexts at its "and"; strings are read
before words, so no text inside quotes can be taken for grammar. Contexts belong to the clause,
never to the predicate inside another context, which takes none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from core.errors import PatternSyntaxError
from core.patterns.language import (
    CharClass,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
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
from core.patterns.render import CLASS_PHRASES, INSIDE_PHRASES

_T = TypeVar("_T")

_HINT: Final = 'a sentence looks like: Fires 8/10 on the token " def" not inside quotes.'
_LEXEME: Final = re.compile(
    r'(?P<space>\s+)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z-]+|[0-9]+)|(?P<mark>[,;./])',
    re.DOTALL,
)

_CLASSES: Final = {tuple(phrase.split()): name for name, phrase in CLASS_PHRASES.items()}
_KINDS: Final = {tuple(phrase.split()): kind for kind, phrase in INSIDE_PHRASES.items()}


class _Lexeme(NamedTuple):
    kind: str  # "word", "mark", "string" or "end"
    text: str
    position: int  # of its first character, counted from 0


def parse(text: str) -> Pattern:
    """The pattern that the sentence says.

    Raises:
        PatternSyntaxError: the text is no sentence of the language; the one-line message says what
            was expected and at which character (counted from 1).
    """
    return _Parser(text).pattern()


class _Parser:
    """Reads left to right and never goes back further than one phrase."""

    def __init__(self, text: str) -> None:
        self._lexemes = list(_lexemes(text))
        self._next = 0

    def pattern(self) -> Pattern:
        start = self._here
        self._need("Fires")
        clauses = [self._clause()]
        while self._take(";"):
            self._need("plus")
            clauses.append(self._clause())
        self._need(".")
        if self._here.kind != "end":
            raise self._wrong("the end of the sentence")
        return _checked(start, lambda: Pattern(tuple(clauses)))

    def _clause(self) -> Clause:
        start = self._here
        strength = self._number("a strength from 1 to 10")
        for word in ("/", "10", "on"):
            self._need(word)
        predicate = self._predicate()
        contexts = self._contexts() if self._here.text not in (";", ".", "") else ()
        return _checked(start, lambda: Clause(predicate, contexts, strength))

    def _contexts(self) -> tuple[Context, ...]:
        found = [self._context()]
        while self._take(","):
            found.append(self._context())
        if len(found) > 1:
            self._need("and")
            found.append(self._context())
        elif self._take("and"):
            found.append(self._context())
        return tuple(found)

    def _context(self) -> Context:
        negated = self._take("not")
        kind = self._phrase(_KINDS)
        if kind is not None:
            return Inside(kind, negated)
        if self._take("right", "after"):
            return RightAfter(self._predicate(), negated)
        if self._take("within"):
            start = self._here
            distance = self._number("a number of tokens from 1 to 16")
            self._need("token" if distance == 1 else "tokens")
            self._need("after")
            predicate = self._predicate()
            return _checked(start, lambda: Within(distance, predicate, negated))
        if self._take("on", "a", "line", "starting", "with"):
            return LineStartsWith(self._predicate(), negated)
        if self._take("seen", "before", "in", "the", "excerpt"):
            return SeenBefore(negated)
        if self._take("at", "the", "first", "position"):
            return FirstPosition(negated)
        raise self._wrong('a context such as "inside quotes" or "right after ..."')

    def _predicate(self) -> TokenPredicate:
        name = self._phrase(_CLASSES)
        if name is not None:
            return CharClass(name)
        if self._take("the", "tokens"):
            return self._exact_tokens()
        start = self._here
        if self._take("the", "token"):
            text = self._string()
            return _checked(start, lambda: Exact((text,)))
        if self._take("the", "word"):
            start = self._here
            text = self._string()
            for word in ("in", "any", "letter", "case"):
                self._need(word)
            return _checked(start, lambda: Word(text))
        if self._take("a", "token", "starting", "with"):
            start = self._here
            text = self._string()
            return _checked(start, lambda: Prefix(text))
        if self._take("a", "token", "ending", "with"):
            start = self._here
            text = self._string()
            return _checked(start, lambda: Suffix(text))
        raise self._wrong('a kind of token such as "the token ..." or "digits"')

    def _exact_tokens(self) -> Exact:
        start = self._here
        texts = [self._string()]
        while self._take(","):
            texts.append(self._string())
        self._need("or")
        texts.append(self._string())
        return _checked(start, lambda: Exact(tuple(texts)))

    @property
    def _here(self) -> _Lexeme:
        return self._lexemes[self._next]

    def _take(self, *words: str) -> bool:
        """Step over these words if all of them come next."""
        found = self._lexemes[self._next : self._next + len(words)]
        if [lexeme.text for lexeme in found if lexeme.kind in ("word", "mark")] != list(words):
            return False
        self._next += len(words)
        return True

    def _phrase(self, phrases: Mapping[tuple[str, ...], _T]) -> _T | None:
        for words, meaning in phrases.items():
            if self._take(*words):
                return meaning
        return None

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._wrong(f'"{word}"')

    def _number(self, expected: str) -> int:
        text = self._here.text
        if self._here.kind != "word" or not re.fullmatch(r"[1-9][0-9]?", text):
            raise self._wrong(expected)
        self._next += 1
        return int(text)

    def _string(self) -> str:
        lexeme = self._here
        if lexeme.kind != "string":
            raise self._wrong("a text in double quotes")
        self._next += 1
        try:
            value = json.loads(lexeme.text)
        except json.JSONDecodeError as error:
            reason = error.msg.removesuffix(" at")
            raise _error(f"no JSON string: {reason!r}", lexeme.position + error.pos) from None
        assert isinstance(value, str)
        return value

    def _wrong(self, expected: str) -> PatternSyntaxError:
        found = "the text ends" if self._here.kind == "end" else f"found {_shown(self._here.text)}"
        return _error(f"expected {expected}, {found}", self._here.position)


def _lexemes(text: str) -> Iterator[_Lexeme]:
    position = 0
    before = "space"
    while position < len(text):
        found = _LEXEME.match(text, position)
        if found is None:
            if text[position] == '"':
                raise _error("these quotes are never closed", position)
            raise _error(f"no sentence holds {_shown(text[position])} here", position)
        kind = found.lastgroup or ""
        if {before, kind} <= {"word", "string"}:
            raise _error(f"expected a space before {_shown(found.group())}", position)
        before = kind
        if kind != "space":
            yield _Lexeme(kind, found.group(), position)
        position = found.end()
    yield _Lexeme("end", "", len(text))


def _checked(start: _Lexeme, make: Callable[[], _T]) -> _T:
    """``make()``, with the place in the sentence added to whatever it objects to."""
    try:
        return make()
    except PatternSyntaxError as error:
        raise _error(error.message, start.position, error.hint) from None


def _error(message: str, position: int, hint: str = "") -> PatternSyntaxError:
    return PatternSyntaxError(f"{message}, at character {position + 1}", hint or _HINT)


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 40 else shown[:37] + "..."
