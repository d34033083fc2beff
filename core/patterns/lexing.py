r"""Where a token stands: quotes, brackets, comments, docstrings and lines, read left to right.

A causal model sees what precedes, so everything here is decided by the characters *before* the
token's first character, and by the excerpt alone. One rule follows for all four kinds of
:class:`~core.patterns.language.Inside`: **the mark that opens is outside, the mark that closes is
inside**, and a token that holds the opening mark and more (``"(x"``) is outside, since it began
outside. Tokens may hold several characters (``"):\n"``), so it is characters that are read.

- **Quotes**: from ``"`` or ``'`` to the same mark, or to the end of the line. A backslash guards
  the next character. ``'`` does not open right after a letter, digit or underscore (``don't``,
  ``dogs'``), unless those are a string prefix (``f'``, ``rb'``), and it does not close when a
  letter or digit follows (``'I don't know'``; up to that letter the quote counts as closed).
- **Docstring**: from three equal marks to the next three, over line ends. Each of the closing marks
  is inside. Three marks that come one a token read as an opened quote, then an empty string, then a
  docstring. A docstring is not also "quotes".
- **Comment**: from ``#`` (outside quotes and docstrings) to the line feed, which is inside.
  Headings in Markdown count as well.
- **Brackets**: inside any open ``(``, ``[`` or ``{``, over line ends; the kind of the closing
  bracket is not checked. Inside quotes, comments and docstrings the outer brackets stay open, and a
  bracket opened there is forgotten where they end (so ``"("`` in a string opens nothing).
- **Line**: see :class:`~core.patterns.language.LineStartsWith`. Only the line feed ends one.

An excerpt that starts in the middle of a docstring, a string or a bracket cannot know it: it is
read as if nothing were open, and the docstring's closing marks then *open* one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.patterns.language import InsideKind

Mode = Literal["plain", "quotes", "comment", "docstring"]

_STRING_PREFIXES: Final = frozenset({"r", "b", "f", "u", "rb", "br", "fr", "rf"})
_NO_PREFIX: Final = "word"

BLANK_BIT: Final = 16
INSIDE_BITS: Final[dict[InsideKind, int]] = {
    "quotes": 1,
    "brackets": 2,
    "comment": 4,
    "docstring": 8,
}


class LexState(NamedTuple):
    """What the characters so far have left open. Small and hashable, so steps can be remembered."""

    mode: Mode = "plain"
    mark: str = ""
    """The mark that closes: of the open quotes or docstring, or of those just closed."""
    empty: bool = False
    """In quotes: nothing has come yet. In plain: an empty string has just been closed."""
    perhaps_apostrophe: bool = False
    """In plain: a ``'`` has just closed a quote after a letter; a letter now would reopen it."""
    escaped: bool = False
    run: int = 0
    """In a docstring: how many closing marks stand in a row."""
    outer: int = 0
    """Brackets open in the text itself."""
    inner: int = 0
    """Brackets opened inside the present quotes, comment or docstring."""
    tail: str = ""
    """Empty unless the last character was a letter, digit or underscore; then the string prefix
    that those at the end make up, or "word" if they make up none."""

    @property
    def inside(self) -> int:
        """Sum of :data:`INSIDE_BITS` for a token that begins here."""
        bits = 0 if self.mode == "plain" else INSIDE_BITS[self.mode]
        depth = self.outer + (0 if self.mode == "plain" else self.inner)
        return bits | (INSIDE_BITS["brackets"] if depth else 0)


def advance(state: LexState, text: str) -> LexState:
    """The state after ``text``, one character at a time."""
    for character in text:
        step = _in_plain if state.mode == "plain" else _in_region
        state = step(state, character)
        tail = _tail(state.tail, character)
        if tail != state.tail:
            state = state._replace(tail=tail)
    return state


def _tail(tail: str, character: str) -> str:
    if not (character.isalnum() or character == "_"):
        return ""
    # Every beginning of a prefix is a prefix, so what is none can never grow into one.
    word = tail + character.lower()
    return word if word in _STRING_PREFIXES else _NO_PREFIX


def _in_plain(state: LexState, character: str) -> LexState:
    if state.empty and character == state.mark:
        return state._replace(mode="docstring", empty=False, inner=0, run=0)
    if state.perhaps_apostrophe and character.isalnum():
        return state._replace(mode="quotes", perhaps_apostrophe=False)
    if state.empty or state.perhaps_apostrophe:
        state = state._replace(empty=False, perhaps_apostrophe=False)
    if character == "#":
        return state._replace(mode="comment", inner=0)
    if character == '"' or (
        character == "'" and (not state.tail or state.tail in _STRING_PREFIXES)
    ):
        return state._replace(mode="quotes", mark=character, empty=True, inner=0)
    if character in "([{":
        return state._replace(outer=state.outer + 1)
    if character in ")]}":
        return state._replace(outer=max(0, state.outer - 1))
    return state


def _in_region(state: LexState, character: str) -> LexState:
    """Inside quotes, a comment or a docstring."""
    if state.escaped:
        return state._replace(escaped=False, empty=False)
    if character == "\\" and state.mode != "comment":
        return state._replace(escaped=True, empty=False, run=0)
    if character == "\n" and state.mode != "docstring":
        return state._replace(mode="plain", empty=False)
    if character == state.mark and state.mode == "quotes":
        return state._replace(
            mode="plain", perhaps_apostrophe=character == "'" and bool(state.tail)
        )
    if character == state.mark and state.mode == "docstring":
        if state.run == 2:
            return state._replace(mode="plain", run=0)
        return state._replace(run=state.run + 1)
    inner = state.inner
    if character in "([{":
        inner += 1
    elif character in ")]}":
        inner = max(0, inner - 1)
    if inner != state.inner or state.empty or state.run:
        return state._replace(inner=inner, empty=False, run=0)
    return state


class RowLexer:
    """Lexes rows of one vocabulary, and remembers every step (state, token) it has taken."""

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = strings
        self._steps: dict[tuple[LexState, int], LexState] = {}
        self._visible = [bool(text.strip()) for text in strings]
        self._last_line = [
            None if "\n" not in text else bool(text.rpartition("\n")[2].strip()) for text in strings
        ]

    def lex(self, ids: Sequence[int], flags: NDArray[np.uint8], first: NDArray[np.int32]) -> None:
        """Fill ``flags`` and ``first`` (both [tokens]) for one row of token numbers.

        ``flags`` holds the inside bits, and :data:`BLANK_BIT` where nothing visible precedes on the
        line. ``first`` is the position of the line's first visible token, or -1 before it.
        """
        state = LexState()
        line_first = -1
        for position, token in enumerate(ids):
            flags[position] = state.inside | (BLANK_BIT if line_first < 0 else 0)
            first[position] = line_first
            last_line_visible = self._last_line[token]
            if last_line_visible is not None:
                line_first = position if last_line_visible else -1
            elif line_first < 0 and self._visible[token]:
                line_first = position
            key = (state, token)
            after = self._steps.get(key)
            if after is None:
                after = self._steps[key] = advance(state, self._strings[token])
            state = after
