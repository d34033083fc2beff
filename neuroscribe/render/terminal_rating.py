"""One item of a rating session as it is shown to a person, and what all ratings come to.

An item shows the explanation and the excerpts, and nothing that could tell what to answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from neuroscribe.ratings.documents import MeanRating, RatingReport, ScoreCorrelation
from neuroscribe.ratings.session import Item
from neuroscribe.render.terminal import View
from neuroscribe.render.terminal_excerpts import excerpt_pair
from service.pages.figures import Shading, figure, scorer_name
from service.pages.visible import visible_text

QUESTION: Final = "How well does the sentence fit what the unit does?"
STARS: Final = {
    1: "not at all",
    2: "a little",
    3: "in part",
    4: "mostly",
    5: "exactly",
}
KEYS: Final = "s skip · c comment · q quit"


def item_view(item: Item, number: int, total: int) -> View:
    """The item as a question."""

    def draw(width: int, colour: bool) -> Iterable[RenderableType]:
        yield Text()
        yield Text(f"{number} of {total}", style="dim")
        sentence = Text(visible_text(item.explanation.text), style="bold")
        yield Padding(sentence, (1, 2, 0, 2))
        yield Padding(Text(says(item), style="dim"), (0, 2, 1, 2))
        for excerpt in item.excerpts:
            yield from excerpt_pair(excerpt, Shading(item.scale), width=width, colour=colour)
        yield Text()
        yield Text(QUESTION)
        yield Text("  " + "  ".join(f"{n} {meaning}" for n, meaning in STARS.items()))
        yield Text("  " + KEYS, style="dim")

    return View(draw)


def says(item: Item) -> str:
    """Which side of the unit the sentence is about."""
    below = item.explanation.polarity == "negative"
    return "says when the unit goes below zero" if below else "says when the unit fires"


def report_view(report: RatingReport) -> View:
    """Means, the floor, correlations with every stored figure, and agreement of raters."""

    def draw(width: int, colour: bool) -> Iterable[RenderableType]:
        yield Text(f"{report.target}  ratings by people", style="bold")
        yield Text(_raters(report))
        yield Text()
        yield Text(f"mean rating      {_mean(report.mean)}")
        yield Text(f"controls' mean   {_mean(report.control)}")
        yield Text("  controls: explanations of other units, the floor", style="dim")
        alpha = report.agreement
        said = figure(alpha.alpha) if alpha.reason is None else f"– ({alpha.reason})"
        yield Text(f"agreement        {said}")
        yield Text(
            f"  Krippendorff's alpha, ordinal, {alpha.explanations} explanations of "
            f"{alpha.raters} raters",
            style="dim",
        )
        yield Text()
        yield from _correlations(report.correlations)

    return View(draw)


def _raters(report: RatingReport) -> str:
    if not report.raters:
        return f"{report.explanations} explanations, none rated yet"
    told = [
        f"{visible_text(r.name)} ({r.explanations} and {r.controls} controls)"
        for r in report.raters
    ]
    return f"{report.mean.n} of {report.explanations} explanations rated: {', '.join(told)}"


def _mean(mean: MeanRating) -> str:
    if mean.value is None:
        return f"– ({mean.reason})"
    return f"{mean.value:.2f} {_interval(mean.low, mean.high, mean.reason, 2)}  n = {mean.n}"


def _interval(low: float | None, high: float | None, reason: str | None, digits: int) -> str:
    if low is None or high is None:
        return f"({reason})"
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def _correlations(correlations: list[ScoreCorrelation]) -> Iterable[Text]:
    """One line a mode, below a heading for each measure, simulator and split."""
    if not correlations:
        yield Text("no rated explanation has a score", style="dim")
        return
    yield Text("rank correlation ρ_s of ratings with scores, [95 % interval], permutation p")
    groups: dict[str, list[ScoreCorrelation]] = {}
    for found in correlations:
        name = f"{scorer_name(found)}, {visible_text(found.simulator)}, {found.split} split"
        groups.setdefault(name, []).append(found)
    for name, members in groups.items():
        yield Text(f"  {name}")
        for found in members:
            yield Text(f"    {found.mode.replace('_', ' '):<15}{_correlation(found)}")


def _correlation(found: ScoreCorrelation) -> str:
    if found.value is None or found.p is None:
        return f"– ({found.reason})  n = {found.n}"
    interval = _interval(found.low, found.high, found.reason, 3)
    return f"{figure(found.value):>6} {interval}  p = {found.p:.2g}  n = {found.n}"
