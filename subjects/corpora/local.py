"""Corpora from files of the user's: ``.txt``, ``.jsonl``, ``.parquet``, or a folder of them.

A text file is one document; a row of ``.jsonl`` or ``.parquet`` is one document, its text under
``text`` (or the column asked for) and, where present, its ``id``, ``type`` and ``group``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import CorpusEmpty, CorpusNotFound, CorpusNotText, MissingExtra
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document

TEXT_SUFFIXES = frozenset({".txt", ".md", ".rst", ".py", ".c", ".h", ".js", ".ts", ".java", ".go"})
ROW_SUFFIXES = frozenset({".jsonl", ".ndjson", ".parquet"})


class LocalCorpus:
    """Documents from one file or from every supported file under a folder (sorted by path).

    Raises :class:`CorpusNotFound`, :class:`CorpusEmpty` or :class:`CorpusNotText`, each naming the
    file, when it is opened.
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
        else:
            self._files = [path]
        if not any(f.stat().st_size for f in self._files):
            raise CorpusEmpty(f"corpus {str(path)!r} is empty")
        for file in self._files:
            if file.suffix.lower() != ".parquet":
                _check_text(file)

    @property
    def name(self) -> str:
        """The path as given."""
        return str(self.path)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of names (under the folder) and contents."""
        digest = hashlib.blake2b(digest_size=8)
        for file in self._files:
            digest.update(f"\x00{self._relative(file)}\x00{self.column}\x00".encode())
            with file.open("rb") as handle:
                while block := handle.read(1 << 20):
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
            if suffix == ".parquet":
                yield from self._from_rows(file, _parquet_rows(file))
            elif suffix in ROW_SUFFIXES:
                yield from self._from_rows(file, _json_rows(file))
            else:
                text = _read_text(file)
                kind = f"file:{suffix.lstrip('.') or 'text'}"
                yield Document(self._relative(file), text, kind, near_duplicate_group(text))

    def _relative(self, file: Path) -> str:
        return file.name if self.path.is_file() else file.relative_to(self.path).as_posix()

    def _from_rows(self, file: Path, rows: Iterator[tuple[int, Any]]) -> Iterator[Document]:
        name = self._relative(file)
        for number, row in rows:
            text = row.get(self.column) if isinstance(row, dict) else None
            if not isinstance(text, str):
                raise CorpusNotText(
                    f"row {number} of {str(file)!r} has no text under {self.column!r}",
                    "name the column that holds the text",
                )
            group = row.get("group")
            yield Document(
                id=str(row.get("id", f"{name}#{number}")),
                text=text,
                type=str(row.get("type", "row")),
                group=near_duplicate_group(text) if group is None else str(group),
            )


def _check_text(file: Path) -> None:
    with file.open("rb") as handle:
        head = handle.read(8192)
    if b"\x00" in head:
        raise CorpusNotText(f"file {str(file)!r} is binary", "give UTF-8 text")


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CorpusNotText(
            f"file {str(file)!r} is not UTF-8 text (byte {error.start})", "convert it to UTF-8"
        ) from error


def _json_rows(file: Path) -> Iterator[tuple[int, Any]]:
    with file.open(encoding="utf-8") as handle:
        number = 0
        try:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield number, json.loads(line)
        except UnicodeDecodeError as error:
            raise CorpusNotText(f"file {str(file)!r} is not UTF-8 text") from error
        except ValueError as error:
            raise CorpusNotText(f"line {number} of {str(file)!r} is not JSON") from error


def _parquet_rows(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingExtra(
            "reading .parquet needs pyarrow", "pip install 'neuroscribe[parquet]'"
        ) from error
    try:
        number = 0
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowInvalid as error:
        raise CorpusNotText(f"file {str(file)!r} is not a Parquet file") from error
