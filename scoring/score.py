"""Scores of one explanation: every figure with its interval, its null and its baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evidence import SplitEvidence
from core.hashing import text_hash
from core.results import Calibration, Mode, Score, Scorer, Simulation, Status
from scoring.baselines import TokenTable
from scoring.samples import MODES, Sample, sample
from scoring.simulators.interface import Simulator
from scoring.statistics import Estimate, correlation, estimate, excerpt_sums, null_correlations

Array = NDArray[np.float64]


def simulation_scores(
    *,
    explanation_id: str,
    text: str,
    symbols: int,
    simulator: Simulator,
    evidence: SplitEvidence,
    table: TokenTable,
    seed: int,
    modes: Sequence[Mode] = MODES,
    oracle: Array | None = None,
    split: Literal["select", "report"] = "report",
) -> list[Score]:
    """Pearson ρ of the simulation in each mode (Bills et al. 2023), with null and baselines.

    ``oracle`` [pool, tokens] is the true signal where it is known (planted units).
    """
    scores = []
    for mode in modes:
        drawn = sample(evidence, mode)
        if not len(drawn):
            scores.append(
                Score(
                    explanation_id=explanation_id,
                    scorer="simulation",
                    simulator=simulator.name,
                    mode=mode,
                    split=split,
                    value=None,
                    n_excerpts=0,
                    n_tokens=0,
                    status="undefined",
                    reason="no excerpt was drawn",
                )
            )
            continue
        simulated = simulator.simulate(text, drawn.excerpts)
        scores.append(
            _one(
                "simulation",
                explanation_id,
                simulator.name,
                drawn,
                simulated,
                simulated.predicted,
                split,
                seed,
                table=table,
                symbols=symbols,
                oracle=None if oracle is None else oracle[drawn.rows],
            )
        )
    return scores


def explained_variance_scores(
    *,
    explanation_id: str,
    text: str,
    simulator: Simulator,
    evidence: SplitEvidence,
    calibrate_on: SplitEvidence,
    seed: int,
    modes: Sequence[Mode] = ("random_only", "corpus"),
) -> list[Score]:
    """1 - Var(a - p) / Var(a), p mapped to activations by a line fitted on ``calibrate_on``."""
    slope, intercept = fit_line(text, simulator, calibrate_on)
    scores = []
    for mode in modes:
        drawn = sample(evidence, mode)
        simulated = simulator.simulate(text, drawn.excerpts)
        scores.append(
            _one(
                "explained_variance",
                explanation_id,
                simulator.name,
                drawn,
                simulated,
                slope * simulated.predicted + intercept,
                "report",
                seed,
                calibration="linear",
            )
        )
    return scores


def fit_line(text: str, simulator: Simulator, evidence: SplitEvidence) -> tuple[float, float]:
    """Slope and intercept that map a simulation to activations, by weighted least squares."""
    drawn = sample(evidence, "corpus")
    simulated = simulator.simulate(text, drawn.excerpts)
    actual = drawn.excerpts.activations.astype(np.float64)
    weights = (simulated.known * drawn.weights[:, None]).reshape(-1)
    total = weights.sum()
    if total <= 0:
        return 0.0, 0.0
    p, a = simulated.predicted.reshape(-1), actual.reshape(-1)
    mean_p, mean_a = (weights @ p) / total, (weights @ a) / total
    spread = (weights @ (p - mean_p) ** 2) / total
    if spread <= 0:
        return 0.0, float(mean_a)
    slope = (weights @ ((p - mean_p) * (a - mean_a))) / total / spread
    return float(slope), float(mean_a - slope * mean_p)


def _one(
    scorer: Scorer,
    explanation_id: str,
    simulator: str,
    drawn: Sample,
    simulated: Simulation,
    predicted: Array,
    split: Literal["select", "report"],
    seed: int,
    *,
    calibration: Calibration = "none",
    table: TokenTable | None = None,
    symbols: int = 0,
    oracle: Array | None = None,
) -> Score:
    actual = drawn.excerpts.activations.astype(np.float64)
    figure = "correlation" if scorer == "simulation" else "explained_variance"

    def measured(values: Array) -> Array:
        return excerpt_sums(values, actual, simulated.known)

    draw_seed = text_hash("bootstrap", str(seed), drawn.mode, split) % 2**32
    result = estimate(figure, measured(predicted), drawn.weights, drawn.strata, draw_seed)
    null = np.empty(0)
    if scorer == "simulation" and result.value is not None:
        null = null_correlations(predicted, drawn.others, drawn.weights, simulated.known)
    ids = drawn.excerpts.token_ids

    def baseline(values: Array) -> float | None:
        return correlation(measured(values), drawn.weights)

    return Score(
        explanation_id=explanation_id,
        scorer=scorer,
        simulator=simulator,
        calibration=calibration,
        mode=drawn.mode,
        split=split,
        value=result.value,
        low=result.low,
        high=result.high,
        n_excerpts=len(drawn),
        n_tokens=int(simulated.known.sum()),
        status=_status(simulated, result),
        reason=simulated.reason or result.reason,
        null_mean=float(null.mean()) if len(null) else None,
        null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
        null_units=len(null),
        token_list_equal=None if table is None else baseline(table.list_of(symbols, ids)),
        token_list_50=None if table is None else baseline(table.list_of(50, ids)),
        token_table=None if table is None else baseline(table.full(ids)),
        oracle=None if oracle is None else baseline(oracle),
    )


def _status(simulated: Simulation, result: Estimate) -> Status:
    if simulated.status != "ok":
        return simulated.status
    return "undefined" if result.value is None else "ok"
