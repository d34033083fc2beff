"""What ``neuroscribe report`` prints, as rich renderables. Stored text is never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neuroscribe.render.report_words import (
    baselines,
    discoveries_text,
    ends,
    figure_name,
    floor_text,
    makers_text,
    matrix,
    mean_text,
    mixed_text,
    null_text,
    p_text,
    quartiles_text,
    reasons_text,
    sign_test_text,
    units_text,
)
from neuroscribe.render.terminal import View
from neuroscribe.reports.documents import (
    Discoveries,
    Distribution,
    Reliability,
    SiteReport,
    UnitLine,
)
from service.pages.figures import VERDICTS, figure, percent
from service.pages.visible import visible_text

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_SHADES: Final = (
    *("", "on grey93", "on light_cyan1"),
    *("on pale_turquoise1", "on sky_blue1", "on deep_sky_blue1"),
)
_LABEL: Final = 12
_LONGEST: Final = 160


def report_view(report: SiteReport) -> View:
    """Verdicts, distributions, discoveries, agreement of scorers, best and worst units."""

    def draw(width: int, colour: bool) -> Iterable[RenderableType]:
        yield Text(f"{report.site}  {units_text(report.units)} answered", style="bold")
        for said in (makers_text(report.makers), mixed_text(report)):
            if said:
                yield Text(visible_text(said), style="dim")
        yield from _verdicts(report, width)
        yield _title("Scores over units")
        if not report.distributions:
            yield Text("  none: no explanation was scored", style="dim")
        for found in report.distributions:
            yield from _distribution(found)
        yield _title("Discoveries")
        yield from _discoveries(report.discoveries)
        yield _title("Do scorers agree on units?")
        yield from _reliability(report.reliability, colour)
        lines = {line.unit: line for line in report.lines}
        for name, units in (("Strongest", report.strongest), ("Weakest", report.weakest)):
            yield _title(f"{name} (simulation ρ, corpus)")
            yield from _extremes([lines[unit] for unit in units])

    return View(draw)


def _title(said: str) -> Text:
    return Text(f"\n{said}", style="bold underline")


def _row(label: str, said: str, indent: int = 4) -> RenderableType:
    """A label and what belongs to it, which keeps its own column when it is long."""
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=_LABEL)
    row.add_column()
    row.add_row(Text(label), Text(visible_text(said)))
    return Padding(row, (0, 0, 0, indent), expand=False)


def _verdicts(report: SiteReport, width: int) -> Iterable[RenderableType]:
    yield _title("Verdicts")
    cells = max(8, min(30, width - 50))
    for share in report.verdicts:
        mark, name = VERDICTS[share.verdict]
        bar = "█" * round(share.share * cells)
        said = f"{percent(share.share)} [{percent(share.low)}, {percent(share.high)}]"
        yield Text(f"  {mark} {name:<13}{share.units:>5,}  {said:<22} {bar}")
    if report.unanswered:
        yield Text(f"  and {units_text(len(report.unanswered))} without an answer:")
        for unit in report.unanswered:
            reason = visible_text(unit.reason or unit.status)
            yield Padding(Text(f"{unit.unit}: {reason}", style="yellow"), (0, 0, 0, 4))


def _distribution(found: Distribution) -> Iterable[RenderableType]:
    yield Text(f"  {figure_name(found)}", style="italic")
    if found.histogram is not None:
        yield _row("units", _spark(found.histogram.values))
        yield _row("null means", _spark(found.histogram.nulls))
        yield _row("", _axis(found.histogram.edges))
        if found.histogram.below:
            yield _row("", f"{found.histogram.below} lie further down")
    yield _row("mean", f"{mean_text(found.mean)}  n = {found.n}")
    yield _row("quartiles", quartiles_text(found))
    yield _row("null", null_text(found))
    if beside := [f"{name} {figure(mean.value)}" for name, mean in baselines(found)]:
        yield _row("baselines", " · ".join(beside))
    gain = found.gain
    yield _row("gain", f"{mean_text(gain.gain, signed=True)} over the equal list")
    if gain.gain.n:
        yield _row("", sign_test_text(gain))
    if gain.left_out:
        yield _row("left out", reasons_text(gain.left_out))


def _axis(edges: Sequence[float]) -> str:
    """The ends, and zero where the axis begins below it."""
    cells = [" "] * (len(edges) - 1)
    if edges[0] < 0:
        cells[min(range(len(cells)), key=lambda i: abs(edges[i]))] = "0"
    low = f"{edges[0]:g}"
    if len(low) < edges.index(min(edges, key=abs)) or edges[0] == 0:
        cells[: len(low)] = low
    return "".join(cells) + f"{edges[-1]:g}"


def _spark(counts: Sequence[int]) -> str:
    most = max([1, *counts])
    cells = [_BLOCKS[-(-n * (len(_BLOCKS) - 1) // most)] for n in counts]
    return "".join(cells) + f"▏ most {most}"


def _discoveries(found: Discoveries) -> Iterable[RenderableType]:
    for said in (discoveries_text(found), floor_text(found)):
        if said:
            yield Padding(Text(said), (0, 0, 0, 2), expand=False)
    if found.left_out:
        yield _row("not tested", reasons_text(found.left_out), 2)
    if found.passing:
        names = " ".join(str(unit.index) for unit in found.passing)
        yield _row("passing", names, 2)


def _reliability(found: Reliability, colour: bool) -> Iterable[RenderableType]:
    if not found.pairs:
        yield Text("  fewer than two scorers", style="dim")
        return
    yield Text("  Spearman's ρ_s over units", style="dim")
    names = [name.scorer.replace("_", " ") for name in found.figures]
    wide = max(map(len, names)) + 4
    numbers = "".join(f"{i:>6}" for i in range(1, len(names) + 1))
    yield Text(f"  {'':<{wide}}{numbers}", style="dim")
    for i, (name, cells) in enumerate(zip(names, matrix(found), strict=True), 1):
        line = Text(f"  {i} {name:<{wide - 2}}")
        for value in cells:
            said = "–" if value is None else f"{value:.2f}"
            line.append(f"{said:>6}", style=_shade(value) if colour else "")
        yield line
    for pair in found.pairs:
        told = pair.reason if pair.value is None else ends(pair.low, pair.high) or pair.reason
        said = f"{pair.first + 1}, {pair.second + 1}: {told}  n = {pair.n}"
        yield Text(f"  {said}", style="dim")


def _shade(value: float | None) -> str:
    if value is None:
        return ""
    shade = _SHADES[round(abs(value) * (len(_SHADES) - 1))]
    return f"black {shade}" if shade else ""


def _extremes(lines: Sequence[UnitLine]) -> Iterable[RenderableType]:
    if not lines:
        yield Text("  none", style="dim")
    for line in lines:
        mark, name = VERDICTS[line.verdict]
        said = f"{figure(line.value)} {ends(line.low, line.high)}  q = {p_text(line.q)}"
        yield Text(f"  {line.unit}  {said}  {mark} {name}")
        sentence = Text(visible_text(line.text or ""), style="dim")
        sentence.truncate(_LONGEST, overflow="ellipsis")
        yield Padding(sentence, (0, 0, 0, 4), expand=False)
