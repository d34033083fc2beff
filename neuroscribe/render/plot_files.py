"""Whether plots can be written where they are asked for, told before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from core.errors import InvalidSetting
from neuroscribe.render.plot_png import needed


def check_plots(paths: Iterable[Path]) -> None:
    """Whether files of these names can be drawn and written.

    Raises :class:`InvalidSetting` for other names, and for folders that do not exist or cannot be
    written into; :class:`MissingExtra` for a PNG without matplotlib.
    """
    for path in paths:
        check_kind(path)
        try:
            _check_place(path)
        except OSError as error:
            raise InvalidSetting(
                f"plot {str(path)!r} cannot be written: {error.strerror}", "name another file"
            ) from error


def _check_place(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise InvalidSetting(
            f"folder {str(folder)!r} of plot {path.name!r} does not exist", "make it first"
        )
    if path.is_dir():
        raise InvalidSetting(f"plot {str(path)!r} is a folder", "name a file")
    if not os.access(folder, os.W_OK):
        raise InvalidSetting(f"folder {str(folder)!r} cannot be written into", "name another")


def check_kind(path: Path) -> None:
    """Whether files of this ending can be drawn; raises as :func:`check_plots`."""
    kind = path.suffix.lower()
    if kind not in (".png", ".svg", ".html"):
        raise InvalidSetting(
            f"plots cannot be written as {kind or path.name!r}", "use .png, .svg or .html"
        )
    if kind == ".png":
        needed()
