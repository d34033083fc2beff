"""What a person types to search, read: words, ``"phrases"``, ``-without`` and ``beginn*``.

All words are required. What is written together (``near-miss``, ``don't``) is a phrase. Any text
can be typed: a quote that is left open ends with the text, and nothing else has a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import InvalidSetting
from storage.words import Word, words_of

MOST_TYPED = 10_000
MOST_WORDS = 64
_QUOTES = '"“”„'
_TYPED = re.compile(rf"(-*)(?:[{_QUOTES}]([^{_QUOTES}]*)(?:[{_QUOTES}]|$)|([^\s{_QUOTES}]+))")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; with ``prefix`` the last may go on."""

    codes: tuple[str, ...]
    prefix: bool = False

    def places(self, words: Sequence[Word]) -> Iterator[range]:
        """Where it is found in ``words``."""
        length = len(self.codes)
        for start in range(len(words) - length + 1):
            last = words[start + length - 1].code
            fits = last.startswith(self.codes[-1]) if self.prefix else last == self.codes[-1]
            before = zip(self.codes[:-1], words[start : start + length - 1], strict=True)
            if fits and all(code == word.code for code, word in before):
                yield range(start, start + length)

    def fts5(self) -> str:
        """As SQLite's FTS5 reads it."""
        return f'"{" ".join(self.codes)}"' + (" *" if self.prefix else "")

    def tsquery(self) -> str:
        """As PostgreSQL reads a ``tsquery``."""
        phrase = " <-> ".join(f"'{code}'" for code in self.codes)
        return f"({phrase}{':*' if self.prefix else ''})"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Terms that a text must all hold, and terms of which it must hold none."""

    required: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()

    @property
    def together(self) -> Term | None:
        """All that is required, side by side as it was typed; ``None`` where that says no more."""
        if len(self.required) < 2 or any(term.prefix for term in self.required[:-1]):
            return None
        codes = tuple(code for term in self.required for code in term.codes)
        return Term(codes, self.required[-1].prefix)


def read_query(text: str) -> SearchQuery:
    """``text`` as a query, an empty one if it is blank.

    :class:`InvalidSetting` when it is too long, or when it holds no word at all.
    """
    if len(text) > MOST_TYPED:
        raise InvalidSetting(
            f"a search of {len(text):,} characters is too long", f"{MOST_TYPED:,} are the most"
        )
    required: list[Term] = []
    excluded: list[Term] = []
    for without, phrase, word in _TYPED.findall(text):
        if term := _term(word or phrase, ends_open=bool(word)):
            (excluded if without else required).append(term)
    count = sum(len(term.codes) for term in (*required, *excluded))
    if not count and text.strip():
        raise InvalidSetting(
            f"{_short(text)!r} holds no word to search for", "a word has letters or digits"
        )
    if count > MOST_WORDS:
        raise InvalidSetting(
            f"a search of {count:,} words ({_short(text)!r}) is too long",
            f"{MOST_WORDS} are the most",
        )
    return SearchQuery(tuple(required), tuple(excluded))


def _term(typed: str, *, ends_open: bool) -> Term | None:
    words = words_of(typed)
    if not words:
        return None
    bare = typed.rstrip("*")
    prefix = ends_open and bare != typed and words[-1].end == len(bare)
    return Term(tuple(word.code for word in words), prefix)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
