"""What ``neuroscribe find probe`` prints, as rich renderables.

Features stand in one line each from 140 columns up and in two below; figures are never broken over
lines. Names of features and whatever else was read from files is never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from discovery.probing.results import FeatureReport, ProbeScore, ProbingReport
from neuroscribe.render.columns import fit, some
from neuroscribe.render.probing_methods import method_lines, proof_lines
from neuroscribe.render.probing_words import (
    RANDOM_BESIDE,
    basis_verdict,
    between_text,
    fact_text,
    failures,
    head_text,
    measured_features,
    measured_text,
    p_text,
    status_text,
    unmeasured,
    value_text,
    warned,
    warnings,
)
from neuroscribe.render.terminal import View
from neuroscribe.render.terminal_tables import bar
from service.pages.figures import figure
from service.pages.visible import visible_text

WIDE: Final = 140
_BAR, _NAME, _SITE, _UNITS = 8, 24, 9, 20
_FIGURES: Final[tuple[tuple[str, int], ...]] = (
    *(("F1 [95 %]", 20), ("", _BAR), ("prec.", 5), ("rec.", 5), ("null", 5), ("p", 6)),
    *(("rand.", 5), ("token", 5), ("place", 5)),
)
_LEGEND: Final = (
    "F1, precision and recall on text that no choice has seen · null: 95th percentile with labels "
    f"shuffled · rand.: {RANDOM_BESIDE} · token, place: probes of the token and of its "
    "place alone · !: warned of, see below"
)


def probing_view(
    report: ProbingReport,
    *,
    findings: Mapping[str, str] | None = None,
    intervals: bool = False,
    width: int | None = None,
) -> View:
    """Data set, features, methods, proofs, what failed, and what to do next.

    Args:
        report: What to show.
        findings: By feature, the ID of the finding that was stored for it.
        intervals: Show those of the comparison of methods; wide screens always do.
        width: At most so many columns; by default the console decides.
    """

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        yield Text(visible_text(f"{report.collection} on {report.subject}"), style="bold")
        yield Text(head_text(report), style="dim")
        yield from _section("Data", _dataset(report))
        yield from _features(report, columns)
        yield from _section("Not measured", *_unmeasured(report))
        yield from _section("Warnings", *_warnings(report))
        readings = [(f.feature, f.reading) for f in report.features if f.reading]
        yield from _section("Precision against recall", *map(_named, readings))
        yield from _section("Methods", *method_lines(report, columns - 2, intervals=intervals))
        yield from _section("Proofs of optimal supports", *proof_lines(report))
        bases = [(f.feature, said) for f in report.features if (said := basis_verdict(f))]
        yield from _section("Neurons against rotated bases (1-sparse F1)", *map(_named, bases))
        yield from _section("Rounds", *_rounds(report))
        yield from _section("Probes that failed", *_failures(report))
        yield from _section("Findings", *_findings(findings or {}))

    return View(draw, width)


def _section(title: str, *body: RenderableType) -> Iterable[RenderableType]:
    if body:
        yield Text(f"\n{title}", style="bold underline")
        yield from (Padding(part, (0, 0, 0, 2), expand=False) for part in body)


def _dataset(report: ProbingReport) -> Text:
    facts = {**report.summary, "fingerprint": report.dataset}
    text = Text()
    for name, value in facts.items():
        text.append(" · " if text else "")
        text.append(visible_text(name).replace("_", " ") + "\u00a0", style="dim")
        text.append(visible_text(fact_text(value)).replace(" ", "\u00a0"))
    return text


def _features(report: ProbingReport, width: int) -> Iterable[RenderableType]:
    yield Text("\nFeatures", style="bold underline")
    found = measured_features(report)
    if not found:
        yield Text("  none was measured", style="dim")
        return
    line = _in_one if width >= WIDE else _in_two
    figures = " ".join(name.rjust(size) for name, size in _FIGURES)
    figures = _FIGURES[0][0].ljust(_FIGURES[0][1]) + figures[_FIGURES[0][1] :]
    if width >= WIDE:
        lead = (("feature", _NAME), ("site", _SITE), ("  k", 3), ("neurons", _unit_cells(width)))
        figures = " ".join((*(name.ljust(size) for name, size in lead), figures))
    yield Text(f"  {figures}".rstrip(), style="dim")
    for feature in found:
        yield from line(feature, width)
    yield Padding(Text(_LEGEND, style="dim"), (0, 0, 0, 2), expand=False)


def _unit_cells(width: int) -> int:
    return min(60, _UNITS + width - WIDE)


def _best(feature: FeatureReport) -> ProbeScore:
    assert feature.best is not None
    return feature.best


def _in_one(feature: FeatureReport, width: int) -> Iterable[Text]:
    best = _best(feature)
    text = Text("  ")
    text.append(fit(feature.feature, _NAME), style="bold").append(" ")
    text.append(fit(best.site, _SITE)).append(f" {best.k:>3} ")
    cells = _unit_cells(width)
    text.append(some([str(u) for u in best.units], cells).ljust(cells)).append(" ")
    yield text.append_text(_figures(feature))


def _in_two(feature: FeatureReport, width: int) -> Iterable[Text]:
    best = _best(feature)
    where = f"  {visible_text(best.site)} · k {best.k} · "
    units = some([str(u) for u in best.units], 24)
    room = width - 2 - len(where) - len(units)
    name = fit(feature.feature, max(12, room)).rstrip()
    text = Text("  ")
    yield text.append(name, style="bold").append(where, style="dim").append(units)
    yield Text("  ").append_text(_figures(feature))


def _figures(feature: FeatureReport) -> Text:
    best, null, controls = _best(feature), feature.null, feature.controls
    f1 = f"{value_text(best.f1)} {between_text(best.f1) or '(no interval)'}"
    text = Text(f"{f1:<20} ", style="bold")
    drawn = bar(best.f1.value or 0.0, _BAR)
    text.append_text(drawn).append(" " * (_BAR - len(drawn)))
    beside = [
        *(f"{value_text(best.precision):>5}", f"{value_text(best.recall):>5}"),
        *(f"{figure(None if null is None else null.p95):>5}", f"{p_text(null):>6}"),
        f"{value_text(feature.random):>5}",
        f"{value_text(None if controls is None else controls.token):>5}",
        f"{value_text(None if controls is None else controls.position):>5}",
    ]
    text.append(" " + " ".join(beside), style="not bold")
    return text.append(" !", style="bold yellow") if warned(feature) else text


def _unmeasured(report: ProbingReport) -> Iterable[Text]:
    for feature, reason in unmeasured(report):
        text = Text(visible_text(feature.feature), style="bold")
        text.append(f"  {status_text(feature)}: {visible_text(reason)}", style="not bold yellow")
        counts = f"  ({feature.positives:,} positives, {feature.negatives:,} negatives)"
        yield text.append(counts, style="not bold dim")


def _warnings(report: ProbingReport) -> Iterable[Text]:
    for said, features in warnings(report):
        text = Text("! ", style="bold yellow").append(visible_text(said), style="not bold yellow")
        yield text.append(f": {visible_text(_listed(features))}", style="not bold default")


def _listed(names: list[str], shown: int = 6) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def _named(pair: tuple[str, str]) -> Text:
    return Text(visible_text(pair[0]), style="bold").append(
        f"  {visible_text(pair[1])}", style="not bold"
    )


def _rounds(report: ProbingReport) -> Iterable[Text]:
    for feature in report.features:
        for found in feature.rounds:
            units = some([str(u) for u in found.units], 30)
            said = f"round {found.number}, {found.site}, units {units}: {measured_text(found.f1)}"
            yield _named((feature.feature, said))


def _failures(report: ProbingReport) -> Iterable[Text]:
    for reason, count in failures(report):
        yield Text(f"{count:,} × {visible_text(reason)}", style="yellow")


def _findings(findings: Mapping[str, str]) -> Iterable[Text]:
    for feature, id in findings.items():
        yield _named((feature, id))
        yield Text(f"  neuroscribe explain --finding {visible_text(id)}", style="dim")
