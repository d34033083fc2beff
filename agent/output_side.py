"""The output side of a unit: what it promotes, explained and scored on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.explainers.output import Pushes, explain_output, promoted
from core.errors import UnsupportedOperation
from core.evidence import Evidence, SplitEvidence
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Explanation, Provenance, Score
from scoring.samples import by_name
from scoring.scorers.intervention import Shifts, intervention_score

WINDOWS = 20
METHOD = "pattern"


async def explain_output_side(
    unit: UnitId, evidence: Evidence, outputs: Pushes, provenance: Provenance, seed: int
) -> tuple[Sequence[Explanation], Sequence[Score]]:
    """One explanation with one score; nothing where the model has no output or nothing rises.

    It is written from ``explain`` windows, its search is checked on ``select`` ones, and it is
    scored on ``report`` ones, which is an opening of its own.
    """
    try:
        explain = outputs.shifts(_windows(evidence.explain)).mean(axis=0)
        select = outputs.shifts(_windows(evidence.select)).mean(axis=0)
    except UnsupportedOperation:
        return (), ()
    found = await explain_output(outputs.tokens, explain, select, seed)
    if found.text is None:
        return (), ()
    explanation = Explanation(
        id="e" + fingerprint([str(unit), "output", found.text, provenance.model_dump()]),
        unit=unit,
        text=found.text,
        side="output",
        method=METHOD,
        symbols=found.symbols,
        provenance=provenance.model_copy(update={"method": METHOD, "model": None}),
    )
    report = _windows(evidence.open_report("output side: score what the unit promotes"))
    shifts = Shifts(explain, outputs.shifts(report), outputs.null_shifts(report))
    said = promoted(found.text, outputs.tokens)
    score = intervention_score(explanation.id, said, found.symbols, shifts, simulator=METHOD)
    return (explanation,), (score,)


def _windows(split: SplitEvidence) -> NDArray[np.int64]:
    return split.pool.token_ids[by_name(split, split.random_rows)[:WINDOWS]]
