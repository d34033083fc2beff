"""One self-contained HTML file a unit: :func:`unit_page`.

The file fetches nothing and runs nothing: its Content-Security-Policy allows one style sheet, by
its hash, and no script. The document itself travels along as JSON in a data block. Every string
that reaches the page goes through :mod:`service.pages.visible` and Jinja's escaping.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from core.documents import (
    BandShare,
    ExperimentShown,
    ExplainDocument,
    Histogram,
    ShownExcerpt,
)
from core.results import Provenance
from service.pages import figures
from service.pages.templating import asset, encodable, environment, inert_json, source_hash
from service.pages.timeline import timeline
from service.pages.visible import visible_token

PAGE: Final = "unit.html.j2"
STYLE: Final = "unit.css"
SHOWN_FIRST: Final = {"top": 4, "bottom": 4}
HISTOGRAM_BARS: Final = 44
HELD: Final = {
    True: ("held", "came true"),
    False: ("failed", "did not come true"),
    None: ("unclear", "decides nothing"),
}
WINDOW: Final = 64  # the command line's default


def unit_page(document: ExplainDocument) -> str:
    """The whole page. It can be encoded as UTF-8 whatever the tokens hold."""
    style = asset(STYLE)
    page = (
        environment()
        .get_template(PAGE)
        .render(
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(data_block(document)),
            **shown(document),
        )
    )
    return encodable(page)


def shown(document: ExplainDocument) -> dict[str, Any]:
    """What the templates of a unit's page draw."""
    excerpts = document.profile.excerpts
    shading = figures.Shading.of(excerpts)
    groups = _excerpt_groups(excerpts, document.profile.bands, shading)
    return {
        "document": document,
        "profile": document.profile,
        "verdict": figures.VERDICTS[document.verdict],
        "meaning": figures.MEANINGS[document.verdict],
        "groups": figures.scored(document),
        "axis": figures.Axis.of(document.scores),
        "shading": shading,
        "excerpt_groups": [g for g in groups if not g.later],
        "later_groups": [g for g in groups if g.later],
        "simulated": [v for e in excerpts for v in e.simulated or [] if v is not None],
        "unread": any(figures.unread(excerpt) for excerpt in excerpts),
        "histogram": HistogramPlot.of(document.profile.histogram),
        "inactive": figures.inactive(document.profile),
        "command": command(document),
        "provenance": _provenance(document),
        "spent": figures.usage_text(document),
        "timeline": timeline(document),
        "trials": trial_rows,
        "served": False,
    }


def data_block(document: ExplainDocument) -> str:
    """The document as JSON in a page."""
    return inert_json(document.model_dump())


def command(document: ExplainDocument) -> str:
    """The command line that computes the document again."""
    source = document.profile.source
    words = ["neuroscribe", "explain", str(document.unit), "--seed", str(document.seed), "--fresh"]
    words += ["--mode", document.mode] if document.mode != "agent" else []
    words += ["--corpus", source.corpus] if source.corpus != "builtin" else []
    words += ["--window", str(source.window)] if source.window != WINDOW else []
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Cell:
    """One token: what is written, the classes that shade it, and its exact values."""

    text: str
    classes: str
    title: str
    breaks: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One excerpt with the height of its peak and where it stands."""

    excerpt: ShownExcerpt
    peak: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Group:
    """Excerpts drawn alike: ``rows`` at once, ``more`` on request; all of it if ``later``."""

    name: str
    split: str
    rows: list[Row]
    more: list[Row]
    later: bool


def _excerpt_groups(
    excerpts: Sequence[ShownExcerpt], bands: Sequence[BandShare], shading: figures.Shading
) -> list[Group]:
    groups = []
    splits = dict.fromkeys(excerpt.split for excerpt in excerpts)
    for kind, split, members in figures.grouped(excerpts):
        rows = [excerpt_row(excerpt, shading) for excerpt in members]
        first = SHOWN_FIRST.get(kind, 2)
        name = figures.kind_name(kind, split, bands)
        later = split == "select" and len(splits) > 1
        groups.append(Group(name, split, rows[:first], rows[first:], later))
    return groups


def excerpt_row(excerpt: ShownExcerpt, shading: figures.Shading) -> Row:
    """Tokens with the classes that shade them."""
    at = figures.peak(excerpt)
    simulated = shading.simulated(excerpt) if excerpt.simulated is not None else None
    cells = []
    for i, (token, value) in enumerate(zip(excerpt.tokens, excerpt.activations, strict=True)):
        classes = ["t", _class("r", shading.real(value))]
        title = f"activation {figures.number(value)}"
        if simulated is not None and excerpt.simulated is not None:
            known = i < len(simulated)
            level = simulated[i] if known else None
            exact = excerpt.simulated[i] if known else None
            classes.append("sx" if level is None else _class("s", level))
            said = "not read" if exact is None else f"{figures.number(exact)} of 10"
            title += f", simulated {said}"
        if i == at and value:
            classes.append("peak")
        cells.append(Cell(visible_token(token), " ".join(classes), title, "\n" in token))
    peak = "none" if at is None else figures.number(excerpt.activations[at])
    return Row(excerpt, peak, cells)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One text that was run: its text up to the ``token`` that was judged, and what came out.

    ``held`` is a class of the style sheet, ``words`` and ``title`` say the same in full.
    """

    held: str
    mark: str
    words: str
    figures: str
    title: str
    before: str
    token: str


def trial_rows(experiment: ExperimentShown) -> list[TrialRow]:
    """The trials of an experiment, in their order."""
    rows = []
    for trial in experiment.trials:
        held, words = HELD[trial.held]
        did = "–" if trial.quantile is None else f"{trial.quantile:.2f}"
        said = "" if trial.predicted is None else f"said {trial.predicted:.0f}/10, "
        title = "" if trial.measured is None else f"activation {figures.number(trial.measured)}"
        if trial.before is not None:
            title += f", {figures.number(trial.before)} before the text was changed"
        tokens = [visible_token(token) for token in trial.tokens]
        rows.append(
            TrialRow(
                held=held,
                mark=figures.HELD[trial.held][0],
                words=words,
                figures=f"{said}did {did}",
                title=title,
                before="".join(tokens[: trial.position]),
                token=tokens[trial.position],
            )
        )
    return rows


def _class(letter: str, level: int) -> str:
    """``r7`` for a positive, ``rn7`` for a negative level."""
    return f"{letter}n{-level}" if level < 0 else f"{letter}{level}"


@dataclass(frozen=True, slots=True)
class PlotBar:
    """A bar in per cent of the plot: from ``left``, ``width`` wide, ``height`` high."""

    bar: figures.Bar
    left: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class HistogramPlot:
    """Bars of equal width on a logarithmic axis, with the edges worth writing below them."""

    bars: list[PlotBar]
    labels: list[tuple[float, str]]
    largest: int

    @classmethod
    def of(cls, histogram: Histogram) -> HistogramPlot:
        """From counts to places."""
        found = figures.bars(histogram, HISTOGRAM_BARS)
        largest = max((b.count for b in found), default=0)
        step = 100.0 / max(len(found), 1)
        placed = [
            PlotBar(b, i * step, step * 0.86, 100.0 * figures.log_height(b.count, largest))
            for i, b in enumerate(found)
        ]
        edges = [*(b.low for b in found), *(b.high for b in found[-1:])]
        every = max(1, math.ceil(len(edges) / 5))
        labels = [(i * step, f"{edge:.2g}") for i, edge in enumerate(edges) if i % every == 0]
        if found and (len(edges) - 1) % every > every / 2:
            labels.append((100.0, f"{edges[-1]:.2g}"))
        return cls(placed, labels, largest)


def _provenance(document: ExplainDocument) -> list[tuple[str, str]]:
    source = document.profile.source
    rows = [
        ("subject", f"{source.subject}, from {source.subject_source}"),
        ("subject spec", source.spec_hash),
        ("corpus", f"{source.corpus}, {source.n_documents:,} documents"),
        ("corpus fingerprint", source.corpus_fingerprint),
        ("index", f"{source.index}, windows of {source.window} tokens"),
        ("seed", str(document.seed)),
        ("code version", document.code_version),
        ("run", f"{document.run}, {document.created}"),
    ]
    for made in dict.fromkeys(_method(e.provenance) for e in document.explanations):
        rows += made
    simulators = dict.fromkeys(s.simulator for s in document.scores)
    return [*rows, ("simulator", ", ".join(simulators))] if simulators else rows


def _method(made: Provenance) -> tuple[tuple[str, str], ...]:
    optional = {"model": made.model, "prompt": made.prompt, "prompt hash": made.prompt_hash}
    rows = [("method", made.method), *((k, v) for k, v in optional.items() if v is not None)]
    if made.parameters:
        said = ", ".join(f"{name} = {value}" for name, value in made.parameters.items())
        rows.append(("parameters", said))
    return tuple(rows)
