"""Which units beat their null once all of a site are looked at together."""

from __future__ import annotations

from collections.abc import Sequence

from neuroscribe.reports.documents import Discoveries
from neuroscribe.reports.figures import MAIN, Unit, counted
from scoring.discovery_rate import needed_at_floor, q_values, smallest_q

LEVEL = 0.05
NO_NULL = "no null: no other unit varies on these excerpts"


def p_value(unit: Unit) -> float | None:
    """The unit's null p-value."""
    score = unit.scores.get(MAIN)
    return None if score is None else score.p_null


def discoveries(units: Sequence[Unit]) -> Discoveries:
    """Units whose q is at most ``LEVEL``, in their order; the untested ones are counted."""
    tested = [u for u in units if p_value(u) is not None]
    lost = (u for u in units if p_value(u) is None)
    left_out = counted(u.without(MAIN) if u.value(MAIN) is None else NO_NULL for u in lost)
    p_values = [p_value(u) for u in tested]
    passing, passing_any = (
        [u.answer.unit for u, q in zip(tested, found, strict=True) if q is not None and q <= LEVEL]
        for found in (q_values(p_values), q_values(p_values, "any"))
    )
    null_units = min((u.scores[MAIN].null_units for u in tested), default=None)
    return Discoveries(
        level=LEVEL,
        tested=len(tested),
        left_out=left_out,
        passing=passing,
        passing_any=passing_any,
        null_units=null_units,
        smallest_q=None if null_units is None else smallest_q(null_units, len(tested), 1),
        needed=None if null_units is None else needed_at_floor(null_units, len(tested), LEVEL),
        reason=None if tested else "no unit has a p-value",
    )
