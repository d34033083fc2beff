"""What ``neuroscribe report --json`` prints and its page is drawn from.

Keys are stable: additions are fine, renames are not. An absent figure is ``null`` with a reason.
"""

from __future__ import annotations

from core.ids import UnitIdField
from core.results import Calibration, Finite, Measure, Mode, Record, Scorer, Verdict


class VerdictShare(Record):
    """Units with this verdict as a share of all answered ones, with Wilson's 95 % interval."""

    verdict: Verdict
    units: int
    share: Finite
    low: Finite
    high: Finite


class ReasonCount(Record):
    """How many units a figure does without, and why."""

    reason: str
    units: int


class Mean(Record):
    """A mean over ``n`` units with a 95 % bootstrap interval, or why there is none."""

    value: Finite | None
    low: Finite | None
    high: Finite | None
    n: int
    reason: str | None


class Quartiles(Record):
    """Where a quarter, a half and three quarters of the units lie, between least and most."""

    least: Finite
    first: Finite
    median: Finite
    third: Finite
    most: Finite


class ScoreHistogram(Record):
    """Units (``values``) and the means of their nulls (``nulls``) between ``edges``.

    ``counts[i]`` lie in [``edges[i]``, ``edges[i + 1]``), the last bin with its end. The first bin
    also holds the ``below`` values that lie further down.
    """

    edges: list[Finite]
    values: list[int]
    nulls: list[int]
    below: int


class Gain(Record):
    """What explanations have more than a token list of their own length, over pairs.

    ``p`` is that of the exact two-sided sign test on ``better`` and ``worse`` units.
    """

    gain: Mean
    better: int
    ties: int
    worse: int
    p: Finite | None
    left_out: list[ReasonCount]


class Baselines(Record):
    """Means over the units that have them of what the score can be held against."""

    token_list_equal: Mean
    token_list_50: Mean
    token_table: Mean
    oracle: Mean


class FigureName(Record):
    """What names a figure of a unit's main explanation on its ``report`` split."""

    scorer: Scorer
    measure: Measure
    calibration: Calibration
    mode: Mode


class Distribution(FigureName):
    """One figure over the units of a site.

    ``null_p95`` is the mean of the 95th percentiles of the units' nulls, each weighted by the
    number of its null units (single null scores are not stored; quantiles are averaged, Vincent
    1912). ``left_out`` counts units without a value by reason. ``reason`` says why quartiles or
    histogram are missing.
    """

    n: int
    left_out: list[ReasonCount]
    mean: Mean
    quartiles: Quartiles | None
    histogram: ScoreHistogram | None
    reason: str | None
    null_mean: Mean
    null_p95: Finite | None
    baselines: Baselines
    gain: Gain


class Discoveries(Record):
    """Which units beat their null once all are looked at together (``simulation``, ``corpus``).

    ``passing`` have a Benjamini-Hochberg q of at most ``level``, ``passing_any`` a
    Benjamini-Yekutieli one, which holds under any dependence. ``null_units`` is the smallest number
    of null units that a p-value rests on, so 1 / (``null_units`` + 1) is the smallest p-value that
    every unit can reach; ``smallest_q`` is what one unit alone gets there, and ``needed`` how many
    must stand there together to pass (None: not even all would).
    """

    level: Finite
    tested: int
    left_out: list[ReasonCount]
    passing: list[UnitIdField]
    passing_any: list[UnitIdField]
    null_units: int | None
    smallest_q: Finite | None
    needed: int | None
    reason: str | None


class Correlation(Record):
    """Spearman's ρ_s over ``n`` units; ``first`` and ``second`` are places in ``figures``."""

    first: int
    second: int
    value: Finite | None
    low: Finite | None
    high: Finite | None
    n: int
    reason: str | None


class Reliability(Record):
    """Do scorers agree on which units are explained well? One figure a scorer, all pairs."""

    figures: list[FigureName]
    pairs: list[Correlation]


class UnitLine(Record):
    """A unit with its verdict, its main explanation, and its ρ in ``corpus``.

    ``p`` is the share of null units that the prediction suits as well, ``q`` and ``q_any`` what
    becomes of it among all units.
    """

    unit: UnitIdField
    verdict: Verdict
    reason: str | None
    run: str
    explanation: str | None
    text: str | None
    value: Finite | None
    low: Finite | None
    high: Finite | None
    null_p95: Finite | None
    p: Finite | None
    q: Finite | None
    q_any: Finite | None


class UnansweredUnit(Record):
    """A unit of which no investigation finished."""

    unit: UnitIdField
    run: str
    status: str
    reason: str | None


class Maker(Record):
    """Who explained and who simulated how many units; ``model`` None is no language model."""

    method: str
    model: str | None
    simulator: str | None
    units: int


class SiteReport(Record):
    """``report --json``: what the stored answers of a site come to.

    ``subject_specs`` and ``corpora`` count the different ones that the answers come from: more than
    one of either means that units are not quite comparable. ``strongest`` and ``weakest`` name
    units by their ρ in ``corpus``, best first and worst first; no unit is in both.
    """

    site: str
    seed: int
    code_version: str
    units: int
    verdicts: list[VerdictShare]
    unanswered: list[UnansweredUnit]
    makers: list[Maker]
    subject_specs: int
    corpora: int
    distributions: list[Distribution]
    discoveries: Discoveries
    reliability: Reliability
    strongest: list[UnitIdField]
    weakest: list[UnitIdField]
    lines: list[UnitLine]
