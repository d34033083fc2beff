"""The figures of a profile: statistics, histogram, bands, output tokens."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.documents import PortToken, UnitProfile
from service.pages.figures import (
    band_range,
    bars,
    inactive,
    log_height,
    number,
    percent,
)
from service.pages.visible import visible_text, visible_token


def bar(part: float, cells: int) -> Text:
    """A bar of ``part`` of ``cells``, in half cells; never empty for part > 0."""
    halves = round(max(0.0, min(1.0, part)) * cells * 2)
    halves = max(1, halves) if part > 0 else 0
    return Text("▄" * (halves // 2) + "▖" * (halves % 2), style="cyan")


def statistics_text(profile: UnitProfile, *, width: int) -> Text:
    """Moments, extremes and rates, no figure broken over lines; what is undefined says so."""
    s = profile.statistics
    absent = "undefined (constant)"
    parts = [
        ("mean", number(s.mean)),
        ("std", number(s.variance**0.5)),
        ("min", number(s.min)),
        ("max", number(s.max)),
        ("skewness", absent if s.skewness is None else number(s.skewness)),
        ("kurtosis", absent if s.kurtosis is None else number(s.kurtosis)),
        ("active", f"{percent(s.share_active)} of {s.n_tokens:,} tokens"),
        ("documents", f"{s.documents_active:,}"),
        ("live", "yes" if s.live else "no"),
    ]
    text = Text()
    used = 0
    for name, value in parts:
        cells = len(name) + 1 + len(value)
        if used and used + 3 + cells > width:
            text.append("\n")
            used = 0
        text.append("   " if used else "").append(f"{name} ", style="dim").append(value)
        used += cells + (3 if used else 0)
    return text


def histogram_table(profile: UnitProfile, *, width: int) -> RenderableType:
    """Counts of non-zero values, one row a range; bars are logarithmic."""
    found = bars(profile.histogram)
    if not found:
        return Text("no value other than zero", style="dim")
    largest = max(b.count for b in found)
    cells = max(8, min(40, width - 38))
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=cells, no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for b in found:
        length = log_height(b.count, largest)
        table.add_row(Text(b.label), bar(length, cells), Text(f"{b.count:,}"))
    note = Text(f"bars on a logarithmic scale; {inactive(profile):,} tokens are zero", style="dim")
    return Group(table, note)


def band_table(profile: UnitProfile, *, width: int) -> RenderableType:
    """Windows by their maximum, with their share of the corpus."""
    if not profile.bands:
        return Text("no bands", style="dim")
    cells = max(8, min(40, width - 44))
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=cells, no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for band in profile.bands:
        name = visible_text(band.name).replace(":", " ")
        share = Text(percent(band.share))
        table.add_row(Text(name), Text(band_range(band)), bar(band.share, cells), share)
    return table


def port_table(profile: UnitProfile, *, width: int) -> RenderableType:
    """Promoted and suppressed tokens side by side."""
    if not profile.promoted and not profile.suppressed:
        return Text("none", style="dim")
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    for name in ("promoted", "suppressed"):
        table.add_column(name, no_wrap=True, max_width=max(8, (width - 26) // 2))
        table.add_column("", justify="right", no_wrap=True)
    for i in range(max(len(profile.promoted), len(profile.suppressed))):
        left, right = _port(profile.promoted, i), _port(profile.suppressed, i)
        table.add_row(*left, *right)
    return table


def _port(tokens: Sequence[PortToken], i: int) -> tuple[Text, Text]:
    if i >= len(tokens):
        return Text(), Text()
    shown = Text(visible_token(tokens[i].token), overflow="ellipsis")
    return shown, Text(f"{tokens[i].weight:+.3f}", style="dim")
