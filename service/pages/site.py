"""A layer as a page: its units in a table that can be sorted, and how their scores are spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.pages import figures
from service.pages.templating import encodable, environment
from storage.documents import SiteLine

COLUMNS = (("index", "Unit"), ("verdict", "Verdict"), ("value", "ρ, corpus [95 %]"))
EXPORTS = (
    ("html", "One-file page", "this table, without a server"),
    ("html&details=true", "One-file page, with details", "scores and excerpts of each unit too"),
    ("jsonl", "JSON lines", "one whole document a line"),
    ("neuronpedia", "Neuronpedia", "its export batches, as an archive"),
    ("neuron-explainer", "neuron-explainer", "OpenAI's files, as an archive"),
)
LEFT, WIDTH, GAP = 4.0, 92.0, 0.6  # per cent
BOTTOM, HEIGHT = 150.0, 110.0  # pixels
LOW, HIGH, STEP = -0.2, 1.0, 0.1


@dataclass(frozen=True, slots=True)
class Box:
    """A bar of the histogram, and what it says: across in per cent, down in pixels."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """How the scores of a layer are spread. ``null`` is where its median 95th percentile stands."""

    boxes: list[Box]
    labels: list[tuple[float, str]]
    null: float | None
    words: str

    @classmethod
    def of(cls, lines: Sequence[SiteLine]) -> Plot | None:
        """None without a score."""
        values = [line.value for line in lines if line.value is not None]
        if not values:
            return None
        steps = round((HIGH - LOW) / STEP)
        counts = [0] * steps
        for value in values:
            counts[min(steps - 1, max(0, int((value - LOW) / STEP + 1e-9)))] += 1
        largest, width = max(counts), WIDTH / steps
        boxes = []
        for i, count in enumerate(counts):
            if count:
                low = LOW + i * STEP
                high = HEIGHT * count / largest
                words = f"{low:.1f} to {low + STEP:.1f}: {count} unit{'s' if count > 1 else ''}"
                place = round(LEFT + i * width + GAP / 2, 2)
                boxes.append(
                    Box(
                        place, round(BOTTOM - high, 1), round(width - GAP, 2), round(high, 1), words
                    )
                )
        nulls = [line.null_p95 for line in lines if line.null_p95 is not None]
        null = statistics.median(nulls) if nulls else None
        told = f"{len(values)} scores, median {figures.figure(statistics.median(values))}"
        told += (
            ""
            if null is None
            else f"; median of the nulls' 95th percentiles {figures.figure(null)}"
        )
        labels = [(_place(LOW + i * STEP * 2), f"{LOW + i * STEP * 2:.1f}") for i in range(7)]
        return cls(boxes, labels, None if null is None else _place(null), told + ".")


def _place(value: float) -> float:
    return round(LEFT + WIDTH * (min(HIGH, max(LOW, value)) - LOW) / (HIGH - LOW), 2)


def ordered(lines: Sequence[SiteLine], sort: str) -> list[SiteLine]:
    """By number, by verdict, or the best first; what has no score comes last."""
    if sort == "verdict":
        return sorted(lines, key=lambda line: (line.verdict, line.unit.index))
    if sort == "value":
        return sorted(lines, key=lambda x: (x.value is None, -(x.value or 0.0), x.unit.index))
    return sorted(lines, key=lambda line: line.unit.index)


def site_page(name: str, width: int, lines: Sequence[SiteLine], more: bool, sort: str) -> str:
    """The whole page."""
    shown: dict[str, Any] = {
        "name": name,
        "subject": name.partition("/")[0],
        "site": name.partition("/")[2],
        "width": width,
        "lines": ordered(lines, sort),
        "more": more,
        "sort": sort,
        "order": "descending" if sort == "value" else "ascending",
        "columns": COLUMNS,
        "exports": EXPORTS,
        "plot": Plot.of(lines),
        "verdicts": figures.VERDICTS,
        "meanings": figures.MEANINGS,
    }
    return encodable(environment().get_template("site.html.j2").render(shown))
