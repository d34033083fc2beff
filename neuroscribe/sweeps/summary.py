"""What came of a sweep: how units ended, how well they were explained, what was dear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.ids import UnitIdField
from core.results import Record
from neuroscribe.reports.distributions import quartiles
from neuroscribe.reports.documents import Mean, Quartiles
from neuroscribe.reports.figures import LEAST, told
from scoring import bootstrap
from scoring.measured import Array
from storage.costs import UnitCost
from storage.job_documents import JobDocument, job_document

if TYPE_CHECKING:
    from storage import JobItem, Store

DEAREST = 5


class FailureKind(Record):
    """Units that failed alike, and one of them as an example."""

    code: str
    units: int
    unit: UnitIdField
    message: str


class ScoresOfUnits(Record):
    """The main score (correlation on the whole corpus) over the units that have one.

    Intervals are over units. ``null_p95`` stands beside it: the 95th percentile of what the same
    predictions reach on other units, averaged. ``quartiles`` are None for fewer than five units.
    """

    mean: Mean
    median: Mean
    quartiles: Quartiles | None
    null_p95: Mean
    above_null: int


class SweepSummary(Record):
    """``dead`` units of the site were left out; ``dearest`` are those on which most was spent."""

    dead: int | None
    verdicts: dict[str, int]
    scores: ScoresOfUnits
    dearest: list[UnitCost]
    failures: list[FailureKind]


class SweepDocument(JobDocument):
    """``explain-layer --json``: the job as ``jobs show`` tells it, and what came of it."""

    summary: SweepSummary


def sweep_document(store: Store, job: str, *, seed: int, dead: int | None) -> SweepDocument:
    """How a job stands and what it has come to."""
    told = job_document(store.jobs, job)
    items = store.jobs.items(told.id)
    summary = SweepSummary(
        dead=dead,
        verdicts=told.verdicts,
        scores=scores_of(items, seed),
        dearest=store.dearest(told.id, DEAREST),
        failures=failures_of(items),
    )
    return SweepDocument(summary=summary, **dict(told))


def scores_of(items: Sequence[JobItem], seed: int) -> ScoresOfUnits:
    """The distribution of scores over the units that were done."""
    scored = [(i.score, i.null_p95) for i in items if i.state == "done" and i.score is not None]
    values = [score for score, _ in scored]
    nulls = [null for _, null in scored if null is not None]
    return ScoresOfUnits(
        mean=_over_units(np.mean, values, seed),
        median=_over_units(np.median, values, seed),
        quartiles=None if len(values) < LEAST else quartiles(values),
        null_p95=_over_units(np.mean, nulls, seed),
        above_null=sum(null is not None and score > null for score, null in scored),
    )


def failures_of(items: Sequence[JobItem]) -> list[FailureKind]:
    """Failed units by code, the commonest first."""
    first: dict[str, JobItem] = {}
    count: dict[str, int] = {}
    for item in (i for i in items if i.state == "failed"):
        code = item.error_code or "error"
        first.setdefault(code, item)
        count[code] = count.get(code, 0) + 1
    return [
        FailureKind(code=c, units=count[c], unit=first[c].unit, message=first[c].error or "")
        for c in sorted(count, key=lambda c: (-count[c], c))
    ]


def _over_units(compute: Callable[[Array], Any], values: Sequence[float], seed: int) -> Mean:
    """A figure of one value a unit, with its interval."""
    found = bootstrap.figure(
        lambda drawn: float(compute(drawn)),
        np.array(values, dtype=np.float64),
        seed,
        nothing="no unit has a score",
    )
    return told(found, len(values))
