"""Studies on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from neuroscribe.studies.protocol import Protocol
from neuroscribe.studies.scaling import Scaling
from neuroscribe.studies.validity import Figure, Validity
from neuroscribe.studies.wrong import KINDS
from service.pages.figures import figure, scorer_name

GOOD, POOR = 0.95, 0.75
NAME, CELL = 18, 10


def validity_view(study: Validity) -> RenderableType:
    """AUROC of true against wrong explanations: a row a score, a column a kind of fault."""
    kinds = [k for k in KINDS if k != "found" and any(f.kind == k for f in study.overall)]
    lines = [Text(" " * NAME + "".join(f"{_short(kind):<{CELL}}" for kind in kinds), style="dim")]
    heading = ""
    for name, mode in scores_of(study):
        if name != heading:
            heading = name
            lines.append(Text(name, style="italic"))
        cells = [find(study, name, mode, kind) for kind in kinds]
        lines.append(Text.assemble(f"  {_short(mode):<{NAME - 2}}", *map(_value, cells)))
        lines.append(Text.assemble(" " * NAME, *map(_interval, cells)))
    said = [Text(f"{_short(kind)}: {KINDS[kind]}", style="dim") for kind in kinds]
    best = ", ".join(
        f"{_short(kind)} {study.best[kind]:.3f}" for kind in kinds if kind in study.best
    )
    found = [f for f in study.overall if f.kind == "found" and f.auroc is not None]
    if found:
        said.append(Text(f"\nwhat {study.explainer} says (.5: as good as the truth)"))
    for f in found:
        between = "" if f.low is None or f.high is None else f" [{f.low:.2f}, {f.high:.2f}]"
        means = f"mean {figure(f.mean_wrong)}, truth {figure(f.mean_true)}"
        name = f"{scorer_name(f)}, {_short(f.mode)}"
        said.append(Text(f"  {name:<40} {figure(f.auroc)}{between}  {means}"))
    return Group(
        Text(f"Validity on {study.units} planted units of {len(study.families)} families"),
        Text("AUROC of the true explanation against a wrong one [95 % interval over units]"),
        *lines,
        *said,
        Text(f"best score for each: {best}"),
        Text(f"token F1 of the true explanation on random text: {figure(study.f1_true)}"),
    )


def protocol_view(study: Protocol) -> RenderableType:
    """A line a setting: mean ρ with its interval as a bar, and the gain over the default."""
    lines = [
        Text("Protocol sweep: ρ on untouched text (corpus), mean over units [95 %]"),
        Text(f"{'':<16}{'mean':<6} {'[95 % interval]':<16} {'0':<19}1  gain over default", "dim"),
    ]
    heading = ("", "")
    for s in study.settings:
        if heading != (s.subject, s.axis):
            heading = (s.subject, s.axis)
            lines.append(Text(f"{s.subject}: {s.axis}", style="italic"))
        bar = "─" * 20
        if s.mean is not None:
            at = min(19, max(0, int(s.mean * 20)))
            bar = bar[:at] + "█" + bar[at + 1 :]
        between = "no interval" if s.low is None else f"[{s.low:.3f}, {s.high:.3f}]"
        gain = "default" if s.gain is None and s.axis == "window" else "–"
        if s.gain is not None:
            ends = "" if s.gain_low is None else f" [{s.gain_low:+.3f}, {s.gain_high:+.3f}]"
            gain = f"{s.gain:+.3f}{ends}"
        lines.append(
            Text(f"  {s.value:<14}{figure(s.mean):<6} {between:<16} {bar} {gain}  n={s.scored}")
        )
    return Group(*lines)


def scaling_view(study: Scaling) -> RenderableType:
    """A line a subject and mode: mean ρ, what stands beside it, and the gain over token lists."""
    lines: list[Text] = []
    heading = ""
    for row in study.rows:
        title = f"{row.explainer} explains, {row.simulator} simulates"
        if title != heading:
            heading = title
            lines.append(Text(title, style="italic"))
            head = f"{'':<30}{'mean':<6} {'[95 % interval]':<16} {'null p95':<9}{'list':<6} gain"
            lines.append(Text(head, style="dim"))
        size = "" if row.parameters is None else f" {row.parameters / 1e6:.1f}M"
        between = "no interval" if row.low is None else f"[{row.low:.3f}, {row.high:.3f}]"
        gain = figure(row.gain)
        if row.gain_low is not None:
            gain += f" [{row.gain_low:.3f}, {row.gain_high:.3f}]"
        name = f"  {row.subject}{size}"
        lines.append(
            Text(
                f"{name:<20}{'corpus' if row.mode == 'corpus' else 'top+rand':<10}"
                f"{figure(row.mean):<6} {between:<16} {figure(row.null_p95):<9}"
                f"{figure(row.list_equal):<6} {gain}"
            )
        )
        if row.lost:
            lost = ", ".join(f"{count} {why}" for why, count in row.lost.items())
            lines.append(Text(f"    {row.scored} of {row.units} units scored ({lost})", "dim"))
    return Group(*lines)


def scores_of(study: Validity) -> list[tuple[str, str]]:
    """Names and modes of the scores, in the study's order."""
    return list(dict.fromkeys((scorer_name(f), f.mode) for f in study.overall))


def find(study: Validity, name: str, mode: str, kind: str) -> Figure | None:
    """The figure of one cell."""
    for found in study.overall:
        if (scorer_name(found), found.mode, found.kind) == (name, mode, kind):
            return found
    return None


def _short(name: str) -> str:
    return name.replace("_two", "_2").replace("_", " ")


def _value(found: Figure | None) -> Text:
    if found is None or found.auroc is None:
        return Text(f"{'–':<{CELL}}", style="dim")
    style = "bold green" if found.auroc >= GOOD else "red" if found.auroc < POOR else ""
    return Text(f"{figure(found.auroc):<{CELL}}", style=style)


def _interval(found: Figure | None) -> Text:
    if found is None or found.low is None or found.high is None:
        return Text(" " * CELL)
    return Text(f"{f'{found.low:.2f}-{found.high:.2f}':<{CELL}}", style="dim")
