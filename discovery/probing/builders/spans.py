"""Labelled pieces of text: from a file of the user's, or made by a program.

A row is ``text``, where (``start`` and ``stop`` in characters, or ``span``: the words themselves or
``[start, stop]``) and ``label``; ``negative`` marks a place that is surely not of the label,
``document`` and ``group`` name where the text is from. Where a label has such places its negatives
are only these; otherwise all other text of the file is, so a text should be labelled throughout.
Rows that contradict each other are refused, with the lines of both: those of one label that give
the same place, as it is read, to both classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import LabelsUnusable
from core.hashing import fingerprint, text_hash
from discovery.probing.builders.rows import LabelFile, Row, read_label_file
from discovery.probing.labels import Annotation, Collection, Feature, Reading, Span
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document

_SHOWN = 3
"""Of the places that contradict each other, beside the first."""
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """Characters ``start`` .. ``stop - 1`` of ``text`` are (or, ``negative``, are not) ``label``.

    ``document`` and ``group`` may be empty: then equal texts are one document, and near-duplicates
    one group.
    """

    text: str
    start: int
    stop: int
    label: str
    negative: bool = False
    document: str = ""
    group: str = ""


_Rows = list[tuple[int, LabelledSpan]]
"""Rows of one label in one document, each with its line."""


@dataclass(slots=True)
class _Labelled:
    document: Document
    positive: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    negative: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))


def labelled_spans(
    spans: Iterable[LabelledSpan], *, name: str = "spans", reading: Reading = "every"
) -> Collection:
    """A collection of labelled pieces; raises :class:`LabelsUnusable`, which says which is wrong
    (the first is number 1)."""
    found = tuple(spans)
    return _collection(name, list(enumerate(found, 1)), reading, None)


def read_spans(path: Path, *, reading: Reading = "every") -> Collection:
    """The collection of a ``.jsonl``, ``.csv`` or ``.tsv`` file, named ``spans``.

    Raises :class:`LabelsUnusable`, which names file and line.
    """
    file = read_label_file(path)
    return _collection(
        "spans", [(row.line, _parsed(file, row)) for row in file.rows], reading, file
    )


def _fault(file: LabelFile | None, line: int, problem: str, hint: str = "") -> LabelsUnusable:
    if file is not None:
        return file.fault(line, problem, hint)
    return LabelsUnusable(f"labelled span {line}: {problem}", hint)


def _collection(
    name: str, spans: list[tuple[int, LabelledSpan]], reading: Reading, file: LabelFile | None
) -> Collection:
    if not spans:
        raise LabelsUnusable("no labelled span is given", "give at least one")
    documents: dict[str, _Labelled] = {}
    placed: dict[tuple[str, str], _Rows] = defaultdict(list)
    for line, span in spans:
        _check(file, line, span)
        labelled = _document(documents, file, line, span)
        kind = labelled.negative if span.negative else labelled.positive
        kind[span.label].append(Span(span.start, span.stop))
        placed[labelled.document.id, span.label].append((line, span))
    _agree(file, placed.values(), reading)
    labels = sorted({span.label for _, span in spans})
    against = {span.label for _, span in spans if span.negative}
    features = tuple(
        Feature(
            label,
            f"text labelled {label}",
            negatives="among" if label in against else "any",
            among=f"text labelled as not {label}" if label in against else None,
        )
        for label in labels
    )

    def annotations() -> Iterator[Annotation]:
        for labelled in documents.values():
            yield Annotation(
                labelled.document,
                _once(labelled.positive),
                _once(labelled.negative),
            )

    values = [list(astuple(span)) for _, span in spans]
    return Collection(
        name=name,
        features=features,
        annotations=annotations,
        fingerprint=fingerprint([name, reading, values]),
        reading=reading,
    )


def _once(spans: Mapping[str, list[Span]]) -> dict[str, tuple[Span, ...]]:
    """What several rows say alike is one place."""
    return {label: tuple(dict.fromkeys(found)) for label, found in spans.items()}


def _check(file: LabelFile | None, line: int, span: LabelledSpan) -> None:
    if not span.label.strip():
        raise _fault(file, line, "an empty label", "say what the span is")
    if span.start == span.stop:
        raise _fault(file, line, f"span {span.start} to {span.stop} is empty")
    if not 0 <= span.start < span.stop <= len(span.text):
        raise _fault(
            file,
            line,
            f"span {span.start} to {span.stop} is outside of the text",
            f"the text has {len(span.text)} characters; stop is the one after the last",
        )


def _agree(file: LabelFile | None, placed: Iterable[_Rows], reading: Reading) -> None:
    """Raise where text is of a label by one row and not by another; each of ``placed`` are the rows
    of one document and label."""
    disagree = _overlapping if reading == "every" else partial(_equal, reading)
    found = sorted(pair for rows in placed for pair in disagree(rows))
    if not found:
        return
    line, before, label = found[0]
    more = [f"{other} and {one}" for one, other, _ in found[1:]]
    rest = ", ".join(more[:_SHOWN]) + (f" and {len(more) - _SHOWN} more" * (len(more) > _SHOWN))
    raise _fault(
        file,
        line,
        f"contradicts line {before}: text that is {label!r} in one is not in the other"
        + f"; so do lines {rest}" * bool(more),
        "keep one of the rows, or neither",
    )


def _equal(reading: Reading, rows: _Rows) -> Iterator[tuple[int, int, str]]:
    """As :func:`_overlapping`, where a span is one value: of its last token, or of all together."""
    known: dict[tuple[bool, int, int], int] = {}
    for line, span in rows:
        start = span.stop if reading == "last" else span.start
        before = known.get((not span.negative, start, span.stop))
        if before is not None:
            yield line, before, span.label
        known.setdefault((span.negative, start, span.stop), line)


def _overlapping(rows: _Rows) -> Iterator[tuple[int, int, str]]:
    """Of rows that overlap and disagree: the later line, the one before, and the label.

    Each row is looked at beside that row of the other class which reaches furthest among those that
    begin before it.
    """
    furthest = {True: (0, 0), False: (0, 0)}
    for line, span in sorted(rows, key=lambda row: (row[1].start, row[1].stop, row[0])):
        stop, other = furthest[not span.negative]
        if span.start < stop:
            yield max(line, other), min(line, other), span.label
        furthest[span.negative] = max(furthest[span.negative], (span.stop, line))


def _document(
    documents: dict[str, _Labelled], file: LabelFile | None, line: int, span: LabelledSpan
) -> _Labelled:
    identity = span.document or f"text-{text_hash(span.text):016x}"
    known = documents.get(identity)
    if known is None:
        group = span.group or near_duplicate_group(span.text)
        known = _Labelled(Document(identity, span.text, "labelled", group))
        documents[identity] = known
    elif known.document.text != span.text:
        raise _fault(file, line, f"document {identity!r} has another text than before")
    elif span.group and known.document.group != span.group:
        raise _fault(
            file,
            line,
            f"document {identity!r} is in group {known.document.group!r} and in {span.group!r}",
            "name the group in every row of a document, or in none",
        )
    return known


def _parsed(file: LabelFile, row: Row) -> LabelledSpan:
    text = file.text(row, "text")
    start, stop = _place(file, row, text)
    return LabelledSpan(
        text=text,
        start=start,
        stop=stop,
        label=file.label(row),
        negative=_flag(file, row, "negative"),
        document=_name(file, row, "document"),
        group=_name(file, row, "group"),
    )


def _place(file: LabelFile, row: Row, text: str) -> tuple[int, int]:
    if "span" not in row.values:
        return _whole(file, row, "start"), _whole(file, row, "stop")
    if "start" in row.values or "stop" in row.values:
        raise file.fault(row.line, "both 'span' and 'start' or 'stop'", "give one of them")
    span = row.values["span"]
    if isinstance(span, list):
        if len(span) != 2 or not all(type(place) is int for place in span):
            raise file.fault(row.line, f"span {span!r} is not [start, stop]", "such as [4, 9]")
        return span[0], span[1]
    words = file.text(row, "span")
    first = text.find(words)
    if first < 0:
        raise file.fault(row.line, f"span {words!r} is not in the text")
    if text.find(words, first + 1) >= 0:
        raise file.fault(
            row.line, f"span {words!r} is in the text more than once", "give start and stop"
        )
    return first, first + len(words)


def _whole(file: LabelFile, row: Row, column: str) -> int:
    value: Any = row.values.get(column)
    if type(value) is int:
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    raise file.fault(
        row.line,
        f"{column!r} is {value!r}, no number of characters",
        "give start and stop, or span",
    )


def _flag(file: LabelFile, row: Row, column: str) -> bool:
    value: Any = row.values.get(column, False)
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said not in _TRUE | _FALSE:
        raise file.fault(row.line, f"{column!r} is {value!r}", "give true or false")
    return said in _TRUE


def _name(file: LabelFile, row: Row, column: str) -> str:
    value: Any = row.values.get(column, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise file.fault(row.line, f"{column!r} is {value!r}", "give a string")
    return str(value)
