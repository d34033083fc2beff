"""The study of arms on a terminal: what experiments on the model are worth."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from neuroscribe.studies.arms import Arms, Figure
from scoring.samples import MODES
from service.pages.figures import figure

NAMES = {
    "one_shot": "one-shot",
    "agent": "agent",
    "resampling": "resampling",
    "revision": "revision",
    "reexplanation": "reexplanation",
    "revision_random": "revision_rand",
}
WIDTH = 21
SPAN = 0.1


def arms_view(study: Arms) -> RenderableType:
    """A line an arm: mean ρ, null and token list beside it, and the paired gain over one-shot."""
    return Group(*_lines(study))


def _lines(study: Arms) -> Iterator[Text]:
    yield Text(
        f"{study.units} units of {study.subject}: {study.explainer} explains, {study.simulator} "
        f"simulates; the agent ran {study.mean_runs:.0f} texts a unit"
    )
    yield Text("ρ on untouched text, mean over units [95 %]; gain over one-shot, paired by unit")
    groups = list(dict.fromkeys(f.group for f in study.figures))
    for group in groups if len(groups) > 2 else groups[:1]:
        for mode in MODES:
            figures = [f for f in study.figures if (f.group, f.mode) == (group, mode)]
            beside = figures[1]
            yield Text(
                f"{group}: {mode}  ({figures[0].units} units; null p95 {figure(beside.null_p95)}, "
                f"equal token list {figure(beside.token_list_equal)})",
                style="italic",
            )
            for found in figures:
                yield from _arm(found)


def _arm(found: Figure) -> Iterator[Text]:
    between = "no interval" if found.low is None else f"[{found.low:.3f}, {found.high:.3f}]"
    line = Text(f"  {NAMES[found.arm]:<15}{figure(found.mean):<6} {between:<16} ")
    if found.gain is None:
        yield line.append(f"{-SPAN:<+{WIDTH // 2}.1f}0{SPAN:>+{WIDTH // 2}.1f}", style="dim")
        return
    line.append(_bar(found))
    ends = "" if found.gain_low is None else f" [{found.gain_low:+.3f}, {found.gain_high:+.3f}]"
    sure = found.gain_low is not None and (found.gain_low > 0 or (found.gain_high or 0) < 0)
    said = Text(f"{'':<17}gain {found.gain:+.3f}{ends}", style="bold" if sure else "")
    yield line
    yield said.append(
        f"  better {found.better}, same {found.same}, worse {found.worse}", style="not bold dim"
    )


def _bar(found: Figure) -> str:
    """The gain's interval on a line from -SPAN to SPAN; the middle is no gain."""

    def place(value: float) -> int:
        return max(0, min(WIDTH - 1, round((value + SPAN) / (2 * SPAN) * (WIDTH - 1))))

    cells = ["·"] * WIDTH
    cells[WIDTH // 2] = "│"
    if found.gain_low is not None and found.gain_high is not None:
        for i in range(place(found.gain_low), place(found.gain_high) + 1):
            cells[i] = "─"
    if found.gain is not None:
        cells[place(found.gain)] = "█"
    return "".join(cells)
