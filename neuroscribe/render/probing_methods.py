"""Methods side by side on a terminal, and what OSP has proven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.text import Text

from discovery.probing.results import Measured, MethodRow, ProbingReport
from neuroscribe.render.columns import blocks
from neuroscribe.render.probing_words import (
    METHODS,
    RANDOM_ROW,
    between_text,
    gain_text,
    measured_text,
    missing_methods,
    proof_terms,
    proofs,
    value_text,
)
from service.pages.visible import visible_text

SHOWS_INTERVALS: Final = 149
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
    yield from _gains(rows)
    if any(row.method == "random" for row in rows):
        yield Text(RANDOM_ROW, style="dim")
    for row in rows:
        failed = f", {row.failures:,} failed" if row.failures else ""
        said = f"n = {row.n:,}{failed}; seconds {measured_text(row.seconds)}"
        if between or row.failures:
            yield Text(f"{METHODS[row.method]}: {visible_text(said)}", style="dim")
    for method, k, reason in missing_methods(report):
        yield Text(f"{method}, k {k}: {visible_text(reason)}", style="yellow")


def _gains(rows: Sequence[MethodRow]) -> Iterable[Text]:
    """How far each method stands from the one that has no difference, the headline's."""
    first = next((METHODS[row.method] for row in rows if row.gain is None), None)
    told = [(METHODS[row.method], gain_text(row.gain)) for row in rows if row.gain is not None]
    if first is None or not told:
        return
    k = max(k for row in rows for k in row.f1)
    yield Text(f"F1 at k {k} less that of {first}, feature by feature:", style="dim")
    for name, gain in told:
        yield Text(f"{name:<{_NAME}} {visible_text(gain)}", style="dim")


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
