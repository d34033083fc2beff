"""Failures of a database or a disk, as one clear line each.

:func:`translated` is wrapped round every piece of work on a database; nothing of SQLAlchemy or a
driver leaves this floor. The original error stays attached as the cause.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from pydantic import ValidationError
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)

from core.errors import DiskFull, StorageError

_FULL = (
    "{name!r}: no space left, so this was not stored",
    "free some space and run it again; what was stored before is intact",
)
# SHMSIZE: the small index file beside the write-ahead log could not grow
_FULL_CODES = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "53100")
_LOCKED = (
    "{name!r} is locked by another process",
    "wait until that process ends, then run it again",
)
_CONFLICT = (
    "{name!r} holds such a record already, or lacks one that is referred to: {detail}",
    "nothing was changed; stored results are never overwritten, so give new ones a new id",
)
_AWAY = (
    "{name!r} cannot be reached: {detail}",
    "check that the server runs and that NEUROSCRIBE_DATABASE_URL is right",
)
_READ_ONLY = (
    "{name!r} cannot be written",
    "check the permissions of the file and its folder, or set NEUROSCRIBE_DATABASE_URL",
)
_SQLITE: tuple[tuple[str, str, str], ...] = (
    ("SQLITE_BUSY", *_LOCKED),
    ("SQLITE_LOCKED", *_LOCKED),
    (
        "SQLITE_NOTADB",
        "{name!r} is not a database",
        "move that file away, or set NEUROSCRIBE_DATABASE_URL to another place",
    ),
    (
        "SQLITE_CORRUPT",
        "{name!r} is damaged: {detail}",
        "put a copy of it in its place, or move it away to begin with an empty store",
    ),
    ("SQLITE_READONLY", *_READ_ONLY),
    (
        "SQLITE_CANTOPEN",
        "{name!r} cannot be opened",
        "check that it is a file in a folder that may be read and written",
    ),
    (
        "SQLITE_IOERR",
        "{name!r}: the disk failed: {detail}",
        "check the disk and its free space; what was stored before is intact",
    ),
    ("SQLITE_CONSTRAINT", *_CONFLICT),
)
_SQLSTATE: tuple[tuple[str, str, str], ...] = (
    ("55P03", *_LOCKED),
    ("40P01", *_LOCKED),
    ("25006", *_READ_ONLY),
    ("42501", *_READ_ONLY),
    ("23", *_CONFLICT),
    ("08", *_AWAY),
    ("53300", *_AWAY),
    ("57P", *_AWAY),
)


def _code(error: BaseException) -> str:
    for attribute in ("sqlite_errorname", "sqlstate", "pgcode"):
        if isinstance(code := getattr(error, attribute, None), str):
            return code
    return ""


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__


def storage_error(error: Exception, name: str) -> StorageError:
    """The error to show for ``error`` met while working on the database called ``name``."""
    if isinstance(error, ValidationError | JSONDecodeError):
        return StorageError(
            f"{name!r}: a stored record cannot be read: {_one_line(error)}",
            "another program or a newer version changed it",
        )
    cause: BaseException = error
    if isinstance(error, StatementError) and error.orig is not None:
        cause = error.orig
    code, detail = _code(cause), _one_line(cause)
    full_errno = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
    if code in _FULL_CODES or full_errno or "disk is full" in detail:
        return DiskFull(_FULL[0].format(name=name), _FULL[1])
    for start, message, hint in _SQLITE if code.startswith("SQLITE_") else _SQLSTATE:
        if code.startswith(start):
            return StorageError(message.format(name=name, detail=detail), hint)
    if isinstance(error, IntegrityError):
        return StorageError(_CONFLICT[0].format(name=name, detail=detail), _CONFLICT[1])
    if isinstance(cause, OSError):
        reason = cause.strerror or detail
        return StorageError(f"{name!r} cannot be opened: {reason}", "check the path of the store")
    if isinstance(cause, ValueError | OverflowError):
        return StorageError(f"{name!r}: a value cannot be stored: {detail}", "nothing was changed")
    if isinstance(error, OperationalError) and not code:
        return StorageError(_AWAY[0].format(name=name, detail=detail), _AWAY[1])
    if isinstance(error, DBAPIError):
        return StorageError(f"{name!r}: the database refused: {detail}", "nothing was changed")
    return StorageError(f"{name!r}: {detail}", "nothing was changed")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise :class:`StorageError` (or :class:`DiskFull`) for whatever a database or disk refuses.

    ``name`` is what messages call the database: its file, or its URL without the password.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError) as error:
        raise storage_error(error, name) from error
