"""What an edit of a unit did on one text, as it is drawn: a plot on one axis, tokens with bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.interventions import InterventionDocument, MovedText, MovedToken
from service.pages import figures

LEFT, WIDTH = 2.0, 96.0
ROW = 40
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of the plot: ``at`` is a dot, ``ends`` what a line joins to it, in per cent.

    ``y`` is where the row begins, in pixels.
    """

    kind: str
    words: str
    y: int
    at: float
    ends: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MovedPlot:
    """The unit's divergence, and below it those of other units and random directions."""

    marks: list[Mark]
    ticks: list[tuple[float, str]]
    height: int
    words: str

    @classmethod
    def of(cls, document: InterventionDocument) -> MovedPlot:
        """All on one axis from zero."""
        own, null, random = document.divergence, document.null, document.random
        low, high = own.low, own.high
        ends = (own.value, own.value) if low is None or high is None else (low, high)
        rows = [("own", f"this unit: {figures.nats(own.value)}", own.value, ends)]
        if null is not None:
            said = f"mean {figures.nats(null.mean.value)}, largest {figures.nats(null.largest)}"
            beside = f"{null.units} other unit{'s' if null.units != 1 else ''}"
            between = (null.mean.value, null.largest)
            rows.append(("other", f"{beside}: {said}", null.mean.value, between))
        said = f"mean {figures.nats(random.mean)}, largest {figures.nats(random.largest)}"
        beside = f"{random.directions} random directions"
        rows.append(("other", f"{beside}: {said}", random.mean, (random.mean, random.largest)))
        largest = max(max(value, reach[1]) for _, _, value, reach in rows)
        step = _step(largest)
        steps = max(1, math.ceil(largest / step - 1e-9))
        end = step * steps

        def place(value: float) -> float:
            return round(LEFT + WIDTH * min(1.0, max(0.0, value / end)), 2)

        marks = [
            Mark(kind, words, i * ROW, place(value), (place(reach[0]), place(reach[1])))
            for i, (kind, words, value, reach) in enumerate(rows)
        ]
        ticks = [(place(step * i), f"{step * i:.3g}") for i in range(steps + 1)]
        told = "; ".join(words for _, words, _, _ in rows)
        return cls(marks, ticks, len(rows) * ROW, f"How far the prediction moves. {told}")


def _step(largest: float) -> float:
    """A round distance between ticks, of which three to five reach ``largest``."""
    least = max(largest, figures.SMALLEST_NATS) / 5
    size = 10.0 ** math.floor(math.log10(least))
    return next(size * step for step in STEPS if size * step >= least * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token with its probabilities, and bars in per cent of the longest of the tables."""

    token: str
    before: str
    after: str
    before_bar: float
    after_bar: float


@dataclass(frozen=True, slots=True)
class EditShown:
    """An intervention on one text, ready to be drawn."""

    document: InterventionDocument
    text: MovedText
    plot: MovedPlot
    raised: list[TokenRow]
    lowered: list[TokenRow]

    @classmethod
    def of(cls, document: InterventionDocument) -> EditShown:
        """From what the desk answered about one text."""
        (text,) = document.texts
        longest = max((max(t.before, t.after) for t in [*text.raised, *text.lowered]), default=1.0)
        return cls(
            document,
            text,
            MovedPlot.of(document),
            _rows(text.raised, longest),
            _rows(text.lowered, longest),
        )


def _rows(tokens: Sequence[MovedToken], longest: float) -> list[TokenRow]:
    return [
        TokenRow(
            token=moved.token,
            before=figures.percent(moved.before),
            after=figures.percent(moved.after),
            before_bar=round(100 * moved.before / longest, 2),
            after_bar=round(100 * moved.after / longest, 2),
        )
        for moved in tokens
    ]
