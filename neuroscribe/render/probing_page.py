"""One self-contained HTML file about a probing run, and its plots as files.

The file fetches nothing and runs nothing; its Content-Security-Policy allows one style sheet, by
its hash. Names and reasons go through :mod:`service.pages.visible` and Jinja's escaping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from core.version import code_version
from discovery.probing.results import Certificate, FeatureReport, ProbeScore, ProbingReport
from neuroscribe.render import after_words, probing_plots, probing_words
from neuroscribe.render.after_plots import weights_plot
from neuroscribe.render.plot_files import check_kind
from neuroscribe.render.plot_png import png
from neuroscribe.render.plot_svg import sheet, svg, variables
from neuroscribe.render.plots import Figure
from neuroscribe.render.probing_plots import figures
from neuroscribe.render.templating import asset, environment
from service.pages.figures import figure
from service.pages.templating import encodable, inert_json, source_hash
from service.pages.unit import STYLE

if TYPE_CHECKING:
    from neuroscribe.probing.after import FeatureAfter

PAGE: Final = "probing.html.j2"
PLOT_STYLE, OWN_STYLE = "plots.css", "probing.css"
MOST_SCORES: Final = 4000
"""More scores than these are left out of the page's document; ``--json`` has them all."""


@dataclass(frozen=True, slots=True)
class Grid:
    """F1 of every method at every site (mean over seeds), by k."""

    ks: list[int]
    rows: list[tuple[str, str, list[float | None]]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A feature with its plots and tables."""

    number: int
    feature: FeatureReport
    figures: list[tuple[str, str]]
    curve: Markup | None
    losses: Markup | None
    grid: Grid
    certificates: list[tuple[ProbeScore, Certificate]]
    failures: list[ProbeScore]


def probing_page(
    report: ProbingReport,
    *,
    findings: Mapping[str, str] | None = None,
    after: Sequence[FeatureAfter] = (),
) -> str:
    """The whole page. ``findings``: by feature, the ID of what was stored for it.

    ``after``: what the neurons found do, where that was asked.
    """
    style = asset(STYLE) + variables() + asset(PLOT_STYLE) + asset(OWN_STYLE)
    draw = Drawer()
    scores = sum(len(f.scores) for f in report.features)
    kept = report if scores <= MOST_SCORES else _without_scores(report)
    page = (
        environment()
        .get_template(PAGE)
        .render(
            report=report,
            words=probing_words,
            heat=draw(probing_plots.site_heat(report)),
            places=draw(probing_plots.precision_recall(report)),
            methods=draw(probing_plots.methods(report)),
            bases=draw(probing_plots.bases(report)),
            shown=[
                _shown(number, feature, draw)
                for number, feature in enumerate(probing_words.measured_features(report), 1)
            ],
            ks=sorted({k for row in report.comparison for k in row.f1}),
            left_out=0 if kept is report else scores,
            findings=findings or {},
            after=[(found, _weights(found, draw)) for found in after],
            after_words=after_words,
            code_version=code_version(),
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(inert_json(kept.model_dump(mode="json"))),
        )
    )
    return encodable(page)


def plots_file(
    report: ProbingReport,
    path: Path,
    *,
    findings: Mapping[str, str] | None = None,
    after: Sequence[FeatureAfter] = (),
) -> bytes:
    """The plots as ``.png`` or ``.svg``, or the whole page as ``.html``; see :func:`file_of`."""
    return file_of(
        path,
        lambda: figures(report),
        lambda: probing_page(report, findings=findings, after=after),
    )


def file_of(path: Path, drawn: Callable[[], Sequence[Figure]], page: Callable[[], str]) -> bytes:
    """What belongs into a file of this name: ``.png``, ``.svg`` or ``.html``.

    Raises as :func:`check_kind`.
    """
    check_kind(path)
    match path.suffix.lower():
        case ".png":
            return png(drawn())
        case ".svg":
            return sheet(drawn(), asset(PLOT_STYLE)).encode("utf-8")
    return page().encode("utf-8")


class Drawer:
    """Draws figures of one page, each under an ID of its own."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, drawn: Figure | None) -> Markup | None:
        """The figure, or None where there is nothing to draw."""
        if drawn is None:
            return None
        self.drawn += 1
        return svg(drawn, f"plot-{self.drawn}")


def _weights(found: FeatureAfter, draw: Drawer) -> Markup | None:
    weights = None if found.report is None else found.report.weights
    return None if weights is None else draw(weights_plot(weights))


def _shown(number: int, feature: FeatureReport, draw: Drawer) -> Shown:
    scores = probing_words.scores_of(feature)
    return Shown(
        number=number,
        feature=feature,
        figures=_figures(feature),
        curve=draw(probing_plots.curve(feature)),
        losses=draw(probing_plots.losses(feature)),
        grid=_grid(feature),
        certificates=[(s, s.certificate) for s in scores if s.certificate is not None],
        failures=[s for s in scores if s.failure is not None],
    )


def _figures(feature: FeatureReport) -> list[tuple[str, str]]:
    best, controls = feature.best, feature.controls
    assert best is not None
    said = probing_words.measured_text
    return [
        ("F1", said(best.f1)),
        ("precision", said(best.precision)),
        ("recall", said(best.recall)),
        ("MCC", said(best.mcc)),
        ("average precision", said(best.average_precision)),
        ("ROC-AUC", said(best.roc_auc)),
        ("log-loss", figure(best.log_loss)),
        ("null F1", probing_words.null_text(feature.null)),
        ("random neurons", said(feature.random)),
        ("token alone", said(None if controls is None else controls.token)),
        ("place alone", said(None if controls is None else controls.position)),
        ("all called positive", said(None if controls is None else controls.majority)),
    ]


def _grid(feature: FeatureReport) -> Grid:
    means = probing_words.means(feature)
    ks = sorted({k for _, _, k in means})
    lines = dict.fromkeys((site, method) for site, method, _ in means)
    rows = [
        (site, probing_words.METHODS[method], [means.get((site, method, k)) for k in ks])
        for site, method in lines
    ]
    return Grid(ks, rows)


def _without_scores(report: ProbingReport) -> ProbingReport:
    features = tuple(f.model_copy(update={"scores": ()}) for f in report.features)
    return report.model_copy(update={"features": features})
