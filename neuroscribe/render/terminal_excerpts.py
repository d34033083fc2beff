"""Excerpts on one line each: tokens shaded by activation, the simulation aligned below.

Without colour the strongest token stands in «…» and the activations get a line of blocks too. Text
written from right to left is measured like any other; a terminal that reorders it does so within
its own run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from core.documents import BandShare, ShownExcerpt
from service.pages.figures import (
    LEVELS,
    Shading,
    grouped,
    kind_name,
    number,
    peak,
)
from service.pages.visible import visible_text, visible_token

GUTTER: Final = 9
BLOCKS: Final = "▁▂▃▄▅▆▇█"
MISSING: Final = "?"
_BEST: Final = 5
_WIDE: Final = 110
_DOCUMENT: Final = 34
# From a grey that is quiet on black and on white to a colour that is loud on both.
_QUIET: Final = (88, 80, 68)
_LOUD: Final = {1: (255, 164, 28), -1: (184, 148, 255)}


def best(excerpts: Sequence[ShownExcerpt]) -> list[ShownExcerpt]:
    """Those worth a reader's first look: with simulations, and one of every other kind."""
    groups = grouped(excerpts)
    first = [g for g in groups if any(e.simulated is not None for e in g[2])] or groups[:1]
    chosen = [excerpt for _, _, members in first for excerpt in members[:_BEST]]
    seen = {kind for kind, _, _ in first}
    for kind, _, members in groups:
        if kind not in seen:
            seen.add(kind)
            chosen.append(members[0])
    return chosen


def excerpt_lines(
    excerpts: Sequence[ShownExcerpt],
    bands: Sequence[BandShare],
    shading: Shading,
    *,
    width: int,
    colour: bool,
) -> list[Text]:
    """Excerpts by kind and split, each kind under a heading."""
    lines: list[Text] = []
    for kind, split, members in grouped(excerpts):
        heading = Text(f"  {visible_text(kind_name(kind, split, bands))}", style="bold")
        heading.append(f"  ({split} split)", style="not bold dim")
        lines += [Text(), heading]
        for excerpt in members:
            lines += excerpt_pair(excerpt, shading, width=width, colour=colour)
    return lines


def excerpt_pair(
    excerpt: ShownExcerpt, shading: Shading, *, width: int, colour: bool
) -> list[Text]:
    """The tokens around the peak, then a line for the simulation (if there is one)."""
    at = peak(excerpt)
    gutter = Text(f"{number(excerpt.activations[at]) if at is not None else '–':>{GUTTER - 1}} ")
    if at is None:
        return [gutter.append("no tokens", style="dim")]
    room = width - GUTTER - (_DOCUMENT + 2 if width >= _WIDE else 0)
    levels = [shading.real(v) for v in excerpt.activations]
    shown = [visible_token(token) for token in excerpt.tokens]
    if not colour and excerpt.activations[at]:
        shown[at] = f"«{set_cell_size(shown[at], min(cell_len(shown[at]), room - 4))}»"
    elif cell_len(shown[at]) > room - 2:
        shown[at] = set_cell_size(shown[at], room - 2)
    widths = [cell_len(token) for token in shown]
    first, last = around(widths, at, room - 2)
    before = "…" if first else " "
    line = gutter.append(before, style="dim")
    for i in range(first, last):
        line.append(shown[i], style=_style(levels[i]) if colour else "")
    line.append("…" if last < len(shown) else " ", style="dim")
    if width >= _WIDE:
        line.append(" " * (width - _DOCUMENT - line.cell_len))
        line.append(_where(excerpt), style="dim")
    lines = [line]
    if not colour:
        lines.append(_heights("real", levels, widths, first, last))
    if excerpt.simulated is not None:
        lines.append(_heights("sim", shading.simulated(excerpt), widths, first, last))
    return lines


def around(widths: Sequence[int], at: int, room: int) -> tuple[int, int]:
    """First and last (exclusive) token that fit ``room`` cells with token ``at`` among them.

    Two cells in three go to what comes before: that is what the unit has read.
    """
    first, last = at, at + 1
    left = right = 0
    room -= widths[at]
    while True:
        can_left = first > 0 and left + right + widths[first - 1] <= room
        can_right = last < len(widths) and left + right + widths[last] <= room
        if can_left and (left <= 2 * right or not can_right):
            first -= 1
            left += widths[first]
        elif can_right:
            right += widths[last]
            last += 1
        else:
            return first, last


def _heights(
    name: str, levels: Sequence[int | None], widths: Sequence[int], first: int, last: int
) -> Text:
    """One block a cell, as high as the level; ``?`` where there is no value, a blank for 0."""
    line = Text(f"{name:>{GUTTER - 1}}  ", style="dim")
    if not any(level != 0 for level in levels[first:last]):
        return line.append("0 throughout")
    for i in range(first, last):
        level = levels[i] if i < len(levels) else None
        if level is None:
            line.append(MISSING * widths[i], style="dim")
            continue
        block = BLOCKS[round(abs(level) / LEVELS * (len(BLOCKS) - 1))] if level else " "
        style = "not dim #4aa8c0" if level > 0 else "not dim #a98bea"
        line.append(block * widths[i], style=style)
    return line


def _style(level: int) -> str:
    if level == 0:
        return ""
    part = abs(level) / LEVELS
    sign = 1 if level > 0 else -1
    mixed = (round(q + (e - q) * part) for q, e in zip(_QUIET, _LOUD[sign], strict=True))
    ink = "#000000" if part > 0.35 else "#ffffff"
    return f"{ink} on #{''.join(f'{channel:02x}' for channel in mixed)}"


def _where(excerpt: ShownExcerpt) -> str:
    place = f" @{excerpt.offset}"
    name = visible_text(excerpt.document)
    most = _DOCUMENT - cell_len(place)
    if cell_len(name) > most:
        while name and cell_len(name) > most - 1:
            name = name[1:]
        name = "…" + name
    return name + place
