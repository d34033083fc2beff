"""Whether a sentence names something, told by words alone.

The rule: a text's content words are its words in lower case, without endings of inflection, less
those that say nothing of a feature (articles, prepositions, "token", "unit", ...). A sentence names
a feature when it has at least half of the content words of any text that says what the feature is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ENOUGH = 0.5
_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 3
_EMPTY = """
    a about after all also among an and any are as at be been before being but by can do does
    for from has have how if in inside into is it its more most no not of off on one only or
    other out over part so some such than that the their them then there these they this those
    through to under up was were what when where whether which while who whose will with within
    without active activation concept example examples feature features find fire fires firing
    found mention mentions mentioned neuron neurons particular property reacts something subject
    tell tells text texts token tokens unit units word words
"""
_SAYS_NOTHING = frozenset(_EMPTY.split())


def content_words(text: str) -> frozenset[str]:
    """Stems of the words that say something."""
    words = _WORD.findall(re.sub(r"(?<=\w)['’]s\b", "", text).lower())
    return frozenset(stem(word) for word in words if word not in _SAYS_NOTHING)


def stem(word: str) -> str:
    """An English word less the endings of inflection: ``rivers``, ``coded`` and ``coding`` meet."""
    if word.endswith("ies"):
        word = _without(word, "ies", "y")
    elif word.endswith("sses"):
        word = _without(word, "es")
    elif not word.endswith("ss"):
        word = _without(word, "s")
    for ending in ("ing", "ed"):
        word = _without(word, ending)
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]  # stopping, stop
    if len(word) > _SHORTEST and word[-1] in "ey":
        word = word[:-1]  # code, coding; city, cities
    return word


def _without(word: str, ending: str, instead: str = "") -> str:
    """``word`` with another ending, if that leaves enough of it."""
    left = word.removesuffix(ending)
    return left + instead if left != word and len(left) >= _SHORTEST else word


def overlap(sentence: str, texts: Iterable[str]) -> tuple[float, frozenset[str]] | None:
    """The largest share of a text's content words that a sentence has, and which these are.

    None where no text has a content word.
    """
    said = content_words(sentence)
    found: list[tuple[float, frozenset[str]]] = []
    for text in texts:
        if wanted := content_words(text):
            common = wanted & said
            found.append((len(common) / len(wanted), common))
    return max(found, key=lambda pair: pair[0], default=None)


def same_feature(one: str, other: str) -> bool:
    """Whether all content words of one text are among those of the other."""
    first, second = content_words(one), content_words(other)
    if not first or not second:
        return one.casefold() == other.casefold()
    return first <= second or second <= first
