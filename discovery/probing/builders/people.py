"""Facts about people from a label file: who is named in a text, read at the surname.

The file has rows ``name,label``: a full name and what is true of that person; several rows of one
name give several labels. Only surnames are read, so a first name gives nothing away, and negatives
are the surnames of other people of the file, so a unit for names of people does not suffice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.errors import InvalidSetting
from core.hashing import fingerprint, text_hash
from discovery.probing.builders.rows import LabelFile, read_label_file
from discovery.probing.builders.words import GAP
from discovery.probing.labels import Annotation, Collection, Feature, Span
from subjects.corpora.corpus import Corpus
from subjects.corpora.document import Document

WINDOW = 128
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Naming:
    """Which occurrences of names are used.

    Attributes:
        most: Occurrences of one name at most; which ones hangs on a hash of the place.
        drop_single: Names that occur only once in the corpus are not used.
    """

    most: int = 3
    drop_single: bool = True

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InvalidSetting(f"{self.most!r} occurrences of a name are none", "give 1 or more")


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    pattern: re.Pattern[str]
    """The full name; group 1 is the surname."""


@dataclass(frozen=True, slots=True)
class _Occurrence:
    name: str
    span: Span


def people(corpus: Corpus, file: Path, naming: Naming | None = None) -> Collection:
    """Labels of the people of ``file`` where ``corpus`` names them, in windows that end there.

    The corpus is read twice: once to count names, once for the texts. Raises
    :class:`LabelsUnusable`, which names the line, for a row without ``name`` or ``label``.
    """
    naming = naming or Naming()
    read = read_label_file(file)
    labels = _labels(read)
    known = sorted({label for found in labels.values() for label in found})
    source = _Source(corpus, labels, naming)
    return Collection(
        name="people",
        features=tuple(
            Feature(
                label,
                f"surnames of people labelled {label}",
                negatives="among",
                among="surnames of the file's other people",
            )
            for label in known
        ),
        annotations=source.annotations,
        fingerprint=fingerprint(
            ["people", corpus.fingerprint, read.digest, naming.most, naming.drop_single]
        ),
        window=WINDOW,
        ending=True,
    )


def _labels(file: LabelFile) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in file.rows:
        name = " ".join(file.text(row, "name").split())
        if not _WORD.match(name):
            raise file.fault(row.line, f"name {name!r} does not begin with a letter or digit")
        found[name].add(file.label(row))
    return {name: frozenset(labels) for name, labels in found.items()}


def _person(name: str) -> _Person:
    words = name.split()
    last = len(words) - 1
    while last > 0 and words[last].lower() in _SUFFIXES:
        last -= 1
    parts = [re.escape(word.rstrip(",") if i == last else word) for i, word in enumerate(words)]
    parts = [f"({part})" if i == last else part for i, part in enumerate(parts[: last + 1])]
    return _Person(name, re.compile(rf"(?<!\w){GAP.join(parts)}(?!\w)"))


class _Source:
    """The occurrences that are used, found once, and the documents that hold them."""

    def __init__(
        self, corpus: Corpus, labels: Mapping[str, frozenset[str]], naming: Naming
    ) -> None:
        self._corpus, self._labels, self._naming = corpus, labels, naming
        self._all = frozenset().union(*labels.values())
        self._by_first: dict[str, list[_Person]] = defaultdict(list)
        for name in sorted(labels, key=lambda name: (-len(name), name)):
            first = _WORD.match(name)
            if first is not None:
                self._by_first[first[0]].append(_person(name))

    def annotations(self) -> Iterator[Annotation]:
        chosen = self._chosen
        for number, document in enumerate(self._corpus.documents()):
            there = number in chosen
            yield self._annotation(document, chosen[number]) if there else Annotation(document, {})

    def _annotation(self, document: Document, found: list[_Occurrence]) -> Annotation:
        positive, negative = {}, {}
        for label in sorted(self._all):
            has = [label in self._labels[occurrence.name] for occurrence in found]
            positive[label] = tuple(o.span for o, yes in zip(found, has, strict=True) if yes)
            negative[label] = tuple(o.span for o, yes in zip(found, has, strict=True) if not yes)
        return Annotation(document, positive, negative)

    @cached_property
    def _chosen(self) -> dict[int, list[_Occurrence]]:
        """By document the occurrences that are used, in order of the text."""
        counts: Counter[str] = Counter()
        lowest: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
        for number, document in enumerate(self._corpus.documents()):
            for name, span in self._find(document.text):
                counts[name] += 1
                rank = text_hash("people", name, document.id, str(span.start))
                found = (rank, number, span.start, span.stop)
                lowest[name] = sorted([*lowest[name], found])[: self._naming.most]
        chosen: dict[int, list[_Occurrence]] = defaultdict(list)
        for name, places in lowest.items():
            if counts[name] > 1 or not self._naming.drop_single:
                for _, number, start, stop in places:
                    chosen[number].append(_Occurrence(name, Span(start, stop)))
        return {
            number: sorted(found, key=lambda o: o.span.start) for number, found in chosen.items()
        }

    def _find(self, text: str) -> Iterator[tuple[str, Span]]:
        """Names and their surnames' places; of names that begin alike, the longest."""
        after = 0
        for word in _WORD.finditer(text):
            if word.start() < after:
                continue
            for person in self._by_first.get(word[0], ()):
                match = person.pattern.match(text, word.start())
                if match is not None:
                    yield person.name, Span(*match.span(1))
                    after = match.end()
                    break
