"""Files that the service sends, page by page while they are made, or as archives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from neuroscribe.exports import OwnFile, check_asked, file_name
from neuroscribe.interchange.answers import Answers
from neuroscribe.interchange.exporting import Target, export_answers
from neuroscribe.interchange.units import check_subject
from service.desk import Export

if TYPE_CHECKING:
    from neuroscribe.interchange.records import Format
    from neuroscribe.workspace import Workspace
    from service.bodies import ExportAsked
    from storage import Store

PIECE = 1 << 16
MANIFEST = "export.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""What archives call the time of their files, so that the same answers are the same bytes."""


def read_whole(target: Target, asked: ExportAsked) -> bool:
    """Whether all answers are read, and an archive's files written, before the first piece."""
    return asked.format != "jsonl" and (asked.format != "html" or target.index is None)


def opened(workspace: Workspace, store: Store, target: Target, asked: ExportAsked) -> Export:
    """A file with its beginning made; the rest is made in other threads as it is asked for.

    Raises what :func:`neuroscribe.interchange.exporting.export_answers` does.
    """
    check_asked(asked.format, details=asked.details, plain=asked.plain)
    check_subject(workspace, target.subject)
    if asked.format == "html" or asked.format == "jsonl":
        file = OwnFile(Answers(store), target, asked.format, asked.details)
        return Export(file.name, file.media_type, _begun(file.chunks()))
    name = f"{file_name(target)}-{asked.format}.zip"
    pieces = archive(workspace, target, asked.format, plain=asked.plain)
    return Export(name, "application/zip", _begun(pieces))


def archive(
    workspace: Workspace, target: Target, format: Format, *, plain: bool = False
) -> Iterator[bytes]:
    """The files of another tool's format in one archive, and ``MANIFEST``, which counts them.

    They are written aside first; they are gone when the archive was read, or is dropped.
    """
    with TemporaryDirectory(prefix="neuroscribe-export-") as name:
        folder = Path(name)
        made = export_answers(workspace, target, format, folder, plain=plain)
        files = sorted(Path(file).relative_to(folder) for file in made.files)
        told = made.model_copy(update={"folder": "", "files": [str(file) for file in files]})
        sink = _Sink()
        with ZipFile(sink, "w") as packed:  # type: ignore[call-overload]  # written to only
            packed.writestr(_entry(MANIFEST, 0), told.model_dump_json(indent=2))
            for file in files:
                source = folder / file
                with (
                    source.open("rb") as read,
                    packed.open(_entry(str(file), source.stat().st_size), "w") as entry,
                ):
                    while piece := read.read(PIECE):
                        entry.write(piece)
                        yield sink.taken()
        yield sink.taken()


def _entry(name: str, size: int) -> ZipInfo:
    entry = ZipInfo(name, LONG_AGO)
    entry.compress_type = ZIP_STORED if name.endswith(".gz") else ZIP_DEFLATED
    entry.file_size = size
    return entry


class _Sink:
    """Takes what an archive writes, until it is taken on; it cannot be sought in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """What was written since."""
        found = bytes(self._held)
        self._held.clear()
        return found


def _begun(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same with its first piece made already: what is wrong from the start is raised here."""
    return _in_threads(chain([next(chunks)], chunks))


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, chunks, None)) is not None:
        if piece:
            yield piece
