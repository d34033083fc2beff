"""Corpora from files of the user's: ``.txt``, ``.jsonl``, ``.parquet``, or a folder of them.

A text file is one document; a row of ``.jsonl`` or ``.parquet`` is one document, its text under
``text`` (or the column asked for) and, where present, its ``id``, ``type`` and ``group``.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import CorpusEmpty, CorpusError, CorpusNotFound, CorpusNotText, MissingExtra
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document

TEXT_SUFFIXES = frozenset({".txt", ".md", ".rst", ".tex", ".html", ".htm", ".xml"})
TEXT_SUFFIXES |= {".py", ".c", ".h", ".cpp", ".cc", ".hpp", ".js", ".ts", ".java", ".go", ".php"}
ROW_SUFFIXES = frozenset({".jsonl", ".ndjson", ".parquet"})


class LocalCorpus:
    """Documents from one file or from every supported file under a folder (sorted by path).

    Folders that are symbolic links are not entered. Raises :class:`CorpusNotFound`,
    :class:`CorpusEmpty` or :class:`CorpusNotText`, each naming the file, when it is opened or (text
    that is not UTF-8) when its fingerprint is taken; rows are checked as they are read.
    """

    def __init__(self, path: Path, *, column: str = "text") -> None:
        self.path = path
        self.column = column
        if not path.exists():
            raise CorpusNotFound(f"corpus {str(path)!r} does not exist", "give a file or a folder")
        if path.is_dir():
            known = TEXT_SUFFIXES | ROW_SUFFIXES
            self._files = sorted(
                f for f in path.rglob("*") if f.is_file() and f.suffix.lower() in known
            )
            if not self._files:
                raise CorpusEmpty(
                    f"folder {str(path)!r} holds no text file",
                    "supported: " + " ".join(sorted(known)),
                )
        elif path.is_file():
            self._files = [path]
        else:
            raise CorpusNotFound(
                f"corpus {str(path)!r} is neither a file nor a folder", "save it to a file first"
            )
        if not any(f.stat().st_size for f in self._files):
            raise CorpusEmpty(f"corpus {str(path)!r} is empty", "give text of at least one window")
        for file in self._files:
            if not _is_parquet(file):
                _check_text(file)

    @property
    def name(self) -> str:
        """The path as given."""
        return str(self.path)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of names (under the folder) and contents."""
        digest = hashlib.blake2b(self.column.encode(), digest_size=8)
        for file in self._files:
            digest.update(f"\x00{self._relative(file)}\x00{file.stat().st_size}\x00".encode())
            for block in _blocks(file):
                digest.update(block)
        return f"local-{digest.hexdigest()}"

    @property
    def n_documents(self) -> int | None:
        """Known when every file is one document."""
        if any(f.suffix.lower() in ROW_SUFFIXES for f in self._files):
            return None
        return len(self._files)

    def documents(self) -> Iterator[Document]:
        """Every document, file by file."""
        for file in self._files:
            suffix = file.suffix.lower()
            if _is_parquet(file):
                yield from self._from_rows(file, _parquet_rows(file, self.column))
            elif suffix in ROW_SUFFIXES:
                yield from self._from_rows(file, _json_rows(file))
            else:
                text = _read_text(file)
                kind = f"file:{suffix.lstrip('.') or 'text'}"
                yield Document(self._relative(file), text, kind, near_duplicate_group(text))

    def _relative(self, file: Path) -> str:
        return file.name if self.path.is_file() else file.relative_to(self.path).as_posix()

    def _from_rows(self, file: Path, rows: Iterator[tuple[int, Any]]) -> Iterator[Document]:
        """One document a row. Its ID ends with the row's own, which may not be unique."""
        name = self._relative(file)
        for number, row in rows:
            if not isinstance(row, dict) or not isinstance(row.get(self.column), str):
                columns = ", ".join(map(str, row)) if isinstance(row, dict) else "none"
                raise CorpusNotText(
                    f"row {number} of {str(file)!r} has no text under {self.column!r}",
                    f"name the column that holds the text; here are: {columns}",
                )
            text = _encodable(row[self.column])
            named, kind, group = (row.get(key) for key in ("id", "type", "group"))
            yield Document(
                id=f"{name}#{number}" + ("" if named is None else _encodable(f":{named}")),
                text=text,
                type="row" if kind is None else _encodable(str(kind)),
                group=near_duplicate_group(text) if group is None else str(group),
            )


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _encodable(text: str) -> str:
    """``text`` with lone surrogates, which JSON allows and UTF-8 does not, as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _unreadable(file: Path, error: OSError) -> CorpusError:
    return CorpusError(f"file {str(file)!r} cannot be read: {error.strerror or error}")


def _check_text(file: Path) -> None:
    try:
        with file.open("rb") as handle:
            head = handle.read(8192)
    except OSError as error:
        raise _unreadable(file, error) from error
    if b"\x00" in head:
        raise CorpusNotText(f"file {str(file)!r} is binary", "give UTF-8 text")


def _blocks(file: Path) -> Iterator[bytes]:
    """A file's bytes; text is checked to be UTF-8 on the way."""
    decoder = None if _is_parquet(file) else codecs.getincrementaldecoder("utf-8")()
    position = 0
    try:
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                if decoder is not None:
                    held = len(decoder.getstate()[0])
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError as error:
                        raise _not_utf8(file, position - held + error.start) from error
                yield block
                position += len(block)
    except OSError as error:
        raise _unreadable(file, error) from error
    if decoder is not None and decoder.getstate()[0]:
        raise _not_utf8(file, position - len(decoder.getstate()[0]))


def _not_utf8(file: Path, position: int) -> CorpusNotText:
    return CorpusNotText(
        f"file {str(file)!r} is not UTF-8 text (byte {position})", "convert it to UTF-8"
    )


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error.start) from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _json_rows(file: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with file.open(encoding="utf-8-sig") as handle:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield number, json.loads(line)
    except UnicodeDecodeError as error:
        raise CorpusNotText(f"file {str(file)!r} is not UTF-8 text", "convert it") from error
    except (ValueError, RecursionError) as error:
        raise CorpusNotText(
            f"line {number} of {str(file)!r} is not JSON", "give one JSON object a line"
        ) from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _parquet_rows(file: Path, column: str) -> Iterator[tuple[int, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtra(
            "reading .parquet needs pyarrow", "pip install 'neuroscribe[parquet]'"
        ) from error
    number = 0
    try:
        with parquet.ParquetFile(file) as table:
            there = table.schema_arrow.names
            wanted = {column, "id", "type", "group"}
            if column not in there:
                wanted = set(there)  # for the message that says what is there
            for batch in table.iter_batches(columns=[name for name in there if name in wanted]):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (ArrowException, OSError) as error:
        raise CorpusNotText(
            f"file {str(file)!r} is not a whole Parquet file", "write it again"
        ) from error
