"""Files out: whole or not there, the same bytes for the same content, nothing overwritten unasked.

They are written aside and renamed at the end; a group of files is renamed only when all of it is
written.
"""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import DiskFull, OutputExists, StorageError


def refuse_existing(paths: Iterable[Path]) -> None:
    """:class:`core.errors.OutputExists` names the first of ``paths`` that is there already."""
    for path in paths:
        if path.exists():
            raise OutputExists(f"{str(path)!r} exists", "name another folder, or give --force")


def check_folder(folder: Path) -> None:
    """:class:`core.errors.OutputExists` when something that is no folder lies at ``folder``."""
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise OutputExists(f"{str(part)!r} is no folder", "name another folder")


@contextmanager
def writing(*paths: Path) -> Iterator[list[BinaryIO]]:
    """Open ``paths`` for writing, gzipped where they end in ``.gz``; all appear, or none."""
    asides = [path.with_name(f"{path.name}.partial-{os.getpid()}") for path in paths]
    try:
        with ExitStack() as opened:
            yield [_opened(path, aside, opened) for path, aside in zip(paths, asides, strict=True)]
        for path, aside in zip(paths, asides, strict=True):
            os.replace(aside, path)
    except OSError as error:
        raise _cannot_write(paths[0].parent, error) from error
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


def _opened(path: Path, aside: Path, opened: ExitStack) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = opened.enter_context(aside.open("wb"))
    opened.callback(_durable, file)
    if path.suffix != ".gz":
        return file
    packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
    return cast(BinaryIO, opened.enter_context(packed))


def _durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _cannot_write(folder: Path, error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"no space left to write in {str(folder)!r}",
            "free some space and run it again with --force",
        )
    return StorageError(f"cannot write in {str(folder)!r}: {error.strerror}", "check the folder")
