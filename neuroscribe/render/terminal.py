"""What ``neuroscribe explain`` and ``neuroscribe show`` print, as rich renderables.

Both fit the console they are printed on, from 60 columns up. Token and document text is never
read as markup, and no control character of it reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from core.documents import ExperimentShown, ExplainDocument, UnitProfile
from core.results import Score, Verdict
from neuroscribe.render.terminal_excerpts import best, excerpt_lines
from neuroscribe.render.terminal_scores import score_lines
from neuroscribe.render.terminal_steps import arm_lines, step_line, trial_lines
from neuroscribe.render.terminal_tables import (
    band_table,
    histogram_table,
    port_table,
    statistics_text,
)
from service.pages.figures import (
    VERDICTS,
    Axis,
    Scored,
    Shading,
    activity_text,
    cautions,
    headline,
    openings_text,
    outcome_text,
    percent,
    scored,
    unread,
    usage_text,
)
from service.pages.visible import visible_text

NARROWEST: Final = 40
_MARKS: Final = "├█┤ value in its 95 % interval   ░ null up to its 95th percentile"
_COLOURS: Final[dict[Verdict, str]] = {
    "explained": "green",
    "polysemantic": "cyan",
    "abstained": "yellow",
    "dead": "bright_black",
    "low_evidence": "magenta",
    "refused": "red",
    "failed": "red",
}


@dataclass(frozen=True, slots=True)
class View:
    """Draws itself for the width and the colours of the console it is printed on."""

    draw: Callable[[int, bool], Iterable[RenderableType]]
    width: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol."""
        width = min(self.width or options.max_width, options.max_width)
        colour = console.color_system is not None and not console.no_color
        narrowed = options.update(width=max(NARROWEST, width))
        body = Group(*self.draw(max(NARROWEST, width), colour))
        yield from console.render(body, narrowed)


def explain_view(
    document: ExplainDocument, *, width: int | None = None, steps: bool = False
) -> View:
    """An investigation: verdict, explanations, scores, excerpts, experiments, provenance.

    ``width`` limits the columns used; by default the console decides. ``steps`` adds how it went.
    """

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        return _explain(document, columns, colour, steps)

    return View(draw, width)


def profile_view(profile: UnitProfile, *, width: int | None = None) -> View:
    """What the index tells of a unit: statistics, histogram, bands, excerpts, output tokens."""

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        return _profile(profile, columns, colour)

    return View(draw, width)


def _explain(
    document: ExplainDocument, width: int, colour: bool, steps: bool
) -> Iterable[RenderableType]:
    profile = document.profile
    yield _headline(document)
    yield Text(visible_text(document.reason))
    yield Text(activity_text(profile), style="dim")
    groups = scored(document)
    axis = Axis.of(document.scores)
    if not document.explanations:
        yield from _section("Explanation", Text("none", style="dim"))
    elif document.verdict not in ("explained", "polysemantic"):
        yield from _section("Best candidate, not accepted")
    else:
        yield from _section("Explanation" + "s" * (len(document.explanations) > 1))
    for group in groups:
        if group.explanation is not None:
            yield _indented(_sentence(group, numbered=len(groups) > 1))
    yield from _section(_scores_title(document))
    if not document.scores:
        yield _indented(Text("none: nothing was scored", style="dim"))
    for group in groups:
        if group.scores:
            if len(groups) > 1:
                yield Text(f"  of {group.number}.", style="bold")
            header = group is next(g for g in groups if g.scores)
            lines = score_lines(_first(group), axis, width=width - 2, header=header)
            yield from map(_indented, lines)
    if document.scores:
        yield Text(
            "  ├█┤ value in its 95 % interval   ░ null up to its 95th percentile", style="dim"
        )
        yield from map(_indented, _score_notes(document))
    if document.arms:
        yield from _section("Beside it, on the same text", *arm_lines(document.arms))
    if profile.excerpts:
        shown = best(profile.excerpts)
        shading = Shading.of(profile.excerpts)
        yield from _section("Excerpts", Text(_legend(document, colour), style="dim"))
        yield from excerpt_lines(shown, profile.bands, shading, width=width, colour=colour)
        if more := len(profile.excerpts) - len(shown):
            yield Text()
            yield _indented(Text(f"{more} more: neuroscribe show {document.unit}", style="dim"))
    if document.experiments:
        yield from _section("Experiments")
        for experiment in document.experiments:
            yield _experiment(experiment, width)
            if steps:
                yield from trial_lines(experiment, width)
    if steps and document.steps:
        yield from _section("Steps", *(step_line(s, width - 2) for s in document.steps))
    if profile.truth is not None:
        yield from _section("Truth (planted)", _truth(profile))
    yield from _section("Source", _provenance(document))


def _profile(profile: UnitProfile, width: int, colour: bool) -> Iterable[RenderableType]:
    yield Text(str(profile.unit), style="bold")
    yield from _section("Statistics", statistics_text(profile, width=width - 2))
    yield from _section("Non-zero activations", histogram_table(profile, width=width - 2))
    yield from _section("Windows by their maximum", band_table(profile, width=width - 2))
    yield from _section("Output tokens (direct path)", port_table(profile, width=width - 2))
    yield from _section("Excerpts")
    if not profile.excerpts:
        yield Text("  none", style="dim")
    shading = Shading.of(profile.excerpts)
    yield from excerpt_lines(profile.excerpts, profile.bands, shading, width=width, colour=colour)
    if profile.truth is not None:
        yield from _section("Truth (planted)", _truth(profile))
    yield from _section("Source", _source(profile))


def _headline(document: ExplainDocument) -> Text:
    sign, name = VERDICTS[document.verdict]
    text = Text(str(document.unit), style="bold")
    return text.append(f"  {sign} {name}", style=_COLOURS[document.verdict])


def _section(title: str, *body: RenderableType) -> Iterable[RenderableType]:
    yield Text()
    yield Text(title, style="bold underline")
    for part in body:
        yield _indented(part)


def _indented(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def _sentence(group: Scored, *, numbered: bool) -> Text:
    explanation = group.explanation
    assert explanation is not None
    text = Text(f"{group.number}. " if numbered else "")
    text.append(visible_text(explanation.text), style="bold")
    notes = ["output side"] if explanation.side == "output" else []
    notes += [] if explanation.polarity == "positive" else ["of the negative side"]
    if explanation.share is not None:
        notes.append(f"{percent(explanation.share)} of the activation")
    if notes:
        text.append(f"  ({', '.join(notes)})", style="not bold dim")
    return text


def _first(group: Scored) -> list[Score]:
    """The scores of an explanation that a terminal shows."""
    return [score for score in group.scores if headline(score, part=group.number > 1)]


def _score_notes(document: ExplainDocument) -> Iterable[Text]:
    """Why intervals are approximate, and how many scores are only in the other forms."""
    shown = [score for group in scored(document) for score in _first(group)]
    for said in cautions(shown):
        yield Text(f"≈ approximate: {visible_text(said)}", style="dim")
    if more := len(document.scores) - len(shown):
        yield Text(f"{more} more in --json and --html", style="dim")


def _scores_title(document: ExplainDocument) -> str:
    splits = list(dict.fromkeys(s.split for s in document.scores))
    return f"Scores ({' and '.join(splits)} split)" if splits else "Scores"


def _legend(document: ExplainDocument, colour: bool) -> str:
    mark = "shaded by activation" if colour else "«strongest», real activation below it"
    if any(e.simulated is not None for e in document.profile.excerpts):
        mark += "; sim: what the explanation predicts"
        if any(map(unread, document.profile.excerpts)):
            mark += " (? not read)"
    return mark


def _experiment(experiment: ExperimentShown, width: int) -> Text:
    figures = ", ".join(f"{name} {value}" for name, value in outcome_text(experiment.outcome))
    line = Text(f"  {visible_text(experiment.id)} ", style="dim", no_wrap=True)
    line.append(visible_text(experiment.kind).replace("_", " "), style="not dim bold")
    line.append(f"  {visible_text(figures)}", style="not dim")
    line.append(f"  {visible_text(experiment.description)}")
    line.truncate(width, overflow="ellipsis")
    return line


def _truth(profile: UnitProfile) -> RenderableType:
    truth = profile.truth or {}
    lines = []
    for key in sorted(truth, key=lambda k: (k not in ("description", "pattern"), k)):
        value = truth[key]
        if value in (None, [], ()) or key == "unit":
            continue
        said = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        text = Text(f"{visible_text(key)} ", style="dim")
        lines.append(text.append(visible_text(said), style="not dim"))
    return Group(*lines)


def _provenance(document: ExplainDocument) -> RenderableType:
    first = (
        f"{openings_text(document)} · {document.seconds:.1f} s · seed {document.seed} · "
        f"{usage_text(document)}"
    )
    second = f"run {document.run} · {document.created} · code {document.code_version}"
    return Group(Text(first), _source(document.profile), Text(visible_text(second), style="dim"))


def _source(profile: UnitProfile) -> Text:
    s = profile.source
    said = (
        f"{s.subject} ({s.subject_source}, {s.spec_hash}) on {s.corpus} "
        f"({s.corpus_fingerprint}, {s.n_documents:,} documents) · window {s.window} · "
        f"index {s.index}"
    )
    return Text(visible_text(said), style="dim")
