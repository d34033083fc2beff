"""The scores of one explanation, one line a score, or two where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from core.results import Score
from service.pages.figures import (
    Axis,
    figure,
    interval,
    mode_name,
    scorer_name,
    source,
    without_value,
)
from service.pages.visible import visible_text

ROOMY: Final = 116
_NAME, _VALUE, _INTERVAL, _COUNT = 17, 6, 17, 7
_FIXED: Final = _NAME + _VALUE + _INTERVAL + _COUNT + 3
_BESIDE: Final = (("null mean/p95", 13), ("list equal", 10), ("list 50", 7), ("full table", 10))


def score_lines(
    scores: Sequence[Score], axis: Axis, *, width: int, header: bool = True
) -> list[RenderableType]:
    """Header and rows. Every value comes with its interval, or with why it has none."""
    roomy = width >= ROOMY
    oracle = any(s.oracle is not None for s in scores)
    beside = [*_BESIDE, ("oracle", 6)] if oracle else list(_BESIDE)
    taken = _FIXED + (sum(cells + 2 for _, cells in beside) if roomy else 0)
    cells = max(8, min(30, width - taken))
    lines: list[RenderableType] = []
    if header:
        lines.append(_header(axis, cells, beside if roomy else []))
    named: dict[str, list[Score]] = {}
    for score in scores:
        named.setdefault(scorer_name(score) + source(score, scores), []).append(score)
    for name, members in named.items():
        lines.append(Text(visible_text(name), style="italic"))
        for score in members:
            line = _row(score, axis, cells)
            if roomy and score.value is not None:
                for (_, wide), said in zip(beside, _stands_beside(score), strict=False):
                    line.append(f"  {said:>{wide}}")
            lines.append(line)
            if (note := _note(score, roomy=roomy)).plain:
                lines.append(Padding(note, (0, 0, 0, 4), expand=False))
    return lines


def _header(axis: Axis, cells: int, beside: Sequence[tuple[str, int]]) -> Text:
    low = f"{axis.low:g}"
    ends = f"{low}{axis.high:>{cells - len(low)}g}"
    said = (
        f"{'':<{_NAME}}{'value':>{_VALUE}} {'[95 % interval]':<{_INTERVAL}} {ends} {'n':>{_COUNT}}"
    )
    said += "".join(f"  {name:>{wide}}" for name, wide in beside)
    return Text(said, style="dim")


def _row(score: Score, axis: Axis, cells: int) -> Text:
    line = Text(f"  {mode_name(score):<{_NAME - 2}}")
    if score.value is None:
        absent = visible_text(score.status)
        line.append(f"{absent:<{_VALUE + _INTERVAL + 1}} ", style="yellow")
        line.append(" " * cells)
    else:
        line.append(f"{figure(score.value):>{_VALUE}} ", style="bold")
        line.append(f"{interval(score):<{_INTERVAL}} ", style="dim")
        line.append_text(interval_bar(score, axis, cells))
    return line.append(f" {score.n_excerpts:>{_COUNT},}", style="not bold")


def _stands_beside(score: Score) -> list[str]:
    null = f"{figure(score.null_mean)}/{figure(score.null_p95)}"
    if score.null_mean is None and score.null_p95 is None:
        null = "–"
    baselines = (score.token_list_equal, score.token_list_50, score.token_table, score.oracle)
    return [null, *map(figure, baselines)]


def _note(score: Score, *, roomy: bool) -> Text:
    """A line under a score: its reason and, without room for columns, what stands beside it."""
    if score.value is None:
        return Text(visible_text(without_value(score)), style="yellow")
    names = ("null", "list equal", "list 50", "full table", "oracle")
    found = zip(names, _stands_beside(score), strict=True)
    said = [] if roomy else [f"{name} {value}" for name, value in found if value != "–"]
    text = Text(" · ".join(said), style="dim")
    if score.reason:
        text.append(f"{' · ' if said else ''}{visible_text(score.reason)}", style="yellow")
    return text


def interval_bar(score: Score, axis: Axis, cells: int) -> Text:
    """``░░░····├──█─┤···``: null up to its 95th percentile, whiskers, value, on the shared axis."""

    def cell(value: float) -> int:
        return min(cells - 1, int(axis.at(value) * cells))

    line: list[tuple[str, str]] = [("·", "dim")] * cells
    if axis.low < 0:
        line[cell(0.0)] = ("│", "dim")
    if score.null_p95 is not None:
        start = min(cell(score.null_mean or 0.0), cell(score.null_p95))
        for i in range(start, cell(score.null_p95) + 1):
            line[i] = ("░", "dim")
    if score.low is not None and score.high is not None:
        low, high = cell(score.low), cell(score.high)
        for i in range(low, high + 1):
            line[i] = ("─", "cyan")
        line[low], line[high] = ("├", "cyan"), ("┤", "cyan")
    if score.value is not None:
        mark = "◂" if axis.outside(score.value) else "█"
        line[cell(score.value)] = (mark, "bold cyan")
    return Text.assemble(*line)
