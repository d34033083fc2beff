"""The figures of the units of a site: each unit's main explanation, score by score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, get_args

import numpy as np

from core.results import Calibration, Explanation, Measure, Mode, Score, Scorer
from neuroscribe.reports.documents import Mean, ReasonCount
from scoring import bootstrap
from scoring.measured import Estimate
from service.pages.figures import headline
from storage import Answer

LEAST = bootstrap.LEAST
MODES: tuple[Mode, ...] = ("corpus", "top_and_random", "random_only", "hard_negatives")
"""In the order in which they are shown; the first that a scorer has is its main one."""


class Figure(NamedTuple):
    """What names a figure."""

    scorer: Scorer
    measure: Measure
    calibration: Calibration
    mode: Mode

    @classmethod
    def of(cls, score: Score) -> Figure:
        """The figure that a score is a value of."""
        return cls(score.scorer, score.measure, score.calibration, score.mode)


MAIN = Figure("simulation", "correlation", "none", "corpus")
"""What units are ranked and tested by."""


@dataclass(frozen=True)
class Unit:
    """A unit's newest answer; what is reported of it is its first explanation, the whole one."""

    answer: Answer

    @property
    def explanation(self) -> Explanation | None:
        """The main explanation, if one was written."""
        return next(iter(self.answer.explanations), None)

    @cached_property
    def scores(self) -> dict[Figure, Score]:
        """The main explanation's scores on the ``report`` split."""
        if self.explanation is None:
            return {}
        own = (s for s in self.answer.scores if s.explanation_id == self.explanation.id)
        return {Figure.of(s): s for s in own if s.split == "report"}

    def value(self, figure: Figure) -> float | None:
        """Its value, None where it has none."""
        score = self.scores.get(figure)
        return None if score is None else score.value

    def without(self, figure: Figure) -> str:
        """Why it has no value."""
        score = self.scores.get(figure)
        if score is None:
            return f"not scored ({self.answer.verdict.replace('_', ' ')})"
        return f"{score.status}: {score.reason}"


def headlines(units: Iterable[Unit]) -> list[Figure]:
    """The figures to report, one measure a scorer, in the order of :data:`Scorer` and ``MODES``."""
    found = {f for u in units for f, score in u.scores.items() if headline(score)}
    scorers = get_args(Scorer)
    return sorted(found, key=lambda f: (scorers.index(f.scorer), MODES.index(f.mode), f))


def counted(reasons: Iterable[str]) -> list[ReasonCount]:
    """Reasons with how many units have them, the commonest first."""
    return [ReasonCount(reason=r, units=n) for r, n in Counter(reasons).most_common()]


def mean_of(values: Sequence[float], seed: int) -> Mean:
    """The mean of one value a unit."""
    found = bootstrap.mean(
        np.array(values, dtype=np.float64), seed, nothing="no unit has this figure"
    )
    return told(found, len(values))


def told(found: Estimate, n: int) -> Mean:
    """An estimate over units as it is printed."""
    return Mean(value=found.value, low=found.low, high=found.high, n=n, reason=found.reason)
