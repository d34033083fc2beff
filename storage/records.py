"""What goes into the store and comes out of it, beside the records of :mod:`core.results`.

A run is one ``explain`` of one unit. Times are ISO 8601 text in UTC with microseconds
(``2025-01-31T12:00:00.000000Z``), so that text order is time order; any offset is accepted on the
way in, a time without one is refused.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from core.ids import UnitIdField
from core.results import Explanation, Finite, Record, Score, Verdict

RunStatus = Literal["running", "done", "failed"]


def _utc(value: object) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _no_nan(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinity are not values: use None with a reason")
    if isinstance(value, list):
        for item in value:
            _no_nan(item)
    if isinstance(value, dict):
        for item in value.values():
            _no_nan(item)
    return value


def _no_nan_inside(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _no_nan(value)
    return value


UtcTime = Annotated[str, BeforeValidator(_utc)]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_no_nan_inside)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class ExperimentRecord(Record):
    """One test of a hypothesis on the subject: what was tried and what came out.

    ``id`` is unique within its run, so that an explanation can cite it.
    """

    id: str
    kind: str
    description: str
    input: JsonObject
    outcome: JsonObject


class Opening(Record):
    """One look at the ``report`` split of a unit, and why.

    ``explanation_id`` is ``None`` when the look was not about one stored explanation.
    """

    explanation_id: str | None = None
    reason: str
    time: UtcTime


class _Run(Record):
    """What a run is, without what it found.

    ``key`` names the request (unit, subject, corpus, index, method, parameters, seed): two runs
    with one key answer one question. ``document`` is what ``explain --json`` prints. A ``running``
    run has no end; a ``done`` one has an end, a verdict and a document.
    """

    id: str
    unit: UnitIdField
    spec_hash: str
    key: str
    seed: Seed
    code_version: str
    status: RunStatus
    verdict: Verdict | None = None
    reason: str | None = None
    started: UtcTime
    finished: UtcTime | None = None
    seconds: Finite | None = None
    document: JsonObject | None = None

    @model_validator(mode="after")
    def _status_fits(self) -> Self:
        if (self.status == "running") != (self.finished is None):
            raise ValueError("a run has a finishing time exactly when it no longer runs")
        if self.status == "done" and (self.verdict is None or self.document is None):
            raise ValueError("a run that is done has a verdict and a document")
        if self.status == "running" and (self.verdict or self.document is not None):
            raise ValueError("a running run has no verdict and no document yet")
        return self


class StoredRun(_Run):
    """A run as it was stored; its results are asked for by id."""


class RunRecord(_Run):
    """A run with everything it found: the unit of writing.

    Results come with the end: a ``running`` run carries none. Scores and openings may also refer to
    explanations that are stored already.
    """

    explanations: tuple[Explanation, ...] = ()
    scores: tuple[Score, ...] = ()
    experiments: tuple[ExperimentRecord, ...] = ()
    openings: tuple[Opening, ...] = ()

    @model_validator(mode="after")
    def _results_fit(self) -> Self:
        if self.status == "running" and (
            self.explanations or self.scores or self.experiments or self.openings
        ):
            raise ValueError("a running run has no results yet")
        for explanation in self.explanations:
            if explanation.unit != self.unit:
                raise ValueError(
                    f"explanation {explanation.id!r} is about {explanation.unit}, not {self.unit}"
                )
        return self
