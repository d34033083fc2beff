"""One figure over the units of a site: how it is spread, beside its null and its baselines."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core.results import Score
from neuroscribe.reports.documents import (
    Baselines,
    Distribution,
    Gain,
    Mean,
    Quartiles,
    ScoreHistogram,
)
from neuroscribe.reports.figures import LEAST, Figure, Unit, counted, mean_of, told
from scoring.comparison import Pair, compare_methods

STEP = 0.05
LOWEST = -1.0
NO_LIST = "the token list predicts the same for every token"


def distribution(units: Sequence[Unit], figure: Figure, seed: int) -> Distribution:
    """The figure over all units; those without a value are counted by reason."""
    held = [u.scores[figure] for u in units if u.value(figure) is not None]
    values = _defined([s.value for s in held])
    nulls = _defined([s.null_mean for s in held])
    few = f"fewer than {LEAST} units" if len(values) < LEAST else None
    return Distribution(
        scorer=figure.scorer,
        measure=figure.measure,
        calibration=figure.calibration,
        mode=figure.mode,
        n=len(values),
        left_out=counted(u.without(figure) for u in units if u.value(figure) is None),
        mean=mean_of(values, seed),
        quartiles=None if few else quartiles(values),
        histogram=None if few else histogram(values, nulls),
        reason=few,
        null_mean=mean_of(nulls, seed),
        null_p95=_pooled_p95(held),
        baselines=Baselines(
            token_list_equal=_mean(held, "token_list_equal", seed),
            token_list_50=_mean(held, "token_list_50", seed),
            token_table=_mean(held, "token_table", seed),
            oracle=_mean(held, "oracle", seed),
        ),
        gain=gain(units, figure, seed),
    )


def gain(units: Sequence[Unit], figure: Figure, seed: int) -> Gain:
    """What the explanations reach beyond token lists of their own length, unit by unit."""
    pairs = []
    for unit in units:
        score = unit.scores.get(figure)
        if score is None or score.value is None:
            pairs.append(Pair(None, None, unit.without(figure)))
        else:
            pairs.append(Pair(score.value, score.token_list_equal, NO_LIST))
    found = compare_methods(pairs, seed=seed)
    reasons = [reason for reason, count in found.left_out.items() for _ in range(count)]
    return Gain(
        gain=told(found.gain, found.units),
        better=found.better,
        ties=found.ties,
        worse=found.worse,
        p=found.p,
        left_out=counted(reasons),
    )


def histogram(values: Sequence[float], nulls: Sequence[float]) -> ScoreHistogram:
    """Bins of ``STEP`` up to 1 from where the lowest value lies, at most down to ``LOWEST``."""
    lowest = max(LOWEST, min(0.0, *values, *nulls))
    steps = math.ceil(round((1.0 - lowest) / STEP, 6))
    edges = np.round(1.0 - STEP * np.arange(steps, -1, -1), 6)
    inside = [np.clip(np.array(part), edges[0], 1.0) for part in (values, nulls)]
    counts = [np.histogram(part, edges)[0] for part in inside]
    return ScoreHistogram(
        edges=edges.tolist(),
        values=counts[0].tolist(),
        nulls=counts[1].tolist(),
        below=sum(v < edges[0] for v in (*values, *nulls)),
    )


def quartiles(values: Sequence[float]) -> Quartiles:
    """How the values of units are spread, at least one."""
    least, first, median, third, most = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return Quartiles(least=least, first=first, median=median, third=third, most=most)


def _pooled_p95(held: Sequence[Score]) -> float | None:
    """The units' null 95th percentiles, averaged with the number of null units as weight."""
    parts = [(s.null_p95, s.null_units) for s in held if s.null_p95 is not None]
    total = sum(weight for _, weight in parts)
    return sum(value * weight for value, weight in parts) / total if total else None


def _mean(held: Sequence[Score], field: str, seed: int) -> Mean:
    return mean_of(_defined([getattr(s, field) for s in held]), seed)


def _defined(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None]
