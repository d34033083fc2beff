"""Whether plots can be drawn as asked for, told before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.errors import InvalidSetting
from neuroscribe.render.place import check_place
from neuroscribe.render.plot_png import needed


def check_plots(paths: Iterable[Path]) -> None:
    """Whether files of these names can be drawn and written.

    Raises :class:`InvalidSetting` for other names, and for folders that do not exist or cannot be
    written into; :class:`MissingExtra` for a PNG without matplotlib.
    """
    for path in paths:
        check_kind(path)
        check_place(path, "plot")


def check_kind(path: Path) -> None:
    """Whether files of this ending can be drawn; raises as :func:`check_plots`."""
    kind = path.suffix.lower()
    if kind not in (".png", ".svg", ".html"):
        raise InvalidSetting(
            f"plots cannot be written as {kind or path.name!r}", "use .png, .svg or .html"
        )
    if kind == ".png":
        needed()
