"""Explanations that were found, for people. Stored text is never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.pages.figures import figure
from service.pages.visible import visible_text
from storage.found import FoundByMeaning, MeaningPage

if TYPE_CHECKING:
    from storage.found import FoundExplanation, FoundScore, SearchPage, Similarities

_LEGEND = (
    "ρ: correlation on the whole corpus [95 % interval] (≈ approximate); "
    "null: 95th percentile of the same prediction on other units"
)


def page_view(page: SearchPage | MeaningPage) -> RenderableType:
    """Two lines or more an explanation: unit, verdict and main score; then where the words are.

    By meaning each also has its similarity, and what all similarities are like stands below.
    """
    below = [Text(_similar(page.all), style="dim")] if isinstance(page, MeaningPage) else []
    if not page.hits:
        return Group(Text("nothing found"), *below)
    widest = max(len(str(hit.unit)) for hit in page.hits)
    parts: list[RenderableType] = []
    for hit in page.hits:
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(min_width=widest, overflow="fold")
        row.add_column(min_width=12, overflow="fold")
        row.add_column(overflow="fold")
        cells = [Text(str(hit.unit), style="bold"), Text(hit.verdict or "–"), _score(hit.score)]
        if isinstance(hit, FoundByMeaning):
            cells.insert(1, _similarity(hit))
            row.add_column(overflow="fold")
        row.add_row(*cells)
        parts += [row, Padding(_snippet(hit), (0, 0, 0, 2))]
    parts += [Text(_LEGEND, style="dim"), *below]
    if page.after is not None:
        parts.append(Text(f"more: --after {page.after}"))
    return Group(*parts)


def _similarity(hit: FoundByMeaning) -> Text:
    text = Text(f"sim {figure(hit.similarity)}")
    return text if hit.z is None else text.append(f" (z {hit.z:.1f})", style="dim")


def _similar(known: Similarities) -> str:
    """The baseline of every similarity, and what is not in it."""
    told = "no explanation was compared"
    if known.count:
        told = (
            f"sim: cosine with the text; all {known.count:,} explanations: "
            f"median {figure(known.median)}, 95th percentile {figure(known.p95)}, "
            f"highest {figure(known.highest)}; z: standard deviations above their mean"
        )
    if known.not_compared:
        told += f"; {known.not_compared:,} have no direction"
    if known.waiting:
        told += f"; {known.waiting:,} were not compared yet"
    return told


def _score(score: FoundScore | None) -> Text:
    if score is None:
        return Text("ρ –")
    if score.value is None:
        return Text(f"ρ {score.status}: {visible_text(score.reason or '')}")
    text = Text(f"ρ {figure(score.value)}")
    if score.low is not None and score.high is not None:
        mark = "≈" if score.caution else ""
        text.append(f" {mark}[{figure(score.low)}, {figure(score.high)}]")
    return text.append(f"  null {figure(score.null_p95)}", style="dim")


def _snippet(hit: FoundExplanation) -> Text:
    text = Text(overflow="fold")
    for piece, matched in hit.snippet:
        text.append(visible_text(piece), style="bold cyan" if matched else "")
    return text
