"""How numbers are said and drawn, the same in the terminal and on the page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from core.documents import BandShare, ExplainDocument, Histogram, ShownExcerpt, UnitProfile
from core.results import Calibration, Explanation, Measure, Score, Scorer, Verdict

LEVELS: Final = 10
SMALLEST_NATS: Final = 1e-4

VERDICTS: Final[dict[Verdict, tuple[str, str]]] = {
    "explained": ("●", "explained"),
    "polysemantic": ("◐", "polysemantic"),
    "abstained": ("○", "abstained"),
    "dead": ("×", "dead"),
    "low_evidence": ("◌", "low evidence"),
    "refused": ("!", "refused"),
    "failed": ("!", "failed"),
}
MEANINGS: Final[dict[Verdict, str]] = {
    "explained": "On text that no earlier step saw, the explanation predicts this unit, "
    "and other units clearly less.",
    "polysemantic": "It is explained, and two or more separate readings each predict it alone.",
    "abstained": "No explanation predicted it well enough on unseen text, so none is claimed.",
    "dead": "It never changes on this corpus, so there is nothing to explain.",
    "low_evidence": "It is active in too few documents for a claim.",
    "refused": "The language model declined to simulate it: nothing is known of the explanation.",
    "failed": "The language model simulated no token: nothing is known of the explanation.",
}
ARMS: Final = {
    "one_shot": "without experiments",
    "resampling": "as many texts, no experiments",
    "paraphrase": "in other words",
}
HELD: Final[dict[bool | None, tuple[str, str]]] = {
    True: ("✓", "green"),
    False: ("✗", "red"),
    None: ("·", "dim"),
}
CALIBRATIONS: Final = {
    "none": "not calibrated",
    "linear": "fitted line",
    "percentile": "by percentile",
}
MEASURES: Final = {
    "auroc": "AUROC",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "share found",
    "divergence_explained": "divergence explained",
}


def number(value: float) -> str:
    """Four significant digits, thousands kept whole: ``0.0123``, ``-4.5``, ``12,345``."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def figure(value: float | None) -> str:
    """A score or baseline with three decimals; ``–`` where there is none."""
    if value is None:
        return "–"
    shown = f"{value:.3f}"
    return "0.000" if shown == "-0.000" else shown


def nats(value: float) -> str:
    """A divergence with three significant digits; one too small to matter says so."""
    if 0 < value < SMALLEST_NATS:
        return "under 0.0001"
    return "0" if value <= 0 else f"{value:.3g}"


def signed(value: float) -> str:
    """A difference with its sign and three decimals; zero has none."""
    shown = f"{value:+.3f}"
    return "0.000" if shown in ("+0.000", "-0.000") else shown


def interval(score: Score) -> str:
    """``[low, high]`` of a score (``≈`` before it: approximate), or ``no interval``."""
    if score.low is None or score.high is None:
        return "no interval"
    mark = "≈" if score.caution else ""
    return f"{mark}[{figure(score.low)}, {figure(score.high)}]"


def percent(share: float) -> str:
    """A share in per cent, with two digits that count: ``62 %``, ``3.1 %``, ``0.012 %``."""
    value = 100.0 * share
    if value == 0.0 or value >= 10.0:
        return f"{value:.0f} %" if value < 99.5 or share == 1.0 else f"{value:.2f} %"
    return f"{value:.2g} %" if value >= 1e-4 else f"{value:.0e} %"


class Named(Protocol):
    """Anything that says which scorer's figure it is."""

    @property
    def scorer(self) -> Scorer:
        """Which scorer."""
        ...

    @property
    def measure(self) -> Measure:
        """Which of its figures."""
        ...

    @property
    def calibration(self) -> Calibration:
        """From what predictions."""
        ...


def scorer_name(score: Named) -> str:
    """What a score measures, as a reader says it: ``detection, AUROC``."""
    if score.scorer == "explained_variance":
        how = CALIBRATIONS[score.calibration]
        return f"explained variance, {how}"
    if score.scorer == "simulation":
        return "simulation ρ"
    return f"{score.scorer.replace('_', ' ')}, {MEASURES.get(score.measure, score.measure)}"


def source(score: Score, scores: Sequence[Score]) -> str:
    """``, by MODEL`` where a score does not follow from the simulation, which comes first."""
    return "" if score.simulator == scores[0].simulator else f", by {score.simulator}"


def headline(score: Score, *, part: bool = False) -> bool:
    """Whether a score stands among those that are shown first: one measure a scorer.

    Of a ``part`` of what was said (one meaning, the output side) only the scores it rests on.
    """
    if part and score.scorer not in ("simulation", "intervention"):
        return False
    if score.scorer == "explained_variance":
        return score.calibration == "linear" and score.mode != "random_only"
    return score.measure != "balanced_accuracy"


def cautions(scores: Iterable[Score]) -> list[str]:
    """Why some intervals are approximate, each reason once."""
    return list(dict.fromkeys(s.caution for s in scores if s.caution))


def mode_name(score: Score) -> str:
    """``top and random``, ``random only`` or ``corpus``."""
    return score.mode.replace("_", " ")


def without_value(score: Score) -> str:
    """Why a score has no value: ``undefined: constant prediction``."""
    return f"{score.status}: {score.reason}"


@dataclass(frozen=True, slots=True)
class Axis:
    """One scale for all scores of a document; what lies outside is drawn at its end."""

    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, scores: Iterable[Score]) -> Axis:
        """From min(0, smallest figure), in steps of a quarter and at least -1, to 1."""
        figures = [
            value
            for s in scores
            for value in (
                *(s.value, s.low, s.null_mean, s.oracle),
                *(s.token_list_equal, s.token_list_50, s.token_table),
            )
            if value is not None
        ]
        smallest = min([0.0, *figures])
        return cls(max(-1.0, math.floor(smallest * 4 - 1e-9) / 4) if smallest < -0.02 else 0.0)

    def at(self, value: float) -> float:
        """Where ``value`` lies between the ends, in [0, 1]."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def outside(self, value: float) -> bool:
        """Whether ``value`` is drawn at an end because it lies beyond it."""
        return not self.low - 0.02 <= value <= self.high

    @property
    def ticks(self) -> list[float]:
        """Round values to label."""
        step = 0.25 if self.low >= -0.25 else 0.5
        first = math.ceil(self.low / step) * step
        return [first + step * i for i in range(round((self.high - first) / step) + 1)]


@dataclass(frozen=True, slots=True)
class Scored:
    """An explanation (None where a score names none that is shown) with its scores."""

    number: int
    explanation: Explanation | None
    scores: tuple[Score, ...]


def scored(document: ExplainDocument) -> list[Scored]:
    """Every explanation, numbered from 1 and with its scores, in the document's order."""
    by_id: dict[str, list[Score]] = {}
    for score in document.scores:
        by_id.setdefault(score.explanation_id, []).append(score)
    groups = [
        Scored(i, explanation, tuple(by_id.pop(explanation.id, ())))
        for i, explanation in enumerate(document.explanations, 1)
    ]
    rest = tuple(score for scores in by_id.values() for score in scores)
    return [*groups, Scored(len(groups) + 1, None, rest)] if rest else groups


@dataclass(frozen=True, slots=True)
class Bar:
    """``count`` values in [low, high); ``merged`` where the smallest were put together."""

    low: float
    high: float
    count: int
    merged: bool = False

    @property
    def label(self) -> str:
        """The range in words."""
        low = "0" if self.merged and self.low >= 0 else f"{self.low:.3g}"
        high = "0" if self.merged and self.low < 0 else f"{self.high:.3g}"
        return f"{low} to {high}"


def bars(histogram: Histogram, rows: int = 16) -> list[Bar]:
    """At most about ``rows`` bars, lowest values first, empty ends cut off.

    Neighbouring bins are joined in fours at most (an octave, as an index writes them); what is
    still too much on the side of zero becomes one bar that reaches down to zero.
    """
    edges = histogram.edges
    cells = [Bar(edges[i], edges[i + 1], n) for i, n in enumerate(histogram.counts)]
    below = [c for c in reversed(cells) if c.high <= 0]
    above = [c for c in cells if c.low >= 0]
    across = [c for c in cells if c.low < 0 < c.high and c.count]
    sides = sum(any(c.count for c in side) for side in (below, above))
    budget = rows // max(sides, 1)
    return [*reversed(_side(below, budget)), *across, *_side(above, budget)]


def _side(cells: Sequence[Bar], budget: int) -> list[Bar]:
    """Bars of one side, from zero outwards; joined ones begin at powers of two."""
    if not cells:
        return []
    octave = [i for i, c in enumerate(cells) if math.frexp(min(abs(c.low), abs(c.high)))[0] == 0.5]
    for size in (1, 2, 4):
        start = octave[0] % size if octave else 0
        starts = [0, *range(start or size, len(cells), size)]
        joined = [_join(cells[a:b]) for a, b in zip(starts, [*starts[1:], len(cells)], strict=True)]
        filled = [i for i, cell in enumerate(joined) if cell.count]
        if not filled:
            return []
        joined = joined[filled[0] : filled[-1] + 1]
        if len(joined) <= budget:
            return joined
    extra = len(joined) - budget + 1
    return [_join(joined[:extra], merged=True), *joined[extra:]]


def _join(cells: Sequence[Bar], *, merged: bool = False) -> Bar:
    low, high = min(c.low for c in cells), max(c.high for c in cells)
    return Bar(low, high, sum(c.count for c in cells), merged)


def log_height(count: int, largest: int) -> float:
    """Length of a bar in [0, 1] on a logarithmic scale, on which one token is still seen."""
    return math.log1p(count) / math.log1p(largest) if largest else 0.0


def inactive(profile: UnitProfile) -> int:
    """Tokens whose activation is exactly zero."""
    return max(0, profile.statistics.n_tokens - sum(profile.histogram.counts))


def activity_text(profile: UnitProfile) -> str:
    """How often and how strongly the unit fires, in a sentence."""
    s = profile.statistics
    documents = f"{s.documents_active:,} document{'s' * (s.documents_active != 1)}"
    return (
        f"active on {percent(s.share_active)} of {s.n_tokens:,} tokens, in {documents}; "
        f"from {number(s.min)} to {number(s.max)}"
    )


def band_range(band: BandShare) -> str:
    """What a window's largest activation must be to lie in the band."""
    match band.low, band.high:
        case None, None:
            return "any"
        case None, high:
            return f"below {number(high or 0.0)}"
        case low, None:
            return f"{number(low or 0.0)} and above"
        case low, high:
            return f"{number(low or 0.0)} to {number(high or 0.0)}"


def kind_name(kind: str, split: str, bands: Sequence[BandShare]) -> str:
    """How an excerpt was drawn: ``strongest``, or ``band 2 (maximum 0.5 to 1.2)``.

    Each split has bands of its own, and a profile holds those of ``explain``.
    """
    named = re.fullmatch(r"band:(\d+)", kind)
    if named is None:
        return {"top": "strongest", "bottom": "most negative"}.get(kind, kind)
    ranges = [band_range(band) for band in bands if band.name == kind and split == "explain"]
    return f"band {named[1]}" + (f" (maximum {ranges[0]})" if ranges else "")


def grouped(excerpts: Sequence[ShownExcerpt]) -> list[tuple[str, str, list[ShownExcerpt]]]:
    """Excerpts by (kind, split), in order of first appearance."""
    groups: dict[tuple[str, str], list[ShownExcerpt]] = {}
    for excerpt in excerpts:
        groups.setdefault((excerpt.kind, excerpt.split), []).append(excerpt)
    return [(kind, split, members) for (kind, split), members in groups.items()]


def peak(excerpt: ShownExcerpt) -> int | None:
    """The token that the excerpt is shown for: strongest, or lowest where that was drawn."""
    values = excerpt.activations
    if not values:
        return None
    positions = range(len(values))
    if excerpt.kind == "bottom":
        return min(positions, key=values.__getitem__)
    if excerpt.kind == "top" and max(values) > 0:
        return max(positions, key=values.__getitem__)
    return max(positions, key=lambda i: abs(values[i]))


def unread(excerpt: ShownExcerpt) -> bool:
    """Whether the simulator left a token of the excerpt out."""
    values = excerpt.simulated
    return values is not None and (None in values or len(values) < len(excerpt.tokens))


@dataclass(frozen=True, slots=True)
class Shading:
    """Activations and simulations as levels -10 .. 10, on one scale for a whole document.

    ``scale`` is the largest activation shown, in either direction. Simulations are on a scale of
    10 already; where the explanation speaks of the unit's negative side they are negative.
    """

    scale: float

    @classmethod
    def of(cls, excerpts: Sequence[ShownExcerpt]) -> Shading:
        """The scale of ``excerpts``."""
        return cls(max((abs(v) for e in excerpts for v in e.activations), default=0.0))

    def real(self, value: float) -> int:
        """The level of an activation; under a twentieth of the scale it is 0."""
        return _level(value / self.scale) if self.scale else 0

    def simulated(self, excerpt: ShownExcerpt) -> list[int | None]:
        """The levels of an excerpt's simulation; None marks what was not read."""
        return [None if v is None else _level(v / 10.0) for v in excerpt.simulated or []]


def _level(part: float) -> int:
    size = min(LEVELS, math.floor(abs(part) * LEVELS + 0.5))
    return -size if part < 0 else size


def outcome_text(outcome: dict[str, float | int | str]) -> list[tuple[str, str]]:
    """An experiment's figures with readable names: ``drop_1_back`` is ``drop 1 back``."""
    return [
        (name.replace("_", " "), value if isinstance(value, str) else number(value))
        for name, value in outcome.items()
    ]


def usage_text(document: ExplainDocument) -> str:
    """What was spent on language models, in words."""
    usage = document.usage
    if not usage.requests:
        return "no language model was asked"
    cost = "cost unknown" if usage.usd is None else f"{usage.usd:.4f} USD"
    tokens = f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens in + out"
    return f"{usage.requests:,} requests, {tokens}, {cost}"


def openings_text(document: ExplainDocument) -> str:
    """How often the report split has been looked at."""
    times = document.report_openings
    if times == 0:
        return "report split not opened"
    return f"report split opened {'once' if times == 1 else f'{times} times'}"
