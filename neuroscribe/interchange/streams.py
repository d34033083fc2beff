"""Foreign files in, a record at a time: plain or gzip, one object a file or one a line.

What is held at once is bounded: a record longer than ``LONGEST`` bytes is passed over unread.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import ForeignDamaged, ForeignNotFound

LONGEST = 64 << 20
_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")


def files_under(path: Path) -> list[Path]:
    """``path`` itself, or the JSON files of a folder by name.

    :class:`ForeignNotFound` when there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ForeignNotFound(f"there is no file or folder {str(path)!r}", "check the path")
    found = sorted(p for p in path.rglob("*") if p.name.endswith(_ENDINGS) and p.is_file())
    if not found:
        raise ForeignNotFound(
            f"folder {str(path)!r} holds no JSON files", "their names end in " + ", ".join(_ENDINGS)
        )
    return found


def texts(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Line number and bytes of every record; None in place of one that is too long.

    A file named ``.json`` is one record. :class:`ForeignDamaged` names a file that cannot be read
    to its end.
    """
    line = 0
    try:
        with _opened(path) as file:
            if path.name.removesuffix(".gz").endswith(".json"):
                whole = file.read(LONGEST + 1)
                if whole.strip():
                    yield 1, whole if len(whole) <= LONGEST else None
                return
            while part := file.readline(LONGEST + 1):
                line += 1
                if len(part) > LONGEST:
                    while part and not part.endswith(b"\n"):
                        part = file.readline(1 << 20)
                    yield line, None
                elif part.strip():
                    yield line, part
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ForeignDamaged(
            f"{str(path)!r} is cut short or damaged after line {line}: {error}",
            "fetch the file again; nothing was stored",
        ) from error
    except OSError as error:
        raise ForeignDamaged(f"{str(path)!r} cannot be read: {error.strerror}") from error


def digest(path: Path) -> str:
    """SHA-256 of a file as it lies on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")
