"""Requests made up from the OpenAPI document: nothing is answered that it does not tell of."""

from __future__ import annotations

import warnings

import pytest
import schemathesis
from fake_desk import FakeDesk
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.ids import UnitId
from service.app import create_app
from service.auth import Caller, Gate
from service.bodies import ExplainBody
from service.desk import Asked
from service.events import Feeds
from service.guard import Limits
from storage.documents import DocumentText
from tests.service.pages.page_documents import document

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
UNIT = UnitId("demo", "mlp.2", 163)
QUICK, WHOLE = 16, 140


RUN = "0123456789abcdef"


class Prompt(FakeDesk):
    """A desk that knows one subject, one unit and one job; what is asked of it ends at once."""

    def __init__(self) -> None:
        super().__init__()
        text = document(unit=UNIT, run=RUN).model_dump_json()
        self.documents[UNIT] = DocumentText(RUN, text)
        self._end(RUN)

    def _end(self, job: str) -> None:
        if job not in self.happened:
            self.happen(job, "job", state="running")
            self.happen(job, "item", state="done", run_id=RUN)
            self.happen(job, "job", state="done")

    async def explain(self, body: ExplainBody, caller: Caller, job: str | None) -> Asked:
        asked = await super().explain(body, caller, job)
        if asked.job is not None:
            self._end(asked.job.id)
        return asked


def application() -> object:
    desk = Prompt()
    feeds = Feeds(desk, every=0.01, heartbeat=0.05)
    return create_app(desk, Gate(), limits=Limits(hosts=()), feeds=feeds)


schema = schemathesis.openapi.from_asgi("/v1/openapi.json", application())
ALIKE = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def checked(case: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        case.call_and_validate(checks=CHECKS)  # type: ignore[attr-defined]


@schema.parametrize()
@settings(max_examples=QUICK, derandomize=True, **ALIKE)
def test_nothing_is_answered_that_is_not_documented(case: object) -> None:
    checked(case)


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=WHOLE, **ALIKE)
def test_nothing_is_answered_that_is_not_documented_in_thousands_of_cases(case: object) -> None:
    checked(case)
