"""What a rater is, and how what it says becomes scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from core.results import Mode, Score, Simulation
from llms.gather import all_of
from scoring.case import Case
from scoring.score import scores
from scoring.scorers import TokenScorer


class Rater(Protocol):
    """Rates whole excerpts of a case; ``scorers`` turn the ratings into figures.

    A rating is kept as a prediction, the same for every token that it is about: all of the excerpt,
    or the marked ones. So a scorer of predictions reads ratings and token lists alike.
    """

    @property
    def name(self) -> str:
        """Who rates: stored with every score."""
        ...

    @property
    def scorers(self) -> Sequence[TokenScorer]:
        """What is made of the ratings."""
        ...

    async def ask(self, case: Case) -> Mapping[Mode, Simulation]:
        """Ratings for the pool of ``report`` [pool, tokens], by mode.

        What was not asked, or not answered, is missing, with a status and a reason. A budget that
        is used up, a wrong key or an unknown model is raised.
        """
        ...


async def rate(case: Case, raters: Sequence[Rater]) -> list[Score]:
    """Ask all raters at once, then score what they said."""
    said = await all_of(rater.ask(case) for rater in raters)
    found: list[Score] = []
    for rater, by_mode in zip(raters, said, strict=True):
        for scorer in rater.scorers:
            for mode in scorer.modes:
                rated = replace(case, simulator=rater.name, predicted=by_mode[mode])
                found += scores(rated, [scorer], [mode])
    return found
