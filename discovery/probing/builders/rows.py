"""Label files of the user's: CSV, TSV or JSONL as rows that know their line."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CorpusError, CorpusNotFound, CorpusNotText, InvalidSetting, LabelsUnusable

LONGEST_LABEL = 200
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Row:
    """One row and the line it begins on. Empty fields and ``null`` are left out of ``values``."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file that was read: its rows, and a digest of its bytes."""

    path: Path
    digest: str
    rows: tuple[Row, ...]

    def text(self, row: Row, column: str) -> str:
        """The string under ``column``; raises :class:`LabelsUnusable` where there is none."""
        value = row.values.get(column)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(
                row.line,
                f"no text under {column!r}" if value is None else f"{column!r} is {value!r}",
                f"give a string under {column!r}; here are: {', '.join(row.values) or 'none'}",
            )
        return value

    def label(self, row: Row) -> str:
        """What stands under ``label``; raises as :meth:`text`, and for what is too long to be the
        name of a feature."""
        label = self.text(row, "label").strip()
        if len(label) > LONGEST_LABEL:
            raise self.fault(
                row.line,
                f"a label of {len(label):,} characters",
                f"give a name of {LONGEST_LABEL} at most",
            )
        return label

    def fault(self, line: int, problem: str, hint: str = "") -> LabelsUnusable:
        """The error that names file and line."""
        return fault(self.path, line, problem, hint)


def fault(path: Path, line: int, problem: str, hint: str = "") -> LabelsUnusable:
    """What is wrong with a line of a file."""
    return LabelsUnusable(f"line {line} of {str(path)!r}: {problem}", hint)


def read_bytes(path: Path) -> bytes:
    """All of a file; raises :class:`CorpusNotFound` or :class:`CorpusError`, which name it."""
    if not path.is_file():
        raise CorpusNotFound(f"file {str(path)!r} does not exist", "give the path of a file")
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise CorpusError(f"file {str(path)!r} cannot be read: {reason}") from error


def decoded(path: Path, data: bytes) -> str:
    """``data`` as UTF-8 text, without a byte order mark; raises :class:`CorpusNotText`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CorpusNotText(
            f"file {str(path)!r} is not UTF-8 text (line {line})", "convert it to UTF-8"
        ) from error


def digest(data: bytes) -> str:
    """16 hexadecimal digits that change with the bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def read_label_file(path: Path) -> LabelFile:
    """All rows of a ``.csv``, ``.tsv`` (first line: names of columns) or ``.jsonl`` file.

    Raises :class:`CorpusNotFound`, :class:`CorpusNotText`, :class:`InvalidSetting` for another kind
    of file, and :class:`LabelsUnusable` for a line that cannot be read or a file without rows.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidSetting(
            f"label file {str(path)!r} has an unknown ending", "supported: " + " ".join(SUFFIXES)
        )
    data = read_bytes(path)
    text = decoded(path, data)
    if suffix in (".csv", ".tsv"):
        rows = tuple(_table(path, text, "\t" if suffix == ".tsv" else ","))
    else:
        rows = tuple(_objects(path, text))
    if not rows:
        raise LabelsUnusable(f"file {str(path)!r} holds no label", "give at least one row")
    return LabelFile(path, digest(data), rows)


def _objects(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise fault(path, number, "not JSON", "give one JSON object a line") from error
        if not isinstance(value, dict):
            raise fault(path, number, "not a JSON object", 'such as {"label": "river", ...}')
        yield Row(number, {key: _encodable(v) for key, v in value.items() if v not in (None, "")})


def _encodable(value: Any) -> Any:
    """Lone surrogates, which JSON allows and UTF-8 does not, as question marks."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _table(path: Path, text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: Sequence[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise fault(path, line, f"not readable as a table: {error}", "or use .jsonl") from error
        if fields is None:
            return
        if not any(fields):
            continue
        if names is None:
            names = _header(path, line, fields)
            continue
        if len(fields) > len(names):
            raise fault(
                path,
                line,
                f"{len(fields)} fields under {len(names)} columns",
                'put fields that hold a separator into "..."',
            )
        yield Row(line, {n: f for n, f in zip(names, fields, strict=False) if f != ""})


def _header(path: Path, line: int, fields: Sequence[str]) -> list[str]:
    names = [field.strip() for field in fields]
    if len(set(names)) < len(names):
        raise fault(path, line, "two columns have the same name", ", ".join(names))
    return names
