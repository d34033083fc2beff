"""Plots of :mod:`.plots` as SVG, for a page or as a file of their own.

Colours have names: a page gives them by CSS variables for light and dark, a file has them written
in. Text is made visible and escaped; every plot has a title and a description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup, escape

from neuroscribe.render.plots import (
    DARK,
    LIGHT,
    TOP,
    Band,
    Dot,
    Figure,
    Heat,
    Key,
    Line,
    Mark,
    Plot,
    Rule,
    Tone,
    flow,
    headed,
    short,
)
from service.pages.visible import visible_text

Place = Callable[[float], float]
_END: Final = ' text-anchor="end"'
_MIDDLE: Final = ' text-anchor="middle"'


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


def _text(x: float, y: float, said: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{_safe(said)}</text>'


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
        thin = " thin" if mark.thin else ""
        return [f'<path class="curve {mark.tone}{thin}" d="M{path}">{_told(mark.name)}</path>']
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
