"""Whether a file can be written where it is asked for, told before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InvalidSetting


def check_place(path: Path, what: str) -> None:
    """Raise :class:`InvalidSetting` unless a file of this name can be made in a folder that is
    there; ``what`` names it in the message."""
    try:
        _check(path, what)
    except OSError as error:
        raise InvalidSetting(
            f"{what} {str(path)!r} cannot be written: {error.strerror}", "name another file"
        ) from error


def _check(path: Path, what: str) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise InvalidSetting(
            f"folder {str(folder)!r} of {what} {path.name!r} does not exist", "make it first"
        )
    if path.is_dir():
        raise InvalidSetting(f"{what} {str(path)!r} is a folder", "name a file")
    if not os.access(folder, os.W_OK):
        raise InvalidSetting(f"folder {str(folder)!r} cannot be written into", "name another")
