"""Scores of one explanation: every figure with its interval, its null and its baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.evidence import Ints
from core.results import Mode, Score, Status
from scoring.case import Case
from scoring.measured import Estimate, estimate
from scoring.samples import Sample
from scoring.scorers.interface import Seen, TokenScorer

Array = NDArray[np.float64]
ROUNDING = 1e-5
"""Null figures come from single precision."""


def scores(
    case: Case, scorers: Sequence[TokenScorer], modes: Sequence[Mode] | None = None
) -> list[Score]:
    """Every scorer in each of its modes (``modes``: only these)."""
    found = []
    for scorer in scorers:
        ready = scorer.fitted(case)
        for mode in scorer.modes:
            if modes is None or mode in modes:
                found.append(_score(case, ready, mode))
    return found


def _score(case: Case, scorer: TokenScorer, mode: Mode) -> Score:
    drawn = scorer.sample(case, mode)
    seen = _seen(case, scorer, drawn)
    measured = scorer.measured(seen)
    result = estimate(measured, scorer.scale, drawn.design, drawn.caution)
    null = np.empty(0)
    if result.value is not None:
        null = scorer.null(seen, case.report.others[drawn.rows])
    listed = _listed(case, scorer, drawn, seen)
    status, reason = _state(case, drawn, result)
    return Score(
        explanation_id=case.explanation_id,
        scorer=scorer.scorer,
        measure=scorer.measure,
        simulator=case.simulator,
        calibration=scorer.calibration,
        mode=mode,
        split=case.split,
        n_excerpts=len(drawn) if measured.excerpts is None else measured.excerpts,
        n_tokens=int(seen.known.sum()),
        status=status,
        reason=reason,
        **result.beside(null),
        p_null=_p_null(result.value, null),
        token_list_equal=listed[0],
        token_list_50=listed[1],
        token_table=listed[2],
        oracle=listed[3],
    )


def _p_null(value: float | None, null: Array) -> float | None:
    """How many of the null units this prediction suits as well, itself counted (North 2002)."""
    if value is None or not len(null):
        return None
    return float(((null >= value - ROUNDING).sum() + 1) / (len(null) + 1))


def _seen(case: Case, scorer: TokenScorer, drawn: Sample) -> Seen:
    rows = drawn.rows
    return Seen(
        predicted=scorer.prepared(case.predicted.predicted[rows]),
        known=case.predicted.known[rows],
        actual=case.report.pool.activations[rows].astype(np.float64),
        firing=case.firing,
        windows=case.report.pool.windows[rows],
        design=drawn.design,
    )


def _listed(
    case: Case, scorer: TokenScorer, drawn: Sample, seen: Seen
) -> tuple[float | None, float | None, float | None, float | None]:
    """What token lists, the token table and the true signal reach on the same tokens.

    They are on the unit's own scale already.
    """

    def value(predicted: Array, on_select: Array | None) -> float | None:
        ready = scorer.beside(case, on_select)
        return ready.measured(replace(seen, predicted=ready.prepared(predicted))).value

    def looked_up(values: Callable[[Ints], Array]) -> float | None:
        return value(values(case.report.pool.token_ids[drawn.rows]), values(on_select))

    on_select = case.select.pool.token_ids
    return (
        looked_up(partial(case.table.list_of, case.symbols)),
        looked_up(partial(case.table.list_of, 50)),
        looked_up(case.table.full),
        None if case.oracle is None else value(case.oracle[drawn.rows], None),
    )


def _state(case: Case, drawn: Sample, result: Estimate) -> tuple[Status, str | None]:
    if not len(drawn):
        return "undefined", "no excerpt was drawn"
    simulated = case.predicted
    if simulated.status != "ok":
        return simulated.status, simulated.reason or result.reason
    return result.status, result.reason
