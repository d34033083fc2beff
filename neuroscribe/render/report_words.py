"""How the figures of a site report are said, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from neuroscribe.reports.documents import (
    Discoveries,
    Distribution,
    FigureName,
    Gain,
    Maker,
    Mean,
    ReasonCount,
    Reliability,
    SiteReport,
)
from service.pages.figures import figure, scorer_name

BASELINES: Final = {
    "token_list_equal": "list equal",
    "token_list_50": "list 50",
    "token_table": "full table",
    "oracle": "oracle",
}


def figure_name(name: FigureName) -> str:
    """``simulation ρ · corpus``."""
    return f"{scorer_name(name)} · {name.mode.replace('_', ' ')}"


def units_text(count: int) -> str:
    """``1 unit``, ``38 units``."""
    return f"{count:,} unit{'s' * (count != 1)}"


def ends(low: float | None, high: float | None) -> str:
    """``[low, high]``, or nothing."""
    return "" if low is None or high is None else f"[{figure(low)}, {figure(high)}]"


def mean_text(mean: Mean, signed: bool = False) -> str:
    """``0.489 [0.430, 0.545]``, or why it is missing."""
    if mean.value is None:
        return f"– ({mean.reason})"
    said = f"{mean.value:+.3f}" if signed else figure(mean.value)
    return f"{said} {ends(mean.low, mean.high) or f'({mean.reason})'}"


def quartiles_text(found: Distribution) -> str:
    """The three quartiles and the ends, or why there are none."""
    at = found.quartiles
    if at is None:
        return f"– ({found.reason})"
    middle = ", ".join(map(figure, (at.first, at.median, at.third)))
    return f"{middle}; from {figure(at.least)} to {figure(at.most)}"


def null_text(found: Distribution) -> str:
    """The null's mean over units and its pooled 95th percentile."""
    if found.null_mean.value is None:
        return "– (no null)"
    return f"{figure(found.null_mean.value)}, 95th percentile {figure(found.null_p95)}"


def baselines(found: Distribution) -> list[tuple[str, Mean]]:
    """The baselines that any unit has."""
    named = ((said, getattr(found.baselines, name)) for name, said in BASELINES.items())
    return [(said, mean) for said, mean in named if mean.value is not None]


def sign_test_text(gain: Gain) -> str:
    """``26 better, 0 equal, 12 worse; sign test p = 0.034``."""
    said = f"{gain.better} better, {gain.ties} equal, {gain.worse} worse"
    return said if gain.p is None else f"{said}; sign test p = {p_text(gain.p)}"


def p_text(p: float | None) -> str:
    """Two digits that count."""
    return "–" if p is None else f"{p:.2g}"


def reasons_text(reasons: Sequence[ReasonCount], shown: int = 4) -> str:
    """``2 not scored (abstained), 1 dead``; the rarest are put together."""
    said = [f"{r.units} {r.reason}" for r in reasons[:shown]]
    if rest := sum(r.units for r in reasons[shown:]):
        said.append(f"{rest} for other reasons")
    return ", ".join(said)


def discoveries_text(found: Discoveries) -> str:
    """How many units pass."""
    if found.reason is not None:
        return f"None: {found.reason}."
    return (
        f"{len(found.passing)} of {units_text(found.tested)} pass q ≤ {found.level:g} "
        f"(Benjamini-Hochberg); {len(found.passing_any)} under any dependence "
        "(Benjamini-Yekutieli)."
    )


def floor_text(found: Discoveries) -> str:
    """What so few null units can show at best."""
    if found.null_units is None:
        return ""
    best = f"With {found.null_units} null units no p is below 1/{found.null_units + 1}: "
    if found.needed is None:
        return f"{best}not even all units at that floor would pass."
    if found.needed == 1:
        return f"{best}one unit at that floor passes."
    return (
        f"{best}one unit at that floor alone has q = {p_text(found.smallest_q)}; "
        f"{found.needed} must stand there together to pass."
    )


def makers_text(makers: Sequence[Maker]) -> str:
    """Who explained and who simulated how many units."""
    said = []
    for maker in makers:
        model = f" with {maker.model}" if maker.model else ""
        simulator = f", simulated by {maker.simulator}" if maker.simulator else ""
        said.append(f"{units_text(maker.units)} explained by {maker.method}{model}{simulator}")
    return "; ".join(said)


def mixed_text(report: SiteReport) -> str:
    """Why units are not quite comparable, or nothing."""
    parts = [
        f"{count} {what}"
        for count, what in (
            (report.subject_specs, "versions of the subject"),
            (report.corpora, "corpora"),
            (len(report.makers), "ways of explaining and simulating"),
        )
        if count > 1
    ]
    return f"Mixed: the answers come from {' and '.join(parts)}." if parts else ""


def matrix(found: Reliability) -> list[list[float | None]]:
    """Correlations of every figure with every other, 1 with itself."""
    size = len(found.figures)
    cells: list[list[float | None]] = [
        [1.0 if i == j else None for j in range(size)] for i in range(size)
    ]
    for pair in found.pairs:
        cells[pair.first][pair.second] = cells[pair.second][pair.first] = pair.value
    return cells
