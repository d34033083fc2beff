"""Requests made up from the OpenAPI document: nothing is answered that it does not tell of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import schemathesis
from fake_desk import FakeDesk
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.schemas import BaseSchema
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


DOCUMENT = Path(__file__).resolve().parents[2] / "service" / "openapi.json"
PATHS = sorted(json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"])
ALIKE = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def checked(case: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        case.call_and_validate(checks=CHECKS)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def schema() -> BaseSchema:
    return schemathesis.openapi.from_asgi("/v1/openapi.json", application())


def check(schema: BaseSchema, path: str, how: settings) -> None:
    """Make up the cases of a path, and try them.

    ``schema.parametrize`` would make up those of all paths in every process as it starts.
    """
    part = schema.include(path=path)
    tests = list(get_all_tests(schema=part, test_func=checked, settings=how, given_kwargs=None))
    assert tests
    for made in tests:
        _, test = made.ok()
        test()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_that_is_not_documented(schema: BaseSchema, path: str) -> None:
    check(schema, path, settings(max_examples=QUICK, derandomize=True, **ALIKE))


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_that_is_not_documented_in_thousands_of_cases(
    schema: BaseSchema, path: str
) -> None:
    check(schema, path, settings(max_examples=WHOLE, **ALIKE))
