"""Units that fire on a text, for people. Stored text is never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.pages.figures import figure
from service.pages.visible import visible_text, visible_token

if TYPE_CHECKING:
    from service.documents import FiringFound, FiringUnit

_LEGEND = (
    "peak ÷ typical: the highest on the text, and the median of the unit's strongest windows; "
    "windows: share of the corpus's windows with a peak as high; random: share of random texts of "
    "this length"
)


def firing_view(found: FiringFound) -> RenderableType:
    """Two lines a unit: what it does on the text, and what is said of it; then the baseline."""
    parts: list[RenderableType] = []
    widest = max((len(str(unit.unit)) for unit in found.units), default=0)
    for unit in found.units:
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(min_width=widest, overflow="fold")
        row.add_column(overflow="fold")
        row.add_row(Text(str(unit.unit), style="bold"), _figures(unit))
        parts.append(row)
        if unit.verdict is not None:
            said = f"{unit.verdict}: {visible_text(unit.text)}" if unit.text else unit.verdict
            parts.append(Padding(Text(said, overflow="fold"), (0, 0, 0, 2)))
    if not parts:
        parts.append(Text("no unit of the sites that were collected fires on it"))
    parts += [Text(line, style="dim") for line in _below(found)]
    return Group(*parts)


def _figures(unit: FiringUnit) -> Text:
    text = Text("on ")
    text.append(f"«{visible_token(unit.token)}»", style="bold cyan")
    text.append(f"  {figure(unit.value)} ÷ {figure(unit.typical_peak)}")
    text.append(f"  windows {100 * unit.share:.2f} %")
    if unit.random_share is not None:
        text.append(f", random {100 * unit.random_share:.1f} %", style="dim")
    return text


def _below(found: FiringFound) -> list[str]:
    """What the figures mean, how many units are as unusual anyway, and what was left out."""
    lines = [_LEGEND] if found.units else []
    lines.append(_counted(found))
    if found.not_collected:
        lines.append("not collected, so not ranked: " + ", ".join(found.not_collected))
    return lines


def _counted(found: FiringFound) -> str:
    if found.above is None:
        return f"how many units are unusually high is not told: {found.reason}"
    share = f"{100 * found.unusual:g} %"
    told = (
        f"{found.above:,} of {found.ranked:,} live units are as high in at most {share} of windows"
    )
    if found.null is None:
        return f"{told}; how many are anyway is not told: {found.reason}"
    null = found.null
    return (
        f"{told}; on random text {null.mean:.1f} on average (95th percentile {null.p95:.0f}, "
        f"{null.draws} texts), as many or more: p {figure(null.p)} "
        f"(smallest possible {figure(null.smallest_p)})"
    )
