"""The nouns of the pattern language: what a sentence can say.

A :class:`Pattern` is a sum of one to six :class:`Clause` s. A clause names one kind of token (a
:data:`TokenPredicate`), up to three :data:`Context` s that must all hold where the token stands,
and a strength from 1 to 10. The prediction for a token is ``min(10, sum of the strengths of the
clauses that match it)``, on the 0-10 scale of every other simulator.

Everything here is a frozen dataclass: hashable, so it serves as a cache key, and checked when it is
made, so whatever exists can be rendered, parsed back and evaluated.

**Stripped** below means ``token.strip()``: without white space at either end. The exact reading of
each word (what counts as inside quotes, which token starts a line) is fixed in
:mod:`core.patterns.lexing` and by the docstrings here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from core.errors import PatternSyntaxError

MAX_CLAUSES: Final = 6
MAX_CONTEXTS: Final = 3
MAX_STRENGTH: Final = 10
MAX_WITHIN: Final = 16
SCALE: Final = 10
"""Predictions run from 0 to this."""

CharClassName = Literal[
    "any",
    "digits",
    "capitalised",
    "capitals",
    "lowercase",
    "punctuation",
    "whitespace",
    "newline",
    "indentation",
]
InsideKind = Literal["quotes", "brackets", "comment", "docstring"]

CHAR_CLASSES: Final[tuple[CharClassName, ...]] = get_args(CharClassName)
INSIDE_KINDS: Final[tuple[InsideKind, ...]] = get_args(InsideKind)


@dataclass(frozen=True, slots=True)
class Exact:
    """One of these token strings, character for character, spaces included."""

    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.texts, tuple) or not self.texts:
            raise PatternSyntaxError(
                f"an exact token needs a non-empty tuple of texts, not {self.texts!r}"
            )
        for text in self.texts:
            _check_text(text)
        if len(set(self.texts)) != len(self.texts):
            raise PatternSyntaxError(f"a token is listed twice in {_short(self.texts)}")


@dataclass(frozen=True, slots=True)
class Word:
    """A token that is this word in any letter case: ``token.strip().lower() == text``."""

    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not self.text or case_free_form(self.text) != self.text:
            raise PatternSyntaxError(
                f"a word is lower-case and has no white space round it, unlike {_short(self.text)}",
                f"write {case_free_form(self.text)!r}" if self.text.strip() else "",
            )


@dataclass(frozen=True, slots=True)
class Prefix:
    """The stripped token starts with this text; letter case counts."""

    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not self.text or self.text.lstrip() != self.text:
            raise PatternSyntaxError(
                f"a prefix is not empty and starts with no white space, unlike {_short(self.text)}"
            )


@dataclass(frozen=True, slots=True)
class Suffix:
    """The stripped token ends with this text; letter case counts."""

    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if not self.text or self.text.rstrip() != self.text:
            raise PatternSyntaxError(
                f"a suffix is not empty and ends with no white space, unlike {_short(self.text)}"
            )


@dataclass(frozen=True, slots=True)
class CharClass:
    """A kind of token, told by its characters.

    ``any``          every token
    ``digits``       stripped, only decimal digits: ``" 42"``
    ``capitalised``  stripped, starts with a capital letter, and is not ``capitals``: ``" The"``,
                     ``"I"``, ``"HashMap"``
    ``capitals``     at least two capital letters and no lower-case letter: ``"HTTP2"``, ``" A_B"``
    ``lowercase``    at least one lower-case letter and no capital: ``" the"``, ``"x1"``
    ``punctuation``  stripped, only punctuation and symbols (Unicode P and S): ``" +="``, ``"):"``
    ``whitespace``   only white space, at least one character
    ``newline``      holds a line feed anywhere: ``"):\\n"``
    ``indentation``  ends in spaces or tabs that begin a line: a token of spaces and tabs with
                     nothing visible before it on its line, or any token whose last line feed is
                     followed by spaces and tabs only, at least one. The start of the excerpt counts
                     as the start of a line.
    """

    name: CharClassName

    def __post_init__(self) -> None:
        if self.name not in CHAR_CLASSES:
            raise PatternSyntaxError(
                f"no character class is called {_short(self.name)}",
                f"one of {', '.join(CHAR_CLASSES)}",
            )


TokenPredicate: TypeAlias = Exact | Word | Prefix | Suffix | CharClass


@dataclass(frozen=True, slots=True)
class RightAfter:
    """The token just before satisfies the predicate; false at the first position."""

    predicate: TokenPredicate
    negated: bool = False

    def __post_init__(self) -> None:
        _check_predicate(self.predicate)
        _check_flag(self.negated)


@dataclass(frozen=True, slots=True)
class Within:
    """One of the ``tokens`` tokens before this one (itself excluded) satisfies the predicate."""

    tokens: int
    predicate: TokenPredicate
    negated: bool = False

    def __post_init__(self) -> None:
        _check_whole(self.tokens, MAX_WITHIN, "a distance in tokens")
        _check_predicate(self.predicate)
        _check_flag(self.negated)


@dataclass(frozen=True, slots=True)
class LineStartsWith:
    """The first visible token of the line satisfies the predicate, and stands before this one.

    A token is on the line on which its first character stands, so ``"):\\n"`` is on the line that
    it ends. False (and its negation true) for the line's first visible token itself and for the
    white space before it. The first line of an excerpt may have begun earlier than the excerpt:
    it counts from the excerpt's start, as a model that sees only the excerpt must count.
    """

    predicate: TokenPredicate
    negated: bool = False

    def __post_init__(self) -> None:
        _check_predicate(self.predicate)
        _check_flag(self.negated)


@dataclass(frozen=True, slots=True)
class Inside:
    """The token begins inside quotes, brackets, a comment or a docstring.

    Decided by what precedes the token, so the mark that opens is outside and the mark that closes
    is inside: see :mod:`core.patterns.lexing`.
    """

    kind: InsideKind
    negated: bool = False

    def __post_init__(self) -> None:
        if self.kind not in INSIDE_KINDS:
            raise PatternSyntaxError(
                f"a token cannot be inside {_short(self.kind)}", f"one of {', '.join(INSIDE_KINDS)}"
            )
        _check_flag(self.negated)


@dataclass(frozen=True, slots=True)
class SeenBefore:
    """The same token string stands earlier in the excerpt."""

    negated: bool = False

    def __post_init__(self) -> None:
        _check_flag(self.negated)


@dataclass(frozen=True, slots=True)
class FirstPosition:
    """The token is the excerpt's first."""

    negated: bool = False

    def __post_init__(self) -> None:
        _check_flag(self.negated)


Context: TypeAlias = RightAfter | Within | LineStartsWith | Inside | SeenBefore | FirstPosition


@dataclass(frozen=True, slots=True)
class Clause:
    """A kind of token, where it must stand, and how strongly the unit then fires (1-10)."""

    predicate: TokenPredicate
    contexts: tuple[Context, ...] = ()
    strength: int = MAX_STRENGTH

    def __post_init__(self) -> None:
        _check_predicate(self.predicate)
        if not isinstance(self.contexts, tuple) or not all(
            isinstance(context, Context) for context in self.contexts
        ):
            raise PatternSyntaxError(f"contexts come as a tuple, not {_short(self.contexts)}")
        if len(self.contexts) > MAX_CONTEXTS:
            raise PatternSyntaxError(
                f"a clause has at most {MAX_CONTEXTS} contexts, not {len(self.contexts)}"
            )
        if len(set(self.contexts)) != len(self.contexts):
            raise PatternSyntaxError("a clause names one context twice")
        _check_whole(self.strength, MAX_STRENGTH, "a strength")

    @property
    def symbols(self) -> int:
        """Atoms in the clause; see :attr:`Pattern.symbols`."""
        return predicate_symbols(self.predicate) + sum(map(context_symbols, self.contexts))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A whole explanation: predicts ``min(10, sum of the strengths of its matching clauses)``."""

    clauses: tuple[Clause, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.clauses, tuple) or not all(
            isinstance(clause, Clause) for clause in self.clauses
        ):
            raise PatternSyntaxError(f"clauses come as a tuple, not {_short(self.clauses)}")
        if not 1 <= len(self.clauses) <= MAX_CLAUSES:
            raise PatternSyntaxError(
                f"a pattern has 1 to {MAX_CLAUSES} clauses, not {len(self.clauses)}"
            )

    @property
    def symbols(self) -> int:
        """Length of the explanation, in atoms: what a token list of equal length is measured by.

        Each exact string counts one, each other predicate one, each context one and besides it the
        atoms of the predicate within it. Strengths and negations are not counted: in the token list
        that stands beside a score, every entry carries a value of its own too, which is not counted
        either.
        """
        return sum(clause.symbols for clause in self.clauses)


def predicate_symbols(predicate: TokenPredicate) -> int:
    """Atoms of a predicate: the number of its strings if it is exact, else one."""
    return len(predicate.texts) if isinstance(predicate, Exact) else 1


def context_symbols(context: Context) -> int:
    """Atoms of a context: one, and those of the predicate within it."""
    match context:
        case RightAfter(predicate) | Within(_, predicate) | LineStartsWith(predicate):
            return 1 + predicate_symbols(predicate)
        case _:
            return 1


def case_free_form(token: str) -> str:
    """The form that :class:`Word` compares: stripped and in lower case."""
    return token.strip().lower()


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise PatternSyntaxError(f"a token text is a string, not {_short(text)}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise PatternSyntaxError(
            f"the text {_short(text)} holds half a surrogate pair, which no UTF-8 text can"
        ) from None


def _check_predicate(predicate: object) -> None:
    if not isinstance(predicate, TokenPredicate):
        raise PatternSyntaxError(f"expected a token predicate, not {_short(predicate)}")


def _check_flag(negated: object) -> None:
    if not isinstance(negated, bool):
        raise PatternSyntaxError(f"negated is True or False, not {_short(negated)}")


def _check_whole(value: object, most: int, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise PatternSyntaxError(f"{name} is a whole number from 1 to {most}, not {_short(value)}")


def _short(value: object) -> str:
    """``repr`` in ASCII, cut to what fits on a line."""
    shown = ascii(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
