"""Text as the words that a search compares: made here, so that every database finds the same.

A word is a run of letters and digits. Symbols such as emoji, and the signs of scripts that write
no spaces between words (Chinese, Japanese), are words by themselves. Capitals and accents do not
count. Databases see each word as a code of ``a-z``, ``0-9`` and ``_``, which no tokenizer takes
apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 100
"""Words are told apart by so many characters."""
MOST_WORDS = 10_000
"""Of longer texts only so many words are found (PostgreSQL counts no further than 16,383)."""
MOST_CODE = 500_000
"""And only so many characters of their codes (PostgreSQL takes a million)."""
MOST_OF_A_WORD = 200
"""A word that comes more often in a text is not found beyond (PostgreSQL keeps 255 places)."""
LEFT_OUT = "_"
"""Stands where a word was left out; the code of no word."""

_PLAIN = re.compile("[A-Za-z0-9]+")
_UNCODED = re.compile("[^a-z0-9]")
_SPACELESS = (
    *((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


class Word(NamedTuple):
    """A word of a text, from ``start`` to ``end``."""

    start: int
    end: int
    code: str


def words_of(text: str) -> list[Word]:
    """The words of ``text`` in order."""
    found = (Word(start, end, _code(text[start:end])) for start, end in _spans(text))
    return [word for word in found if word.code]


def stored_words(text: str) -> list[str]:
    """The codes of the words that are kept of ``text``, :data:`LEFT_OUT` where one is not."""
    kept: list[str] = []
    seen: Counter[str] = Counter()
    size = 0
    for word in words_of(text)[:MOST_WORDS]:
        size += len(word.code) + 1
        if size > MOST_CODE:
            break
        seen[word.code] += 1
        kept.append(word.code if seen[word.code] <= MOST_OF_A_WORD else LEFT_OUT)
    return kept


def as_tsvector(codes: list[str]) -> str:
    """What :func:`stored_words` gave, as PostgreSQL writes a ``tsvector``."""
    places: dict[str, list[str]] = {}
    for place, code in enumerate(codes, 1):
        if code != LEFT_OUT:
            places.setdefault(code, []).append(str(place))
    return " ".join(f"'{code}':{','.join(at)}" for code, at in places.items())


def _spans(text: str) -> Iterator[tuple[int, int]]:
    if text.isascii():
        yield from (found.span() for found in _PLAIN.finditer(text))
        return
    start: int | None = None
    for at, character in enumerate(text):
        alone = _stands_alone(character)
        if start is not None:
            if not alone and (character.isalnum() or unicodedata.category(character)[0] == "M"):
                continue
            yield start, at
            start = None
        if alone:
            yield at, at + 1
        elif character.isalnum():
            start = at
    if start is not None:
        yield start, len(text)


def _stands_alone(character: str) -> bool:
    if character.isascii():
        return False
    number = ord(character)
    return unicodedata.category(character) == "So" or any(
        first <= number <= last for first, last in _SPACELESS
    )


def _code(word: str) -> str:
    """The code of a word; that of its beginning is the beginning of its code."""
    if not word.isascii():
        apart = unicodedata.normalize("NFKD", word).casefold()
        apart = unicodedata.normalize("NFKD", apart)
        word = "".join(c for c in apart if not unicodedata.combining(c))
    return _UNCODED.sub(lambda found: f"_{ord(found[0]):x}_", word.lower()[:LONGEST])
