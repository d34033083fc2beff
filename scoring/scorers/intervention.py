"""Intervention: does the unit, pushed, promote the tokens that were said? (the output side)

The unit is pushed up by its own typical peak at every token of random windows, and the change of
each vocabulary token's log-probability is averaged over positions. The figure is Pearson's ρ, over
the vocabulary, of what the explanation promotes with that change where it is positive. It punishes
tokens that were missed and tokens that were wrongly named; what the unit suppresses counts as
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.results import Score
from scoring.intervals import Design
from scoring.measured import Measured, estimate

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shifts:
    """What a push does to the log-probability of each token that can be text.

    ``report`` [windows, tokens] is scored, ``explain`` [tokens] is what the explanation was written
    from, ``null`` other units' mean shifts on the ``report`` windows, each [tokens].
    """

    explain: Array
    report: Array
    null: Sequence[Array]


def intervention_score(
    explanation_id: str,
    promoted: Array,
    symbols: int,
    shifts: Shifts,
    *,
    simulator: str,
    split: Literal["select", "report"] = "report",
) -> Score:
    """One score on ``random_only``; ``promoted`` [tokens] is what the explanation predicts.

    The interval is over windows. The null is the same prediction against other units, pushed by
    their own typical peaks, too few of them for a p-value. Token lists hold the tokens that
    ``explain`` windows promoted most.
    """
    n = len(shifts.report)
    mean = shifts.report.mean(axis=0) if n else np.zeros_like(promoted)
    result = estimate(_measured(promoted, shifts.report), "correlation", Design.equal(n))
    null = np.array([v for m in shifts.null if (v := _rho(promoted, m)) is not None])
    return Score(
        explanation_id=explanation_id,
        scorer="intervention",
        measure="correlation",
        simulator=simulator,
        mode="random_only",
        split=split,
        n_excerpts=n,
        n_tokens=int(promoted.size),
        status=result.status,
        reason=result.reason,
        **result.beside(null),
        token_list_equal=_rho(_listed(shifts.explain, symbols), mean),
        token_list_50=_rho(_listed(shifts.explain, 50), mean),
        token_table=_rho(np.maximum(shifts.explain, 0), mean),
    )


def _measured(promoted: Array, shifts: Array) -> Measured:
    n = len(shifts)
    if not n:
        return Measured.undefined("no excerpt was drawn")
    value = _rho(promoted, shifts.mean(axis=0))
    if value is None:
        constant = "what is promoted" if np.ptp(promoted) == 0 else "the effect of the push"
        return Measured.undefined(f"{constant} is the same for every token")
    total = shifts.sum(axis=0)
    left = [_rho(promoted, (total - row) / max(n - 1, 1)) for row in shifts]
    return Measured(value, np.array([np.nan if v is None else v for v in left]), fewest=n)


def _rho(promoted: Array, shift: Array) -> float | None:
    """ρ with the positive part of ``shift``, None where either is constant."""
    risen = np.maximum(shift, 0.0)
    p, r = promoted - promoted.mean(), risen - risen.mean()
    spread = float(np.sqrt((p @ p) * (r @ r)))
    return float(p @ r) / spread if spread > 1e-12 else None


def _listed(shift: Array, length: int) -> Array:
    """The ``length`` tokens that rose most with their rise, all others with the mean of these."""
    risen = np.maximum(shift, 0.0)
    order = np.argsort(-risen, kind="stable")
    values = np.full(len(risen), risen[order[length:]].mean() if length < len(risen) else 0.0)
    values[order[:length]] = risen[order[:length]]
    return values
