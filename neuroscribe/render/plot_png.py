"""Plots of :mod:`.plots` as a PNG, drawn by matplotlib (extra ``plots``)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from core.errors import MissingExtra
from neuroscribe.render.plots import (
    LIGHT,
    TOP,
    Axis,
    Band,
    Dots,
    Figure,
    Heat,
    Key,
    Line,
    Plot,
    Rule,
    Tone,
    flow,
    headed,
    short,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SHARPNESS: Final = 150
LARGEST: Final = 60_000
"""Pixels along a side; what is larger is drawn less sharply."""
_INCH, _SIZE = 100, 7.5
_DASHES: Final[dict[Tone, str]] = {"main": "-", "other": "--", "quiet": ":"}


def needed() -> None:
    """Raises :class:`MissingExtra` without matplotlib."""
    if find_spec("matplotlib") is None:
        raise MissingExtra(
            "PNG files need the package 'matplotlib'", "pip install 'neuroscribe[plots]'"
        )


def png(figures: Sequence[Figure]) -> bytes:
    """All figures on one sheet. Raises :class:`MissingExtra` without matplotlib."""
    needed()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    width, height, places = flow(figures)
    size = (width / _INCH, max(1, height) / _INCH)
    sharpness = min(SHARPNESS, LARGEST / max(size))
    drawing = Drawing(figsize=size, dpi=sharpness, facecolor=LIGHT["paper"])
    FigureCanvasAgg(drawing)
    for figure, corner in zip(figures, places, strict=True):
        _Sheet(drawing, width, height, corner).draw(figure)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        drawing.savefig(file, format="png", dpi=sharpness, metadata={"Software": None})
    return file.getvalue()


class _Sheet:
    """A place on the sheet, in pixels from its upper left corner."""

    def __init__(self, drawing: Drawing, width: int, height: int, corner: tuple[int, int]) -> None:
        self.drawing = drawing
        self.width, self.height = width, height
        self.x, self.y = corner

    def draw(self, figure: Figure) -> None:
        self.text(4, 16, headed(figure), "left", weight="bold", color=LIGHT["ink"])
        if isinstance(figure, Heat):
            self.heat(figure)
        else:
            self.plot(figure)

    def text(self, x: float, y: float, said: str, align: str, **more: Any) -> None:
        style = {"size": _SIZE, "color": LIGHT["soft"], **more}
        across, up = (self.x + x) / self.width, 1 - (self.y + y) / self.height
        self.drawing.text(across, up, said, ha=align, va="baseline", parse_math=False, **style)

    def axes(self, left: float, top: float, right: float, bottom: float) -> Any:
        place = (
            (self.x + left) / self.width,
            1 - (self.y + bottom) / self.height,
            (right - left) / self.width,
            (bottom - top) / self.height,
        )
        axes = self.drawing.add_axes(place, facecolor="none")
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        return axes

    def plot(self, plot: Plot) -> None:
        left, right, bottom = plot.left, plot.right, plot.bottom
        axes = self.axes(left, TOP, right, bottom)
        for value, name in plot.y.ticks:
            at = plot.y.at(value)
            axes.plot([0, 1], [at, at], color=LIGHT["line"], linewidth=0.8)
            self.text(left - 6, bottom - (bottom - TOP) * at + 4, short(name), "right")
        for value, name in plot.x.ticks:
            at = plot.x.at(value)
            axes.plot([at, at], [0, 1], color=LIGHT["line"], linewidth=0.8)
            self.text(left + (right - left) * at, bottom + 14, name, "center")
        self.text(right, bottom + 29, plot.x.label, "right")
        self.text(right, 16, plot.y.label, "right")
        for mark in plot.marks:
            _draw(axes, mark, plot.x, plot.y)
        for key in plot.keys:
            self.key(key)

    def key(self, key: Key) -> None:
        """The mark, drawn in a small place of its own, and its name."""
        axes = self.axes(key.x, key.y - 10, key.x + 22, key.y + 2)
        colour, filled = _colours(key.tone)
        if key.line:
            axes.plot([0, 1], [0.5, 0.5], color=colour, linestyle=_DASHES[key.tone], linewidth=1.2)
        else:
            axes.plot([0.5], [0.5], "o", ms=4, mfc=filled, mec=colour, mew=1)
        self.text(key.x + 28, key.y, key.name, "left")

    def heat(self, heat: Heat) -> None:
        wide, high = heat.step
        rows, columns = len(heat.rows), len(heat.columns)
        left, top = heat.left, heat.top
        axes = self.axes(left, top, left + wide * columns, top + high * rows)
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        for j, name in enumerate(heat.columns):
            turned = {"rotation": 45, "rotation_mode": "anchor"} if heat.slanted else {}
            align = "left" if heat.slanted else "center"
            self.text(left + wide * (j + 0.5), top - 6, short(name), align, **turned)
        for i, (name, cells) in enumerate(zip(heat.rows, heat.cells, strict=True)):
            self.text(left - 6, top + high * i + 15, short(name), "right")
            for j, cell in enumerate(cells):
                box = ([j, j + 1, j + 1, j], [i, i, i + 1, i + 1])
                shade = 0.0 if cell.shade is None else cell.shade
                axes.fill(*box, color=LIGHT["heat"], alpha=shade, linewidth=0)
                if cell.marked:
                    axes.plot(*([*side, side[0]] for side in box), color=LIGHT["ink"], linewidth=1)
                place = (left + wide * (j + 0.5), top + high * i + 15)
                self.text(*place, cell.text, "center", color=LIGHT["ink"])


def _colours(tone: Tone) -> tuple[str, str]:
    """Of the edge and of the inside of a dot."""
    return LIGHT[tone], LIGHT[tone] if tone == "main" else LIGHT["paper"]


def _draw(axes: Any, mark: Line | Band | Dots | Rule, x: Axis, y: Axis) -> None:
    colour, filled = _colours(mark.tone)
    if isinstance(mark, Rule):
        at = y.at(mark.y)
        axes.plot([0, 1], [at, at], color=colour, linestyle=_DASHES[mark.tone], linewidth=1.1)
    elif isinstance(mark, Band):
        across = [x.at(one) for one, _, _ in mark.points]
        low, high = ([y.at(point[i]) for point in mark.points] for i in (1, 2))
        axes.fill_between(across, low, high, color=colour, alpha=0.2, linewidth=0)
    elif isinstance(mark, Line):
        across, up = [x.at(one) for one, _ in mark.points], [y.at(one) for _, one in mark.points]
        dashes, thick = ("-", 0.5) if mark.thin else (_DASHES[mark.tone], 1.4)
        axes.plot(across, up, color=colour, linestyle=dashes, linewidth=thick)
    else:
        for dot in mark.dots:
            at = y.at(dot.y)
            if dot.low is not None and dot.high is not None:
                axes.plot([x.at(dot.low), x.at(dot.high)], [at, at], color=colour, linewidth=1.4)
            axes.plot(
                *([x.at(dot.x)], [at]), "o", ms=4, mfc=filled, mec=colour, mew=1, clip_on=False
            )
            if dot.label:
                axes.annotate(
                    dot.label, (x.at(dot.x), at), (4, 3), textcoords="offset points",
                    size=_SIZE, color=LIGHT["ink"], parse_math=False,
                )  # fmt: skip
