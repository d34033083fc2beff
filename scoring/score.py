"""Scores of one explanation: every figure with its interval, its null and its baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evidence import SplitEvidence
from core.hashing import text_hash
from core.results import Mode, Score, Simulation, Status
from scoring.baselines import TokenTable
from scoring.samples import MODES, Sample, sample
from scoring.simulators.interface import Simulator
from scoring.statistics import (
    Estimate,
    Figure,
    correlation,
    estimate,
    excerpt_sums,
    null_correlations,
    point,
)

Array = NDArray[np.float64]
ScoredSplit = Literal["select", "report"]


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
    split: ScoredSplit = "report",
) -> list[Score]:
    """Pearson ρ of the simulation in each mode (Bills et al. 2023), with null and baselines.

    ``oracle`` [pool, tokens] is the true signal where it is known (planted units).
    """
    scores = []
    for measured in _simulated(text, simulator, evidence, modes):
        drawn = measured.drawn
        result = measured.figure("correlation", measured.simulated.predicted, seed, split)
        null = np.empty(0) if result.value is None else measured.null(evidence)
        ids = evidence.pool.token_ids[drawn.rows]
        scores.append(
            Score(
                explanation_id=explanation_id,
                scorer="simulation",
                simulator=simulator.name,
                mode=drawn.mode,
                split=split,
                value=result.value,
                low=result.low,
                high=result.high,
                n_excerpts=len(drawn),
                n_tokens=measured.n_tokens,
                status=measured.status(result),
                reason=measured.reason(result),
                null_mean=float(null.mean()) if len(null) else None,
                null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
                null_units=len(null),
                token_list_equal=measured.correlation(table.list_of(symbols, ids)),
                token_list_50=measured.correlation(table.list_of(50, ids)),
                token_table=measured.correlation(table.full(ids)),
                oracle=None if oracle is None else measured.correlation(oracle[drawn.rows]),
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
    split: ScoredSplit = "report",
    symbols: int = 0,
    table: TokenTable | None = None,
) -> list[Score]:
    """1 - Var(a - p) / Var(a), p mapped to activations by a line fitted on ``calibrate_on``.

    The null is ρ² of the prediction with other units: the most that any line could make of it
    there. The token baselines predict mean activations, so they need no line.
    """
    slope, intercept = fit_line(text, simulator, calibrate_on)
    scores = []
    for measured in _simulated(text, simulator, evidence, modes):
        predicted = slope * measured.simulated.predicted + intercept
        result = measured.figure("explained_variance", predicted, seed, split)
        null = np.empty(0) if result.value is None else measured.null(evidence) ** 2
        ids = evidence.pool.token_ids[measured.drawn.rows]
        listed = (
            [table.list_of(symbols, ids), table.list_of(50, ids), table.full(ids)] if table else []
        )
        beside = [measured.explained(values) for values in listed] or [None] * 3
        scores.append(
            Score(
                explanation_id=explanation_id,
                scorer="explained_variance",
                simulator=simulator.name,
                calibration="linear",
                mode=measured.drawn.mode,
                split=split,
                value=result.value,
                low=result.low,
                high=result.high,
                n_excerpts=len(measured.drawn),
                n_tokens=measured.n_tokens,
                status=measured.status(result),
                reason=measured.reason(result),
                null_mean=float(null.mean()) if len(null) else None,
                null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
                null_units=len(null),
                token_list_equal=beside[0],
                token_list_50=beside[1],
                token_table=beside[2],
            )
        )
    return scores


def fit_line(text: str, simulator: Simulator, evidence: SplitEvidence) -> tuple[float, float]:
    """Slope and intercept that map a simulation to activations, by weighted least squares."""
    measured = next(_simulated(text, simulator, evidence, ["corpus"]))
    known = measured.simulated.known
    weights = np.repeat(measured.drawn.weights[:, None], known.shape[1], axis=1)[known]
    total = weights.sum()
    if total <= 0:
        return 0.0, 0.0
    p, a = measured.simulated.predicted[known], measured.actual[known]
    mean_p, mean_a = (weights @ p) / total, (weights @ a) / total
    spread = weights @ (p - mean_p) ** 2
    slope = weights @ ((p - mean_p) * (a - mean_a)) / spread if spread > 0 else 0.0
    return float(slope), float(mean_a - slope * mean_p)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One mode's sample with the truth and its simulation, both [excerpts, tokens]."""

    drawn: Sample
    actual: Array
    simulated: Simulation

    @property
    def n_tokens(self) -> int:
        return int(self.simulated.known.sum())

    def figure(self, name: Figure, predicted: Array, seed: int, split: str) -> Estimate:
        draws = text_hash("bootstrap", str(seed), self.drawn.mode, split) % 2**32
        sums = excerpt_sums(predicted, self.actual, self.simulated.known)
        return estimate(name, sums, self.drawn.weights, self.drawn.strata, draws)

    def correlation(self, predicted: Array) -> float | None:
        """ρ of another prediction on the same tokens."""
        sums = excerpt_sums(predicted, self.actual, self.simulated.known)
        return correlation(sums, self.drawn.weights)

    def explained(self, predicted: Array) -> float | None:
        """Explained variance of another prediction, in activations, on the same tokens."""
        sums = excerpt_sums(predicted, self.actual, self.simulated.known)
        return point("explained_variance", sums, self.drawn.weights)

    def null(self, evidence: SplitEvidence) -> Array:
        """ρ of this simulation with other units of the site, on the same excerpts."""
        others = evidence.others[self.drawn.rows]
        simulated = self.simulated
        return null_correlations(simulated.predicted, others, self.drawn.weights, simulated.known)

    def status(self, result: Estimate) -> Status:
        if self.simulated.status != "ok":
            return self.simulated.status
        return "undefined" if result.value is None else "ok"

    def reason(self, result: Estimate) -> str | None:
        if not len(self.drawn):
            return "no excerpt was drawn"
        return self.simulated.reason or result.reason


def _simulated(
    text: str, simulator: Simulator, evidence: SplitEvidence, modes: Sequence[Mode]
) -> Iterator[_Measured]:
    """Each mode's sample, simulated. A window that several modes share is simulated once."""
    samples = [sample(evidence, mode) for mode in modes]
    rows = np.unique(np.concatenate([drawn.rows for drawn in samples]))
    shape = (0, evidence.pool.token_ids.shape[1])
    whole = Simulation(np.zeros(shape), np.zeros(shape, dtype=np.bool_))
    if len(rows):
        whole = simulator.simulate(text, evidence.pool.take(rows))
    for drawn in samples:
        place = np.searchsorted(rows, drawn.rows)
        part = Simulation(whole.predicted[place], whole.known[place], whole.status, whole.reason)
        yield _Measured(drawn, evidence.pool.activations[drawn.rows].astype(np.float64), part)
