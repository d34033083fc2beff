"""What ``neuroscribe rate --json`` prints. None of it says which ratings were controls."""

from __future__ import annotations

from core.ids import UnitIdField
from core.results import Calibration, Finite, Measure, Mode, Record, Scorer


class GivenRating(Record):
    """One rating of a session."""

    id: str
    explanation: str
    rating: int
    comment: str | None


class SessionDocument(Record):
    """What a session did. ``left`` questions were not asked, ``done`` had been rated before."""

    target: str
    rater: str
    seed: int
    ratings: list[GivenRating]
    skipped: int
    left: int
    done: int


class PageDocument(Record):
    """Which page was written; ``file`` is None where nothing was left to ask."""

    target: str
    rater: str
    seed: int
    file: str | None
    items: int
    digest: str | None


class ImportDocument(Record):
    """What a file of ratings added."""

    file: str
    target: str
    rater: str
    stored: int
    already_stored: int


class MeanRating(Record):
    """A mean over ``n`` explanations with its 95 % interval, or why there is none."""

    value: Finite | None
    low: Finite | None
    high: Finite | None
    n: int
    reason: str | None


class ScoreCorrelation(Record):
    """Spearman's ρ_s between mean ratings and one stored figure, over ``n`` explanations.

    ``without_value`` explanations were rated but have no such figure or an undefined one.
    """

    scorer: Scorer
    measure: Measure
    simulator: str
    calibration: Calibration
    mode: Mode
    split: str
    value: Finite | None
    low: Finite | None
    high: Finite | None
    p: Finite | None
    n: int
    without_value: int
    reason: str | None


class RaterShown(Record):
    """How much of what counts comes from one person."""

    name: str
    explanations: int
    controls: int


class RaterAgreement(Record):
    """Krippendorff's alpha for ordered categories over explanations that two raters share."""

    alpha: Finite | None
    explanations: int
    raters: int
    reason: str | None


class RatingReport(Record):
    """``rate --report --json``: ratings beside their floor, the scores, and each other.

    ``explanations`` are stored, ``mean.n`` of them rated. ``control`` is what raters gave to
    explanations of other units: the floor.
    """

    target: str
    unit: UnitIdField | None
    explanations: int
    raters: list[RaterShown]
    mean: MeanRating
    control: MeanRating
    correlations: list[ScoreCorrelation]
    agreement: RaterAgreement
