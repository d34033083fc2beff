"""Methods side by side, as Table 4 of paper 001: mean F1 of the best site, by size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from discovery.probing.best import best_at
from discovery.probing.plan import ProbeSettings
from discovery.probing.results import FeatureReport, Method, MethodRow
from discovery.probing.statistics import mean_measured

Reports = Sequence[FeatureReport]


def comparison(features: Reports, settings: ProbeSettings) -> tuple[MethodRow, ...]:
    """One row a method. A cell is the mean over features (the seeds of one averaged first) of test
    F1 at the site that was best on training rows; its interval is over features. Features differ
    far more than methods do, so each method is also told by its differences from the headline's."""
    probed = [feature for feature in features if feature.scores]
    seed, most = settings.seeds[0], max(settings.ks)
    rows = []
    for method in settings.methods:
        cells = {
            k: mean_measured(
                known(chosen_f1(feature, settings.seeds, method, k) for feature in probed), seed
            )
            for k in settings.ks
        }
        apart = known(_gain(feature, settings, method, most) for feature in probed)
        own = [s for feature in probed for s in feature.scores if s.method == method]
        largest = [s.seconds for s in own if s.k == most and s.failure is None]
        rows.append(
            MethodRow(
                method=method,
                f1=cells,
                seconds=mean_measured(np.array(largest), seed, of="choices"),
                n=len(probed),
                failures=sum(score.failure is not None for score in own),
                gain=None if method == settings.headline else mean_measured(apart, seed),
            )
        )
    return tuple(rows)


def _gain(feature: FeatureReport, settings: ProbeSettings, method: Method, k: int) -> float | None:
    """Mean over the seeds for which both have it of the method's F1 less the headline's."""
    pairs = [
        [chosen_f1(feature, (seed,), one, k) for one in (method, settings.headline)]
        for seed in settings.seeds
    ]
    apart = [own - leading for own, leading in pairs if own is not None and leading is not None]
    return float(np.mean(apart)) if apart else None


def chosen_f1(
    feature: FeatureReport, seeds: Sequence[int], method: Method, k: int, site: str | None = None
) -> float | None:
    """Mean over seeds of test F1 at the site (of all, or at ``site``) that is best on training
    rows; None where nothing was measured."""
    scores = [score for score in feature.scores if site is None or score.site == site]
    found = []
    for seed in seeds:
        score = best_at(scores, method, seed, k)
        if score is not None and score.f1.value is not None:
            found.append(score.f1.value)
    return float(np.mean(found)) if found else None


def known(values: Iterable[float | None]) -> NDArray[np.float64]:
    """As numbers, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
