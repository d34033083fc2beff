"""Do ratings agree with scores, and with each other? The answer for one site or unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from core.ids import UnitId
from core.results import Score
from neuroscribe.ratings.claims import Claim, ClaimKey, Target, claims_of, counted
from neuroscribe.ratings.documents import (
    MeanRating,
    RaterAgreement,
    RaterShown,
    RatingReport,
    ScoreCorrelation,
)
from scoring.agreement import mean_rating, ordinal_alpha, spearman
from storage import RatingRecord, Store

Figures = dict[tuple[str, ...], dict[ClaimKey, Score]]

FIGURE: Final = ("scorer", "measure", "simulator", "calibration", "mode", "split")
"""What names a figure, as in the table of scores."""


def rating_report(store: Store, target: Target, *, seed: int) -> RatingReport:
    """Everything about the ratings of a target; raises :class:`NotStored` without explanations.

    Where a rater rated something again the newest rating counts. Each explanation has one rating,
    the mean over its raters, so that nobody counts more than another.
    """
    claims = claims_of(store, target)
    asked = [claim for claim in claims if target.covers(claim.unit)]
    held = counted(store.ratings.of(target.subject, target.site, target.index), claims)
    real = {key: r for key, r in held.items() if not r.control}
    controls = {key: r for key, r in held.items() if r.control}
    means = {
        claim: value
        for (claim, _), value in _means((key[1:], r) for key, r in real.items()).items()
    }
    floor = _means((key[1:], r) for key, r in controls.items())
    return RatingReport(
        target=str(target),
        unit=None if target.index is None else UnitId(target.subject, target.site, target.index),
        explanations=len(asked),
        raters=_raters([*real.values()], [*controls.values()]),
        mean=_mean(list(means.values()), seed),
        control=_mean(list(floor.values()), seed),
        correlations=_correlations(store, asked, means, seed),
        agreement=_agreement(real),
    )


def _means(
    ratings: Iterable[tuple[tuple[ClaimKey, UnitId], RatingRecord]],
) -> dict[tuple[ClaimKey, UnitId], float]:
    """The mean over raters of each explanation beside one unit's excerpts."""
    groups: dict[tuple[ClaimKey, UnitId], list[int]] = {}
    for key, record in ratings:
        groups.setdefault(key, []).append(record.rating)
    return {key: sum(values) / len(values) for key, values in groups.items()}


def _mean(values: list[float], seed: int) -> MeanRating:
    found = mean_rating(np.array(values, dtype=np.float64), seed)
    return MeanRating(
        value=found.value, low=found.low, high=found.high, n=len(values), reason=found.reason
    )


def _raters(real: list[RatingRecord], controls: list[RatingRecord]) -> list[RaterShown]:
    return [
        RaterShown(
            name=name,
            explanations=sum(record.rater == name for record in real),
            controls=sum(record.rater == name for record in controls),
        )
        for name in sorted({record.rater for record in (*real, *controls)})
    ]


def _correlations(
    store: Store, claims: Sequence[Claim], means: dict[ClaimKey, float], seed: int
) -> list[ScoreCorrelation]:
    """One for each figure that a rated claim has."""
    figures: Figures = {}
    for claim in claims:
        if claim.key not in means:
            continue
        for version in claim.versions:
            for score in store.scores(version.explanation.id):
                name = tuple(str(getattr(score, field)) for field in FIGURE)
                figures.setdefault(name, {})[claim.key] = score
    return [_correlation(held, means, seed) for held in figures.values()]


def _correlation(
    held: dict[ClaimKey, Score], means: dict[ClaimKey, float], seed: int
) -> ScoreCorrelation:
    pairs = [(means[key], score.value) for key, score in held.items() if score.value is not None]
    ratings, scores = (np.array([pair[i] for pair in pairs], dtype=np.float64) for i in (0, 1))
    found = spearman(ratings, scores, seed)
    one = next(iter(held.values()))
    return ScoreCorrelation(
        scorer=one.scorer,
        measure=one.measure,
        simulator=one.simulator,
        calibration=one.calibration,
        mode=one.mode,
        split=one.split,
        value=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        n=found.n,
        without_value=len(means) - len(pairs),
        reason=found.reason,
    )


def _agreement(real: dict[tuple[str, ClaimKey, UnitId], RatingRecord]) -> RaterAgreement:
    raters = sorted({rater for rater, _, _ in real})
    claims = list(dict.fromkeys(claim for _, claim, _ in real))
    table = np.full((len(raters), len(claims)), np.nan)
    for (rater, claim, _), record in real.items():
        table[raters.index(rater), claims.index(claim)] = record.rating
    found = ordinal_alpha(table)
    return RaterAgreement(
        alpha=found.alpha, explanations=found.items, raters=found.raters, reason=found.reason
    )
