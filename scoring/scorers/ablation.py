"""Ablation: does the model notice if the unit says what was predicted? (Bills et al. 2023)

1 - D(predicted) / D(mean), where D is the mean Jensen-Shannon divergence of the model's output from
its own when the unit is set to the calibrated prediction, and to its mean. 1: the model cannot tell
prediction from unit; 0: the prediction is worth as much as the unit's mean; below: less.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedOperation
from core.results import Score
from scoring.calibration import calibrate, calibrate_values
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


def ablation_score(
    case: Case, effects: Effects, *, sign: float = 1.0, one_sided: bool = True
) -> Score:
    """One score on ``top_and_random``; ``sign`` -1 where the case looks at the negative side.

    Undefined for units that go both ways (``one_sided`` False): an explanation of one side says
    nothing of what to put in place of the other. The null gives each window another window's
    prediction, ``EXCHANGES`` times: as much activity, in the wrong places; that is too few for a
    p-value. Token lists are set through lines of their own, fitted on ``select`` as the
    prediction's is.
    """
    drawn = sample(case.report, "top_and_random")
    if not one_sided:
        reason = "the unit goes both ways, and one side's explanation says nothing of the other"
        return _score(case, drawn, Measured.undefined(reason))
    try:
        return _scored(case, effects, drawn, sign)
    except UnsupportedOperation as error:
        return _score(case, drawn, Measured.undefined(error.message))


def _scored(case: Case, effects: Effects, drawn: Sample, sign: float) -> Score:
    rows = drawn.rows
    ids = case.report.pool.token_ids[rows]
    known = case.predicted.known[rows]
    if not len(rows) or not known.any():
        reason = "no excerpt was drawn" if not len(rows) else "no token was predicted"
        return _score(case, drawn, Measured.undefined(reason))
    silenced = effects.divergence(ids, np.full(ids.shape, effects.mean), known)
    if float(silenced.mean()) < LEAST_EFFECT:
        reason = "setting the unit to its mean does not change the output"
        return _score(case, drawn, Measured.undefined(reason))
    said = calibrate(case, "linear")(case.predicted.predicted[rows])

    def explained(values: Array) -> Array:
        return effects.divergence(ids, sign * values, known)

    def share(moved: Array) -> float:
        return float(1 - moved.sum() / silenced.sum())

    moved = explained(said)
    if not (np.isfinite(moved).all() and np.isfinite(silenced).all()):
        reason = "the edited model's output is no number"
        return _score(case, drawn, Measured.undefined(reason))
    with np.errstate(invalid="ignore", divide="ignore"):
        left = 1 - (moved.sum() - moved) / (silenced.sum() - silenced)
    null = [
        share(explained(np.roll(said, 1 + i * max(1, len(rows) // EXCHANGES), axis=0)))
        for i in range(min(EXCHANGES, len(rows) - 1))
    ]
    on_select = case.select.pool.token_ids
    lists = (partial(case.table.list_of, case.symbols), partial(case.table.list_of, 50))
    beside = [
        share(explained(calibrate_values(case, look_up(on_select), "linear")(look_up(ids))))
        for look_up in (*lists, case.table.full)
    ]
    figure = Measured(share(moved), left, fewest=len(rows))
    return _score(case, drawn, figure, null, beside)


def _score(
    case: Case,
    drawn: Sample,
    measured: Measured,
    null: Sequence[float] = (),
    beside: Sequence[float] = (),
) -> Score:
    result = estimate(measured, "explained", drawn.design, drawn.caution)
    simulated = case.predicted
    equal, fifty, table = beside or (None, None, None)
    return Score(
        explanation_id=case.explanation_id,
        scorer="ablation",
        measure="divergence_explained",
        simulator=case.simulator,
        calibration="linear",
        mode="top_and_random",
        split=case.split,
        n_excerpts=len(drawn),
        n_tokens=int(simulated.known[drawn.rows].sum()),
        status=result.status if simulated.status == "ok" else simulated.status,
        reason=simulated.reason or result.reason,
        **result.beside(np.array(null)),
        token_list_equal=equal,
        token_list_50=fifty,
        token_table=table,
    )
