"""What units have cost, as far as it was recorded: the ground for estimates."""

from __future__ import annotations

from core.ids import UnitIdField
from core.results import Finite, Record, Verdict
from storage.calls import Totals


class PastRun(Record):
    """A finished investigation: how it was asked for, how long it took, and what it spent.

    ``models`` are the language models that its calls went to, ``arms`` whether other ways to an
    explanation were scored beside it, ``roles`` what the calls were for.
    """

    verdict: Verdict | None
    mode: str | None
    arms: bool
    roles: frozenset[str]
    models: frozenset[str]
    seconds: Finite | None
    spent: Totals


class UnitCost(Record):
    """What was spent on one unit of a job; ``seconds`` is how long its last attempt took."""

    unit: UnitIdField
    calls: int
    input_tokens: int
    output_tokens: int
    usd: Finite | None
    seconds: Finite | None
