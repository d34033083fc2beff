"""Methods side by side, as Table 4 of paper 001: mean F1 of the best site, by size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from discovery.probing.best import best_at
from discovery.probing.metrics import mean_measured
from discovery.probing.plan import ProbeSettings
from discovery.probing.results import FeatureReport, Method, MethodRow

Reports = Sequence[FeatureReport]


def comparison(features: Reports, settings: ProbeSettings) -> tuple[MethodRow, ...]:
    """One row a method. A cell is the mean over features (the seeds of one averaged first) of test
    F1 at the site that was best on training rows; its interval is over features."""
    probed = [feature for feature in features if feature.scores]
    rows = []
    for method in settings.methods:
        cells = {}
        for k in settings.ks:
            values = [_over_seeds(feature, settings, method, k) for feature in probed]
            cells[k] = mean_measured(np.array(values), settings.seeds[0])
        own = [s for feature in probed for s in feature.scores if s.method == method]
        largest = [s.seconds for s in own if s.k == max(settings.ks) and s.failure is None]
        rows.append(
            MethodRow(
                method=method,
                f1=cells,
                seconds=mean_measured(np.array(largest), settings.seeds[0], of="choices"),
                n=len(probed),
                failures=sum(score.failure is not None for score in own),
            )
        )
    return tuple(rows)


def _over_seeds(feature: FeatureReport, settings: ProbeSettings, method: Method, k: int) -> float:
    found = []
    for seed in settings.seeds:
        score = best_at(feature.scores, method, seed, k)
        if score is not None and score.f1.value is not None:
            found.append(score.f1.value)
    return float(np.mean(found)) if found else float("nan")
