"""Plots as nouns: axes, lines, bands, dots, heat maps, and where everything stands.

Nothing here knows what is plotted or how it is drawn: :mod:`.plot_svg` and :mod:`.plot_png` draw
the same. Tones differ in form as well (full, dashed, dotted lines; filled and open dots), so
nothing rests on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

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
    """Points that belong together, in order of x; ``thin`` is for one of many."""

    name: str
    points: tuple[tuple[float, float], ...]
    tone: Tone = "main"
    thin: bool = False


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
        """Each named mark but thin lines once, in rows under the axes."""
        named = [
            m
            for m in self.marks
            if not isinstance(m, Band) and m.name and not (isinstance(m, Line) and m.thin)
        ]
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
        return TOP + (self._reach + 8 if self.slanted else 16)

    @property
    def _reach(self) -> int:
        """How far the longest slanted name reaches, upwards as to the right."""
        longest = min(_LONGEST, max(map(len, self.columns), default=0))
        return round(longest * _LETTER * 0.75)

    @property
    def width(self) -> int:
        """Of the whole; room for the last slanted name."""
        return (
            self.left + self.step[0] * len(self.columns) + (self._reach if self.slanted else RIGHT)
        )

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
