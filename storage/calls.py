"""One call of a language model as it is kept, and what calls have cost.

Every call is kept, failed ones too. A repeated request is answered from here instead of being paid
for again; :func:`storage.call_rows.answer` says which call may answer.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.results import Finite, Record
from storage.records import JsonObject, UtcTime

CallStatus = Literal["ok", "refused", "truncated", "failed"]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class CallRecord(Record):
    """One request to a language model and what came of it.

    ``id`` is unique; ``key`` is the hash of the canonical request, the same whenever the same is
    asked. ``run`` is the key of the ``explain`` or ``score`` request that needed the call, ``None``
    outside of one. ``model`` is the name as the user wrote it; ``prompt`` names the prompt, its
    version and its hash. A call that did not fail has a response; a failed one has an error.

    ``attempts`` counts requests, failed ones too. ``seconds`` is how long all of them took.
    ``cached_tokens`` are part of ``input_tokens``. ``usd`` is ``None`` when the price is unknown
    and 0 when there was nothing to pay.
    """

    id: str
    key: str
    run: str | None = None
    role: str
    model: str
    prompt: str | None = None
    request: JsonObject
    response: JsonObject | None = None
    status: CallStatus
    error: str | None = None
    attempts: Annotated[int, Field(ge=1, lt=2**31)] = 1
    started: UtcTime
    finished: UtcTime
    seconds: Finite
    input_tokens: Count
    cached_tokens: Count
    output_tokens: Count
    usd: Finite | None

    @model_validator(mode="after")
    def _status_fits(self) -> Self:
        if (self.status == "failed") != (self.error is not None):
            raise ValueError("a call has an error exactly when it failed")
        if self.status != "failed" and self.response is None:
            raise ValueError("a call that did not fail has a response")
        return self


class Totals(Record):
    """What some calls came to; ``usd`` is ``None`` when the price of any of them is unknown."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    usd: Finite | None = 0.0


class Spent(Totals):
    """What calls came to, all together and for each role that made any."""

    by_role: dict[str, Totals] = Field(default_factory=dict)
