"""What is said of a finding's explanations: does each name the feature that it does not know of?"""

from __future__ import annotations

from typing import Literal

from core.ids import UnitIdField
from core.results import Finite, Record, Verdict

By = Literal["judge", "words"]


class ByWords(Record):
    """Overlap of content words: ``share`` of the feature's are in the explanation.

    ``chance`` is the share of other features that the same rule finds in it. None without an
    explanation.
    """

    named: bool
    share: Finite | None = None
    words: tuple[str, ...] = ()
    chance: Finite | None = None
    reason: str | None = None


class ByJudge(Record):
    """What a language model took the explanation to be about; ``choice`` None says why."""

    named: bool
    choice: str | None = None
    reason: str | None = None


class UnitNaming(Record):
    """Both answers about one unit; ``judge`` is None where no language model explains."""

    words: ByWords
    judge: ByJudge | None = None


class ExplainedUnit(Record):
    """A unit of a finding with its explanation, if any, and ρ on the whole corpus.

    ``null`` is the 95th percentile of the same prediction on other units.
    """

    unit: UnitIdField
    weight: Finite
    verdict: Verdict
    reason: str
    explanation: str | None
    score: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    null: Finite | None = None
    named: UnitNaming


class Naming(Record):
    """The share of ``n`` units whose explanation names the feature, with Wilson's 95 % interval.

    A unit without a valid explanation names nothing. ``chance`` is what comes without knowing: one
    in so many for a judge, the share of other features that are named for words.
    """

    by: By
    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    n: int
    chance: Finite | None = None
    reason: str | None = None


class FindingExplained(Record):
    """A finding, the units that were explained, and how often they name its feature.

    ``named`` is by the judge where a language model explains, else by words; ``by_words`` is always
    there. ``others`` are the other features, ``stated`` of them of no finding.
    """

    finding: str
    question: str
    feature: str
    units: tuple[ExplainedUnit, ...]
    named: Naming
    by_words: Naming
    others: tuple[str, ...]
    stated: int
