"""Compound words XY against the same X before other words and the same Y after other words.

A unit that answers to "high" or to "school" alone cannot tell the classes apart. A window ends with
its bigram and is read at its last token. ``XZ`` is the first word with another second one, ``WY``
the second word with another first one; both kinds have equal shares of the negatives.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import InvalidSetting
from core.hashing import fingerprint
from discovery.probing.builders.words import GAP, WORD
from discovery.probing.labels import Annotation, Collection, Feature, Span
from subjects.corpora.corpus import Corpus
from subjects.corpora.generated.compounds import COMPOUNDS

PAPER = (
    "mental health", "magnetic field", "trial court", "control group", "human rights",
    "north america", "clinical trials", "high school", "third party", "public health",
    "cell lines", "living room", "second derivative", "credit card", "social media",
    "prime factors", "federal government", "social security", "blood pressure",
    "gene expression", "side effects",
)  # fmt: skip
LISTS = {"paper": PAPER, "builtin": tuple(COMPOUNDS)}
"""Named lists: Table 2 of paper 001, and the compounds of the builtin corpus."""
WINDOW = 24
_GAP = re.compile(GAP)


@dataclass(frozen=True, slots=True)
class Compound:
    """Two words, as the list has them."""

    first: str
    second: str

    @property
    def name(self) -> str:
        """``first second``."""
        return f"{self.first} {self.second}"


def parse_compound(text: str) -> Compound:
    """Two words of letters with a blank or a hyphen between; raises :class:`InvalidSetting`."""
    words = re.split(r"[\s-]+", text.strip())
    if len(words) != 2 or not all(WORD.fullmatch(word) for word in words):
        raise InvalidSetting(
            f"compound {text!r} is not two words of letters", "such as 'high school'"
        )
    return Compound(*words)


def compounds(corpus: Corpus, pairs: Sequence[str] = PAPER) -> Collection:
    """Windows of 24 tokens that end with a compound of ``pairs``, or with half of one.

    A word is matched as written or with a capital first letter. Other forms of the compound itself
    (``high schools``, ``HIGH SCHOOL``) are in neither class.
    """
    found = tuple(dict.fromkeys(map(parse_compound, pairs)))
    if not found:
        raise InvalidSetting("a list of compounds is empty", "give at least one, or none for 21")
    names = [compound.name for compound in found]
    return Collection(
        name="compound-words",
        features=tuple(
            Feature(
                compound.name,
                f'the compound "{compound.name}", at its last token',
                negatives="among",
                among=f'"{compound.first}" before, and "{compound.second}" after, another word',
            )
            for compound in found
        ),
        annotations=lambda: _annotations(corpus, found),
        fingerprint=fingerprint(["compound-words", corpus.fingerprint, names]),
        reading="last",
        window=WINDOW,
        ending=True,
    )


def _annotations(corpus: Corpus, found: Sequence[Compound]) -> Iterator[Annotation]:
    finder = _Finder(found)
    for document in corpus.documents():
        positive, negative = finder.find(document.text)
        yield Annotation(document, positive, negative)


class _Finder:
    """Looks at each two neighbouring words once, however long the list is."""

    def __init__(self, compounds: Sequence[Compound]) -> None:
        self._first: dict[str, list[Compound]] = defaultdict(list)
        self._second: dict[str, list[Compound]] = defaultdict(list)
        for compound in compounds:
            for word in _as_written(compound.first):
                self._first[word].append(compound)
            for word in _as_written(compound.second):
                self._second[word].append(compound)
        either = sorted({*self._first, *self._second}, key=len, reverse=True)
        self._any = re.compile(rf"(?<!\w)(?:{'|'.join(either)})(?!\w)")

    def find(self, text: str) -> tuple[dict[str, tuple[Span, ...]], dict[str, tuple[Span, ...]]]:
        """Positive and negative spans of a text by compound."""
        positive: dict[str, list[Span]] = defaultdict(list)
        negative: dict[str, list[Span]] = defaultdict(list)
        if self._any.search(text):
            before: re.Match[str] | None = None
            for word in WORD.finditer(text):
                if before is not None and _GAP.fullmatch(text, before.end(), word.start()):
                    self._pair(before, word, positive, negative)
                before = word
        return _frozen(positive), _frozen(negative)

    def _pair(
        self,
        left: re.Match[str],
        right: re.Match[str],
        positive: dict[str, list[Span]],
        negative: dict[str, list[Span]],
    ) -> None:
        x, y = left[0], right[0]
        firsts, seconds = self._first.get(x, []), self._second.get(y, [])
        for compound in firsts:
            if compound in seconds:
                positive[compound.name].append(Span(left.start(), right.end()))
            elif not _same_word(y, compound.second):
                negative[compound.name].append(Span(left.start(), right.end(), "XZ"))
        for compound in seconds:
            if compound not in firsts and not _same_word(x, compound.first):
                negative[compound.name].append(Span(left.start(), right.end(), "WY"))


def _as_written(word: str) -> set[str]:
    return {word, word[0].upper() + word[1:]}


def _same_word(word: str, listed: str) -> bool:
    """Whether two words differ in case or in an ending of the plural only."""
    stems = [re.sub(r"(?<=.)e?s$", "", w.lower()) for w in (word, listed)]
    return word.lower() == listed.lower() or stems[0] == stems[1]


def _frozen(spans: dict[str, list[Span]]) -> dict[str, tuple[Span, ...]]:
    return {name: tuple(found) for name, found in spans.items()}
