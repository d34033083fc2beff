"""Methods side by side on a terminal, what OSP has proven, and one feature on several subjects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from discovery.probing.results import Measured, MethodRow, ProbingReport
from neuroscribe.render.columns import blocks, fit
from neuroscribe.render.probing_words import (
    METHODS,
    OPTIMISTIC,
    between_text,
    measured_text,
    missing_methods,
    proof_terms,
    proofs,
    reached,
    value_text,
)
from neuroscribe.render.terminal import View
from service.pages.figures import figure
from service.pages.visible import visible_text

SHOWS_INTERVALS: Final = 149
SIZES: Final = (1, 8)
_NAME, _CELL, _WITH_INTERVAL, _SECONDS = 18, 6, 15, 11


def method_lines(report: ProbingReport, width: int, *, intervals: bool) -> Iterable[Text]:
    """A row a method, a column a k: mean F1 of the best site over features; then seconds."""
    rows = report.comparison
    if not rows:
        return
    yield Text("mean over features of the best site's F1 on unseen text, by k", style="dim")
    between = intervals or width >= SHOWS_INTERVALS
    cell = _WITH_INTERVAL if between else _CELL
    ks = sorted({k for row in rows for k in row.f1})
    for number, part in enumerate(blocks(ks, width - _NAME - _SECONDS, cell)):
        first = number == 0
        head = "".join(f"{f'k {k}':>{cell}}" for k in part) + f"{'seconds':>{_SECONDS}}" * first
        yield Text(" " * _NAME + head, style="dim")
        for row in rows:
            cells = "".join(f"{value_text(row.f1.get(k)):>{cell}}" for k in part)
            text = Text(f"{METHODS[row.method]:<{_NAME}}{cells}")
            if first:
                text.append(f"{value_text(row.seconds):>{_SECONDS}}")
            yield text
            if between:
                yield Text(" " * _NAME + _ends(row, part, cell), style="dim")
    for row in rows:
        failed = f", {row.failures:,} failed" if row.failures else ""
        said = f"n = {row.n:,}{failed}; seconds {measured_text(row.seconds)}"
        if between or row.failures:
            yield Text(f"{METHODS[row.method]}: {visible_text(said)}", style="dim")
    for method, k, reason in missing_methods(report):
        yield Text(f"{method}, k {k}: {visible_text(reason)}", style="yellow")


def _ends(row: MethodRow, ks: Sequence[int], cell: int) -> str:
    def ends(found: Measured | None) -> str:
        return between_text(found).replace(", ", ",")

    return "".join(f"{ends(row.f1.get(k)):>{cell}}" for k in ks)


def proof_lines(report: ProbingReport) -> Iterable[Text]:
    """What is proven of the supports of OSP at each k, and under which terms."""
    found = proofs(report)
    for one in found:
        whole = one.proven == one.total
        yield Text(one.text, style="green" if whole else "yellow")
    if found:
        yield Text(proof_terms(report), style="dim")


def scaling_view(reports: Sequence[ProbingReport], *, width: int | None = None) -> View:
    """Features against subjects, in the order given: best F1 at k = 1 and 8, and how it changes.

    A change is from the first to the last subject that has a value.
    """

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        features = list(dict.fromkeys(f.feature for r in reports for f in r.features))
        name = min(30, max(16, columns - 40))
        yield Text(visible_text(" · ".join(report.subject for report in reports)), style="dim")
        for k in SIZES:
            yield Text(f"\nBest F1 at k = {k}", style="bold underline")
            table = {f: [_at(report, f, k) for report in reports] for f in features}
            order = list(range(len(reports)))
            parts = blocks(order, columns - name - 13, 11)
            for at, part in enumerate(parts):
                yield from _part(reports, table, part, name, last=at == len(parts) - 1)
        yield Text(f"\n– not measured; {OPTIMISTIC}", style="dim")

    return View(draw, width)


def _part(
    reports: Sequence[ProbingReport],
    table: dict[str, list[float | None]],
    part: Sequence[int],
    name: int,
    *,
    last: bool,
) -> Iterable[Text]:
    subjects = "".join(" " + fit(reports[i].subject, 10, right=True) for i in part)
    yield Text(" " * (name + 2) + subjects + "     change" * last, style="dim")
    for feature, values in table.items():
        text = Text("  ").append(fit(feature, name))
        yield _row(text, values, part, last)
    shared = [values for values in table.values() if None not in values]
    if shared:
        mean = [fmean(v for v in column if v is not None) for column in zip(*shared, strict=True)]
        said = f"mean of {len(shared)} in all"
        yield _row(Text("  ").append(fit(said, name), style="italic"), mean, part, last)


def _row(text: Text, values: Sequence[float | None], part: Sequence[int], last: bool) -> Text:
    text.append("".join(f"{figure(values[i]):>11}" for i in part), style="not italic")
    known = [v for v in values if v is not None]
    if last:
        change = f"{known[-1] - known[0]:+.3f}" if len(known) > 1 else "–"
        text.append(f"{change:>11}", style="bold not italic")
    return text


def _at(report: ProbingReport, feature: str, k: int) -> float | None:
    found = next((f for f in report.features if f.feature == feature), None)
    best = None if found is None else reached(found, k)
    return None if best is None else best.f1
