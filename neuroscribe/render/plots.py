"""Plots as nouns, and how they are drawn as SVG: axes, lines, bands, dots, heat maps.

Nothing here knows what is plotted. Colours have names; a page gives them by CSS variables for light
and dark, a file has them written in. Tones also differ in form (full, dashed, dotted lines; filled
and open dots), so nothing rests on colour alone. Text is made visible and escaped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup, escape

from service.pages.visible import visible_text

Tone = Literal["main", "other", "quiet"]

LIGHT: Final = {
    "ink": "#1d2125", "soft": "#5a6169", "line": "#dedbd3", "paper": "#ffffff",
    "main": "#0072b2", "other": "#b8500a", "quiet": "#777c82", "heat": "#56b4e9",
}  # fmt: skip
DARK: Final = {
    "ink": "#ffffff", "soft": "#a4abb3", "line": "#34383e", "paper": "#1d2024",
    "main": "#6cbcf0", "other": "#f0a15a", "quiet": "#8c949c", "heat": "#1f78ad",
}  # fmt: skip
TOP, RIGHT = 30, 14
_LETTER, _LONGEST = 6.2, 26
_GAP: Final = 16


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``low`` to ``high``, with a label and named ticks; ``log``: equal ratios, equal steps.

    Where ``log`` is set, ``low`` is above zero.
    """

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Where ``value`` lies between the ends, in [0, 1]; beyond them, at an end."""
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, part))


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together, in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]
    tone: Tone = "main"


@dataclass(frozen=True, slots=True)
class Band:
    """(x, low, high): an interval along a line."""

    points: tuple[tuple[float, float, float], ...]
    tone: Tone = "main"


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, with an interval in x where there is one; ``name`` is told on pointing at it."""

    x: float
    y: float
    name: str
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Dots:
    """Points of one kind; other tones than the main one are open."""

    name: str
    dots: tuple[Dot, ...]
    tone: Tone = "main"


@dataclass(frozen=True, slots=True)
class Rule:
    """A value of y that the others are held against, all along x."""

    name: str
    y: float
    tone: Tone = "quiet"


Mark = Line | Band | Dots | Rule


@dataclass(frozen=True, slots=True)
class Key:
    """What a mark means, and where that stands."""

    name: str
    tone: Tone
    line: bool
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """Marks on two axes. ``described`` says in words what is seen; ``tall``: pixels of the axes."""

    title: str
    described: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    width: int = 340
    tall: int = 145

    @property
    def left(self) -> int:
        """Pixels left of the axes, for the ticks' names."""
        return round(
            18 + _LETTER * min(_LONGEST, max((len(n) for _, n in self.y.ticks), default=0))
        )

    @property
    def right(self) -> int:
        """Where the axes end."""
        return self.width - RIGHT

    @property
    def bottom(self) -> int:
        """Where the axes stand."""
        return TOP + self.tall

    @property
    def keys(self) -> list[Key]:
        """Each named mark once, in rows under the axes."""
        named = [m for m in self.marks if not isinstance(m, Band) and m.name]
        found: list[Key] = []
        x, y = 6.0, self.bottom + 46.0
        for name, tone, line in dict.fromkeys(
            (m.name, m.tone, not isinstance(m, Dots)) for m in named
        ):
            needed = 28 + _LETTER * len(name) + 12
            if found and x + needed > self.width:
                x, y = 6.0, y + 16
            found.append(Key(name, tone, line, x, y))
            x += needed
        return found

    @property
    def height(self) -> int:
        """Of the whole, with title, ticks and keys."""
        return round(max((key.y for key in self.keys), default=self.bottom + 30.0) + 8)


@dataclass(frozen=True, slots=True)
class Cell:
    """A square: its shade in [0, 1] (None: empty), what stands in it, and all that it means."""

    shade: float | None
    text: str
    name: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Heat:
    """Rows by columns of shaded squares."""

    title: str
    described: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]

    @property
    def left(self) -> int:
        """Pixels for the rows' names."""
        return round(14 + _LETTER * min(_LONGEST, max(map(len, self.rows), default=0)))

    @property
    def step(self) -> tuple[int, int]:
        """Width and height of a square."""
        return (46, 22) if len(self.columns) <= 16 else (34, 22)

    @property
    def slanted(self) -> bool:
        """Whether the columns' names are too long to stand level."""
        return max(map(len, self.columns), default=0) * _LETTER > self.step[0]

    @property
    def top(self) -> int:
        """Pixels for the title and the columns' names."""
        longest = min(_LONGEST, max(map(len, self.columns), default=0))
        return TOP + (round(longest * _LETTER * 0.75) + 8 if self.slanted else 16)

    @property
    def width(self) -> int:
        """Of the whole; room for the last slanted name."""
        return self.left + self.step[0] * len(self.columns) + (60 if self.slanted else RIGHT)

    @property
    def height(self) -> int:
        """Of the whole."""
        return self.top + self.step[1] * len(self.rows) + 8


Figure = Plot | Heat


def flow(figures: Sequence[Figure], width: int = 1080) -> tuple[int, int, list[tuple[int, int]]]:
    """Width and height of a sheet with all figures in rows, and the corner of each."""
    width = max([width, *(f.width for f in figures)])
    places: list[tuple[int, int]] = []
    x = y = high = 0
    for figure in figures:
        if x and x + figure.width > width:
            x, y, high = 0, y + high + _GAP, 0
        places.append((x, y))
        x, high = x + figure.width + _GAP, max(high, figure.height)
    return width, y + high, places


def short(name: str, letters: int = _LONGEST) -> str:
    """A name as it is written on a figure: visible, and cut."""
    shown = visible_text(name)
    return shown if len(shown) <= letters else shown[: letters - 1] + "…"


def headed(figure: Figure) -> str:
    """A title that leaves room for the label of the upright axis."""
    label = len(figure.y.label) if isinstance(figure, Plot) else 0
    return short(figure.title, max(12, int(figure.width / (_LETTER + 1)) - label))


def svg(figure: Figure, id: str) -> Markup:
    """One figure for a page, with a title and a description for who cannot see it."""
    size = f'width="{figure.width}" height="{figure.height}"'
    return _wrapped(
        figure, id, f'class="chart" {size} viewBox="0 0 {figure.width} {figure.height}"'
    )


def sheet(figures: Sequence[Figure], rules: str) -> str:
    """A file with all figures under each other, colours written in."""
    width, height, places = flow(figures)
    plain = re.sub(r"var\(--plot-([a-z]+)\)", lambda found: LIGHT[found[1]], rules)
    parts = [
        _wrapped(f, f"plot-{i}", f'x="{x}" y="{y}" width="{f.width}" height="{f.height}"')
        for i, (f, (x, y)) in enumerate(zip(figures, places, strict=True))
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">\n<style>{plain}</style>\n'
        f'<rect class="sheet" width="{width}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def variables() -> str:
    """The colours as CSS variables, for light and for dark."""
    light, dark = (
        "".join(f" --plot-{name}: {value};" for name, value in colours.items())
        for colours in (LIGHT, DARK)
    )
    return f":root {{{light} }}\n@media (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n"


def _wrapped(figure: Figure, id: str, place: str) -> Markup:
    draw = _plot(figure) if isinstance(figure, Plot) else _heat(figure)
    named = f'role="img" aria-labelledby="{id}-t {id}-d"'
    title = f'<title id="{id}-t">{_safe(figure.title)}</title>'
    desc = f'<desc id="{id}-d">{_safe(figure.described)}</desc>'
    head = f'<text class="title" x="4" y="16">{_safe(headed(figure))}</text>'
    return Markup(f"<svg {place} {named}>{title}{desc}{head}{''.join(draw)}</svg>")


def _safe(text: str) -> str:
    return str(escape(visible_text(text)))


def _told(name: str) -> str:
    return f"<title>{_safe(name)}</title>"


Place = Callable[[float], float]


def _text(x: float, y: float, said: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{_safe(said)}</text>'


_END, _MIDDLE = ' text-anchor="end"', ' text-anchor="middle"'


def _plot(plot: Plot) -> list[str]:
    left, right, bottom = plot.left, plot.right, plot.bottom

    def x(value: float) -> float:
        return left + (right - left) * plot.x.at(value)

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * plot.y.at(value)

    parts = []
    for value, name in plot.y.ticks:
        at = f'x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
        parts.append(f'<line class="grid" {at}/>')
        parts.append(_text(left - 6, y(value) + 4, short(name), _END))
    for value, name in plot.x.ticks:
        at = f'x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{bottom}"'
        parts.append(f'<line class="grid" {at}/>')
        parts.append(_text(x(value), bottom + 14, name, _MIDDLE))
    parts.append(_text(right, bottom + 29, plot.x.label, _END))
    parts.append(_text(right, 16, plot.y.label, _END))
    for mark in plot.marks:
        parts += _mark(mark, x, y, (left, right))
    return [*parts, *(part for key in plot.keys for part in _key(key))]


def _key(key: Key) -> list[str]:
    y = key.y - 4
    drawn = f'<circle class="point {key.tone}" cx="{key.x + 11:.1f}" cy="{y:.1f}" r="3.5"/>'
    if key.line:
        kind = "rule" if key.tone == "quiet" else "curve"
        ends = f'x1="{key.x:.1f}" x2="{key.x + 22:.1f}" y1="{y:.1f}" y2="{y:.1f}"'
        drawn = f'<line class="{kind} {key.tone}" {ends}/>'
    return [drawn, _text(key.x + 28, key.y, key.name)]


def _mark(mark: Mark, x: Place, y: Place, ends: tuple[int, int]) -> list[str]:
    if isinstance(mark, Rule):
        at = f'x1="{ends[0]}" x2="{ends[1]}" y1="{y(mark.y):.1f}" y2="{y(mark.y):.1f}"'
        return [f'<line class="rule {mark.tone}" {at}>{_told(f"{mark.name} {mark.y:.3f}")}</line>']
    if isinstance(mark, Band):
        there = [f"{x(at):.1f},{y(high):.1f}" for at, _, high in mark.points]
        back = [f"{x(at):.1f},{y(low):.1f}" for at, low, _ in reversed(mark.points)]
        return [f'<path class="band {mark.tone}" d="M{"L".join(there + back)}Z"/>']
    if isinstance(mark, Line):
        path = "L".join(f"{x(at):.1f},{y(value):.1f}" for at, value in mark.points)
        return [f'<path class="curve {mark.tone}" d="M{path}">{_told(mark.name)}</path>']
    return [part for dot in mark.dots for part in _dot(dot, mark.tone, x, y)]


def _dot(dot: Dot, tone: Tone, x: Place, y: Place) -> list[str]:
    parts = []
    level = f"{y(dot.y):.1f}"
    if dot.low is not None and dot.high is not None:
        reach = f'x1="{x(dot.low):.1f}" x2="{x(dot.high):.1f}" y1="{level}" y2="{level}"'
        parts.append(f'<line class="reach {tone}" {reach}/>')
    at = f'cx="{x(dot.x):.1f}" cy="{level}" r="3.5"'
    parts.append(f'<circle class="point {tone}" {at}>{_told(dot.name)}</circle>')
    if dot.label:
        parts.append(_text(x(dot.x) + 6, y(dot.y) - 4, dot.label, ' class="label"'))
    return parts


def _heat(heat: Heat) -> list[str]:
    wide, high = heat.step
    parts = []
    for j, name in enumerate(heat.columns):
        x, y = heat.left + wide * (j + 0.5), heat.top - 6
        turned = f' transform="rotate(-45 {x:.1f} {y})"' if heat.slanted else ""
        parts.append(_text(x, y, short(name), turned or _MIDDLE))
    for i, (name, cells) in enumerate(zip(heat.rows, heat.cells, strict=True)):
        y = heat.top + high * i
        parts.append(_text(heat.left - 6, y + 15, short(name), _END))
        for j, cell in enumerate(cells):
            x = heat.left + wide * j
            shade = "empty" if cell.shade is None else "heat"
            filled = "" if cell.shade is None else f' fill-opacity="{cell.shade:.2f}"'
            box = f'x="{x + 1}" y="{y + 1}" width="{wide - 2}" height="{high - 2}" rx="2"'
            parts.append(f'<rect class="{shade}"{filled} {box}>{_told(cell.name)}</rect>')
            if cell.marked:
                parts.append(f'<rect class="chosen" {box}/>')
            parts.append(_text(x + wide / 2, y + 15, cell.text, f' class="in"{_MIDDLE}'))
    return parts
