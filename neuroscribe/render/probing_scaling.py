"""What several subjects say of one collection, on a terminal, and the words of its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from discovery.probing.after.records import SplitStep, Splitting
from discovery.probing.results import Measured
from discovery.probing.scaling import Change, Scaling, SparsityChange
from neuroscribe.probing.scaling import LEAST_F1, Scaled, SplitUnit
from neuroscribe.render.columns import blocks, fit
from neuroscribe.render.probing_words import METHODS, between_text, measured_text, value_text
from neuroscribe.render.terminal import View
from service.pages.figures import figure, signed
from service.pages.visible import visible_text

CHOSEN: Final = (
    "F1 on unseen text, at the site that was best on training rows; means and changes are over the "
    "features that every subject has; intervals of these are over features, those of a feature "
    "over groups of documents"
)
SPARSITY: Final = "the smallest k within {worth:g} of the best F1 on training rows"
NO_UNITS: Final = f"no single unit of a smaller subject reaches F1 {LEAST_F1:g} on training rows"
_CELL: Final = 15
_CHANGE: Final = 9


def scaling_view(scaled: Scaled, *, intervals: bool = False, width: int | None = None) -> View:
    """Features against subjects at each k, means with intervals, changes, sparsity, splitting.

    Args:
        scaled: What to show.
        intervals: Show those of single features; those of means always are.
        width: At most so many columns; by default the console decides.
    """
    found = scaled.scaling

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        names = " → ".join(found.subjects)
        yield Text(visible_text(f"{found.collection} on {names}"), style="bold")
        yield Text(f"{CHOSEN}; neurons chosen by {METHODS[found.method]}", style="dim")
        for k in found.ks:
            yield Text(f"\nF1 at k = {k}", style="bold underline")
            yield from _table(found, k, columns, intervals)
            for change in found.changes:
                if change.k == k:
                    yield _said(change_text(change))
        yield Text("\nNeurons that are needed", style="bold underline")
        yield _said(SPARSITY.format(worth=found.worth))
        yield from _sparsity(found, columns)
        for sparser in found.sparsity_changes:
            yield _said(sparsity_text(sparser))
        if scaled.splitting:
            yield Text("\nNeuron splitting", style="bold underline")
            for one in scaled.splitting:
                yield from map(_said, split_lines(one))
            yield _said(scaled.splitting[0].splitting.rule)

    return View(draw, width)


def _said(text: str) -> Padding:
    return Padding(Text(visible_text(text)), (0, 0, 0, 2), expand=False)


def change_text(change: Change) -> str:
    """``demo-tiny → demo: +0.031 [0.010, 0.050] over 11 features, 8 rose, ...``."""
    return (
        f"{change.smaller} → {change.larger}: {difference_text(change.f1)} over {change.n} "
        f"features, {change.rose} rose and {change.fell} fell; random neurons "
        f"{difference_text(change.random)}"
    )


def sparsity_text(change: SparsityChange) -> str:
    """``demo-tiny → demo: +1.200 [0.400, 2.000] neurons over 11 features``."""
    return (
        f"{change.smaller} → {change.larger}: {difference_text(change.k)} neurons over "
        f"{change.n} features"
    )


def difference_text(measured: Measured) -> str:
    """A difference with its sign, and its interval or why there is none."""
    return ("+" if (measured.value or 0) >= 0.0005 else "") + measured_text(measured)


def _table(found: Scaling, k: int, columns: int, intervals: bool) -> Iterable[Text]:
    name = min(30, max(16, columns - 2 - len(found.subjects) * _CELL - _CHANGE))
    parts = blocks(range(len(found.subjects)), columns - name - 2 - _CHANGE, _CELL)
    for part in parts:
        last = part is parts[-1]
        yield _head(found, part, name, " " * 3 + "change" * last)
        for one in found.features:
            cells = one.f1[k]
            yield _row(one.feature, [value_text(cells[i]) for i in part], name).append(
                f"{_apart(cells):>{_CHANGE}}" * last, style="bold"
            )
            if intervals:
                yield _ends([cells[i] for i in part], name)
        rows: tuple[tuple[str, list[Measured]], ...] = (
            (f"mean of {found.means[0].n} in all", [mean.f1[k] for mean in found.means]),
            ("random neurons", [mean.random[k] for mean in found.means]),
        )
        for said, means in rows:
            yield _row(said, [value_text(means[i]) for i in part], name, style="italic").append(
                f"{_apart(means):>{_CHANGE}}" * last
            )
            if any(between_text(means[i]) for i in part):
                yield _ends([means[i] for i in part], name)


def _sparsity(found: Scaling, columns: int) -> Iterable[Text]:
    name = min(30, max(16, columns - 2 - len(found.subjects) * _CELL - _CHANGE))
    for part in blocks(range(len(found.subjects)), columns - name - 2, _CELL):
        yield _head(found, part, name, "")
        for one in found.features:
            told = ["–" if one.sparsity[i] is None else str(one.sparsity[i]) for i in part]
            yield _row(one.feature, told, name)
        means = [found.means[i].sparsity for i in part]
        yield _row(f"mean of {found.means[0].n} in all", map(value_text, means), name, "italic")
        yield _ends(means, name)


def _head(found: Scaling, part: Sequence[int], name: int, end: str) -> Text:
    subjects = "".join(" " + fit(found.subjects[i], _CELL - 1, right=True) for i in part)
    return Text(" " * (name + 2) + subjects + end, style="dim")


def _row(said: str, cells: Iterable[str], name: int, style: str = "") -> Text:
    text = Text("  ").append(fit(said, name), style=style)
    return text.append("".join(f"{cell:>{_CELL}}" for cell in cells))


def _ends(cells: Sequence[Measured], name: int) -> Text:
    told = "".join(f"{between_text(cell).replace(', ', ','):>{_CELL}}" for cell in cells)
    return Text(" " * (name + 2) + told, style="dim")


def _apart(cells: Sequence[Measured]) -> str:
    """The last subject's value less the first's."""
    first, last = cells[0].value, cells[-1].value
    return "–" if first is None or last is None else signed(last - first)


def split_lines(one: SplitUnit) -> list[str]:
    """A unit, its sums at k = 1 and the largest k, and its parts."""
    found = one.splitting
    lines = [f"{one.feature}: {found.unit} in {found.larger}: {found.reading or found.reason}"]
    if found.steps and found.gain is not None:
        first, last = found.steps[0], found.steps[-1]
        lines.append(
            f"  {first.units[0]} alone: R² {r2_text(first)}; {last.k} units of {found.site}: "
            f"{r2_text(last)}; gain {difference_text(found.gain)}"
        )
        answering = [part for part in found.parts if part.share.value]
        if answering:
            lines.append("  parts that answer alone: " + parts_text(found))
    return lines


def r2_text(step: SplitStep) -> str:
    """R² with its interval and the best of the random sets."""
    random = max(step.random, default=None)
    return f"{measured_text(step.r2)} (random units at most {figure(random)})"


def parts_text(found: Splitting, shown: int = 3) -> str:
    """The first parts of a sum with their shares of the strongest tokens."""
    return ", ".join(f"{part.unit} {measured_text(part.share)}" for part in found.parts[:shown])
