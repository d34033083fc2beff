"""One self-contained HTML file about a site: :func:`report_page`.

The file fetches nothing and runs nothing; its Content-Security-Policy allows one style sheet, by
its hash. Stored text goes through :mod:`service.pages.visible` and Jinja's escaping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from neuroscribe.render import report_words
from neuroscribe.render.templating import asset, environment
from neuroscribe.reports.documents import (
    Distribution,
    Reliability,
    ScoreHistogram,
    SiteReport,
    UnitLine,
)
from service.pages import figures
from service.pages.templating import inert_json, source_hash
from service.pages.unit import STYLE

PAGE: Final = "report.html.j2"
OWN_STYLE: Final = "report.css"
LEVELS: Final = 10


def report_page(report: SiteReport) -> str:
    """The whole page. It can be encoded as UTF-8 whatever the explanations hold."""
    style = asset(STYLE) + asset(OWN_STYLE)
    lines = {line.unit: line for line in report.lines}
    cards = [Card.of(i, found) for i, found in enumerate(report.distributions)]
    main = {found.scorer: i for i, found in reversed([*enumerate(report.distributions)])}
    page = (
        environment()
        .get_template(PAGE)
        .render(
            report=report,
            words=report_words,
            verdicts=figures.VERDICTS,
            cards=[card for card in cards if card.number in main.values()],
            more=[card for card in cards if card.number not in main.values()],
            heat=Heat.of(report.reliability),
            extremes=[
                ("Strongest", [lines[unit] for unit in report.strongest]),
                ("Weakest", [lines[unit] for unit in report.weakest]),
            ],
            anchor=anchor,
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(inert_json(report.model_dump(mode="json"))),
        )
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def anchor(line: UnitLine) -> str:
    """Where a unit stands on the page."""
    return f"unit-{line.unit.index}"


@dataclass(frozen=True, slots=True)
class Box:
    """A bar in per cent of the plot: from ``left``, ``width`` wide, ``height`` high."""

    left: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Card:
    """One figure over all units as the template draws it; without a plot where units are too few.

    ``units`` stand above the axis, ``nulls`` hang below it, each scaled by its own fullest bin.
    """

    number: int
    found: Distribution
    axis: figures.Axis
    units: list[Box]
    nulls: list[Box]

    @classmethod
    def of(cls, number: int, found: Distribution) -> Card:
        """From counts to places."""
        drawn = found.histogram
        if drawn is None:
            return cls(number, found, figures.Axis(), [], [])
        axis = figures.Axis(drawn.edges[0], drawn.edges[-1])
        values, nulls = _boxes(drawn, drawn.values, axis), _boxes(drawn, drawn.nulls, axis)
        return cls(number, found, axis, values, nulls)

    @property
    def name(self) -> str:
        """``simulation ρ · corpus``."""
        return report_words.figure_name(self.found)

    @property
    def described(self) -> str:
        """The plot in words."""
        return (
            f"{report_words.units_text(self.found.n)}, mean "
            f"{report_words.mean_text(self.found.mean)}, null "
            f"{report_words.null_text(self.found)}"
        )

    @property
    def ticks(self) -> list[float]:
        """Round values to label."""
        return self.axis.ticks


def _boxes(drawn: ScoreHistogram, counts: list[int], axis: figures.Axis) -> list[Box]:
    most = max([1, *counts])
    return [
        Box(
            left=100.0 * axis.at(low),
            width=100.0 * (axis.at(high) - axis.at(low)),
            height=100.0 * count / most,
            title=f"{low:g} to {high:g}: {count:,}",
        )
        for low, high, count in zip(drawn.edges, drawn.edges[1:], counts, strict=False)
        if count
    ]


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of the heat map: how it is shaded, what is written, and the whole of it."""

    shade: str
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Heat:
    """Rows of the heat map below its diagonal, with a number and a name each."""

    rows: list[tuple[str, str, list[Cell]]]

    @classmethod
    def of(cls, found: Reliability) -> Heat:
        """From pairs to rows."""
        pairs = {(pair.second, pair.first): pair for pair in found.pairs}
        rows = []
        for i, name in enumerate(found.figures):
            cells = []
            for j in range(i):
                pair = pairs[i, j]
                said = pair.reason if pair.value is None else report_words.ends(pair.low, pair.high)
                text = "–" if pair.value is None else f"{pair.value:.2f}"
                cells.append(Cell(_shade(pair.value), text, f"{text} {said or ''}, n = {pair.n}"))
            rows.append((name.scorer.replace("_", " "), name.mode.replace("_", " "), cells))
        return cls(rows)


def _shade(value: float | None) -> str:
    if value is None:
        return "hx"
    level = round(abs(value) * LEVELS)
    return f"hn{level}" if value < 0 and level else f"h{level}"
