"""CoNLL-U files: sentences put together to documents again, each word with its characters.

A document is what stands under ``# newdoc``; files without are cut into blocks of 20 sentences. The
sentences of a document are joined by a space (``SpaceAfter=No`` at the end of one: by nothing), by
a line break where ``# newpar`` stands. A surface token of several words (``du`` = ``de`` +
``le``) is one :class:`Token`; where the words are its parts (``do`` + ``n't``) each is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import CorpusEmpty, LabelsUnusable
from core.hashing import fingerprint
from discovery.probing.builders.rows import decoded, digest, fault, read_bytes
from subjects.corpora.document import Document

BLOCK = 20
_COLUMNS = 10
_ID = re.compile(r"(\d+)(?:([-.])(\d+))?")


@dataclass(frozen=True, slots=True)
class Word:
    """A syntactic word: its form, class (UPOS), relation (DEPREL) and features (``key=value``)."""

    form: str
    upos: str
    relation: str
    features: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Token:
    """Characters ``start`` .. ``stop - 1`` of a document, the words they stand for, and whether a
    sentence ends there."""

    start: int
    stop: int
    words: tuple[Word, ...]
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document and its tokens in order of the text."""

    document: Document
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Treebank:
    """All documents of some files, and a fingerprint of the files' bytes."""

    documents: tuple[Parsed, ...]
    fingerprint: str

    def words(self) -> Iterator[Word]:
        """Every word."""
        for parsed in self.documents:
            for token in parsed.tokens:
                yield from token.words


@dataclass(slots=True)
class _Surface:
    form: str
    spaced: bool
    words: list[Word] = field(default_factory=list)
    last: int = 0
    """The number of its last word."""


@dataclass(slots=True)
class _Sentence:
    line: int = 0
    text: str | None = None
    text_line: int = 0
    document: str | None = None
    paragraph: bool = False
    surfaces: list[_Surface] = field(default_factory=list)
    words: int = 0


def read_treebank(*files: Path) -> Treebank:
    """All documents of CoNLL-U ``files``.

    Raises :class:`LabelsUnusable`, which names file and line, for a line that is broken or a text
    that its words do not make up; :class:`CorpusNotFound`, :class:`CorpusNotText`;
    :class:`CorpusEmpty` when there is no sentence.
    """
    documents: list[Parsed] = []
    digests = []
    for path in files:
        data = read_bytes(path)
        digests.append([path.name, digest(data)])
        documents += _documents(path, _sentences(path, decoded(path, data)))
    if not documents:
        names = ", ".join(repr(str(path)) for path in files) or "no file"
        raise CorpusEmpty(f"{names}: no sentence", "give CoNLL-U files")
    return Treebank(tuple(documents), fingerprint(digests))


def _sentences(path: Path, text: str) -> Iterator[_Sentence]:
    sentence = _Sentence()
    number = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip():
            if sentence.surfaces:
                yield _finished(path, sentence, number)
                sentence = _Sentence()
        elif line.startswith("#"):
            _comment(sentence, line, number)
        else:
            sentence.line = sentence.line or number
            _word_line(path, sentence, line, number)
    if sentence.surfaces:
        yield _finished(path, sentence, number)


def _finished(path: Path, sentence: _Sentence, number: int) -> _Sentence:
    if sentence.surfaces[-1].last > sentence.words:
        raise fault(path, number, f"the sentence ends before word {sentence.surfaces[-1].last}")
    return sentence


def _comment(sentence: _Sentence, line: str, number: int) -> None:
    key, equals, value = line[1:].partition("=")
    key = key.strip()
    if key == "text" and equals:
        sentence.text, sentence.text_line = value.strip(), number
    elif key in ("newdoc", "newdoc id"):
        sentence.document = value.strip()
        sentence.paragraph = True
    elif key in ("newpar", "newpar id"):
        sentence.paragraph = True


def _word_line(path: Path, sentence: _Sentence, line: str, number: int) -> None:
    columns = line.split("\t")
    if len(columns) != _COLUMNS:
        raise fault(
            path, number, f"{len(columns)} columns, CoNLL-U has 10", "columns are divided by tabs"
        )
    found = _ID.fullmatch(columns[0])
    if found is None:
        raise fault(path, number, f"{columns[0]!r} is no word number", "such as 3, 3-4 or 3.1")
    if not columns[1]:
        raise fault(path, number, "a word without a form")
    first, between, last = int(found[1]), found[2], int(found[3] or 0)
    if between == ".":
        return
    if first != sentence.words + 1:
        raise fault(path, number, f"word {columns[0]} where {sentence.words + 1} should be")
    spaced = "SpaceAfter=No" not in columns[9].split("|")
    open_range = sentence.surfaces and sentence.surfaces[-1].last > sentence.words
    if between == "-":
        if open_range or last < first:
            raise fault(path, number, f"range {columns[0]!r} overlaps another or runs backwards")
        sentence.surfaces.append(_Surface(columns[1], spaced, last=last))
        return
    sentence.words = first
    if not open_range:
        sentence.surfaces.append(_Surface(columns[1], spaced, last=first))
    features = _features(path, columns[5], number)
    sentence.surfaces[-1].words.append(Word(columns[1], columns[3], columns[7], features))


def _features(path: Path, column: str, number: int) -> tuple[tuple[str, str], ...]:
    if column == "_":
        return ()
    found = []
    for part in column.split("|"):
        key, equals, value = part.partition("=")
        if not key or not equals or not value:
            raise fault(path, number, f"feature {part!r} is not Key=Value", "such as Number=Plur")
        found.append((key, value))
    return tuple(found)


def _documents(path: Path, sentences: Iterable[_Sentence]) -> Iterator[Parsed]:
    """Sentences gathered under their ``newdoc``, or in blocks where there is none."""
    gathered: list[_Sentence] = []
    names: dict[str, int] = {}
    name: str | None = None
    number = 0
    for sentence in sentences:
        full = name is None and len(gathered) == BLOCK
        if gathered and (sentence.document is not None or full):
            yield _document(path, name or f"document-{number}", names, gathered)
            number += 1
            gathered = []
        if sentence.document is not None:
            name = sentence.document
        gathered.append(sentence)
    if gathered:
        yield _document(path, name or f"document-{number}", names, gathered)


def _document(path: Path, name: str, names: dict[str, int], sentences: list[_Sentence]) -> Parsed:
    group = f"{path.name}#{name}"
    names[group] = names.get(group, 0) + 1
    identity = group if names[group] == 1 else f"{group}/{names[group]}"
    text = ""
    tokens: list[Token] = []
    spaced = True
    for sentence in sentences:
        if text:
            text += "\n" if sentence.paragraph else " " * spaced
        tokens += _tokens(path, sentence, len(text))
        text += _text(sentence)
        spaced = sentence.surfaces[-1].spaced
    return Parsed(Document(identity, text, "conllu", group), tuple(tokens))


def _text(sentence: _Sentence) -> str:
    if sentence.text is not None:
        return sentence.text
    forms = [surface.form + " " * surface.spaced for surface in sentence.surfaces]
    return "".join(forms).rstrip(" ")


def _tokens(path: Path, sentence: _Sentence, before: int) -> Iterator[Token]:
    text, place = _text(sentence), 0
    last = sentence.surfaces[-1]
    for surface in sentence.surfaces:
        while text[place : place + 1].isspace() and not text.startswith(surface.form, place):
            place += 1
        stop = place + len(surface.form)
        if text[place:stop] != surface.form:
            raise _mismatch(path, sentence, surface.form)
        ends = surface is last
        if "".join(word.form for word in surface.words) == surface.form:
            for word in surface.words:
                start, place = place, place + len(word.form)
                yield Token(before + start, before + place, (word,), ends and place == stop)
        else:
            yield Token(before + place, before + stop, tuple(surface.words), ends)
        place = stop
    if text[place:].strip():
        raise _mismatch(path, sentence, text[place:].strip())


def _mismatch(path: Path, sentence: _Sentence, form: str) -> LabelsUnusable:
    return fault(
        path,
        sentence.text_line or sentence.line,
        f"the words of the sentence do not make up its text, from {form!r} on",
        "mend '# text', or take it away: then the text is put together from the words",
    )
