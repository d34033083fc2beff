"""Ablation: does the model notice if the unit says what was predicted? (Bills et al. 2023)

1 - D(predicted) / D(mean), where D is the mean Jensen-Shannon divergence of the model's output from
its own when the unit is set to the calibrated prediction, and to its mean. 1: the model cannot tell
prediction from unit; 0: the prediction is worth as much as the unit's mean; below: less.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedOperation
from core.results import Score, Status
from scoring.calibration import calibrate
from scoring.case import Case
from scoring.measured import Measured, estimate
from scoring.samples import Sample, sample

Array = NDArray[np.float64]
EXCHANGES = 4
LEAST_EFFECT = 1e-9
"""Nats a token below which setting the unit to its mean changes nothing but rounding."""


class Effects(Protocol):
    """What is asked of the model: see :class:`subjects.effects.UnitEffects`."""

    @property
    def mean(self) -> float:
        """The unit's mean over the corpus."""
        ...

    def divergence(
        self, token_ids: NDArray[np.int64], values: Array, where: NDArray[np.bool_]
    ) -> Array:
        """How far the output moves [n] when the unit is set to ``values`` [n, tokens]."""
        ...


def ablation_score(case: Case, effects: Effects, *, sign: float = 1.0) -> Score:
    """One score on ``top_and_random``; ``sign`` -1 where the case looks at the negative side.

    The null gives each window another window's prediction, ``EXCHANGES`` times: as much activity,
    in the wrong places. Token lists are set as predictions are.
    """
    drawn = sample(case.report, "top_and_random")
    try:
        return _scored(case, effects, drawn, sign)
    except UnsupportedOperation as error:
        return _score(case, drawn, Measured.undefined(error.message), np.empty(0), [])


def _scored(case: Case, effects: Effects, drawn: Sample, sign: float) -> Score:
    rows = drawn.rows
    ids = case.report.pool.token_ids[rows]
    known = case.predicted.known[rows]
    if not len(rows) or not known.any():
        reason = "no excerpt was drawn" if not len(rows) else "no token was predicted"
        return _score(case, drawn, Measured.undefined(reason), np.empty(0), [])
    silenced = effects.divergence(ids, np.full(ids.shape, effects.mean), known)
    if float(silenced.mean()) < LEAST_EFFECT:
        reason = "setting the unit to its mean does not change the output"
        return _score(case, drawn, Measured.undefined(reason), np.empty(0), [])
    said = calibrate(case, "linear")(case.predicted.predicted[rows])

    def explained(values: Array) -> Array:
        return effects.divergence(ids, sign * values, known)

    def share(moved: Array) -> float:
        return float(1 - moved.sum() / silenced.sum())

    moved = explained(said)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = 1 - (moved.sum() - moved) / (silenced.sum() - silenced)
    null = [
        share(explained(np.roll(said, 1 + i * max(1, len(rows) // EXCHANGES), axis=0)))
        for i in range(min(EXCHANGES, len(rows) - 1))
    ]
    listed = [case.table.list_of(case.symbols, ids), case.table.list_of(50, ids)]
    beside = [share(explained(values)) for values in (*listed, case.table.full(ids))]
    return _score(case, drawn, Measured(share(moved), left), np.array(null), beside)


def _score(
    case: Case, drawn: Sample, measured: Measured, null: Array, beside: list[float]
) -> Score:
    result = estimate(measured, "explained", drawn.design, drawn.caution)
    status: Status = "undefined" if result.value is None else "ok"
    if case.predicted.status != "ok":
        status = case.predicted.status
    equal, fifty, table = beside or (None, None, None)
    at_least = 0 if result.value is None else int((null >= result.value).sum())
    return Score(
        explanation_id=case.explanation_id,
        scorer="ablation",
        measure="divergence_explained",
        simulator=case.simulator,
        calibration="linear",
        mode="top_and_random",
        split=case.split,
        value=result.value,
        low=result.low,
        high=result.high,
        df=result.df,
        caution=result.caution if result.low is not None else None,
        n_excerpts=len(drawn),
        n_tokens=int(case.predicted.known[drawn.rows].sum()),
        status=status,
        reason=case.predicted.reason or result.reason,
        null_mean=float(null.mean()) if len(null) else None,
        null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
        null_units=len(null),
        p_null=(at_least + 1) / (len(null) + 1) if len(null) else None,
        token_list_equal=equal,
        token_list_50=fifty,
        token_table=table,
    )
