"""Tools about one unit's record: explain it, show what is stored, score a proposed explanation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from agent.chat.tools import ChatTool, Data, Estimate
from core.documents import ShownExcerpt
from core.ids import UnitIdField
from core.results import Record
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.told import told_cost, told_document, told_excerpts
from neuroscribe.explaining import ExplainRequest
from neuroscribe.sweeps.estimate import estimate
from neuroscribe.sweeps.request import SweepRequest

EXCERPTS = 5
_FORM = "subject/site/index, such as demo/mlp.2/163"
UnitName = Annotated[UnitIdField, WithJsonSchema({"type": "string", "description": _FORM})]
"""A unit in the arguments of a tool: models write a string."""


class Explain(Record):
    """Which unit."""

    unit: UnitName


class Evidence(Explain):
    """Which unit, and how many excerpts of it."""

    excerpts: int = Field(default=EXCERPTS, ge=0, le=20)


class Proposed(Explain):
    """A unit, and what somebody says it reacts to."""

    explanation: str = Field(min_length=1, max_length=2000)


def unit_tools(desk: Desk) -> list[ChatTool]:
    """``explain_unit``, ``show_evidence`` and ``score_explanation``."""

    def explain(given: Explain) -> Data:
        return told_document(desk.ask(desk.request(given.unit)))

    def score(given: Proposed) -> Data:
        return told_document(desk.ask(_proposed(desk, given)))

    return [
        ChatTool(
            "explain_unit",
            "Verdict, explanations and scores of a unit. A stored answer is given at once; else "
            "the unit is investigated, which the user is asked to confirm.",
            Explain,
            explain,
            lambda given: _cost(desk, desk.request(given.unit), f"explain {given.unit}"),
        ),
        ChatTool(
            "show_evidence",
            "What is stored about a unit: verdict, scores, experiments, excerpts. Computes "
            "nothing.",
            Evidence,
            lambda given: _evidence(desk, given),
        ),
        ChatTool(
            "score_explanation",
            "Score an explanation that the user proposes, on text that nobody has seen, beside "
            "null and baselines. The user is asked to confirm unless it is stored.",
            Proposed,
            score,
            lambda given: _cost(desk, _proposed(desk, given), f"score a sentence on {given.unit}"),
        ),
    ]


def _proposed(desk: Desk, given: Proposed) -> ExplainRequest:
    return desk.request(given.unit, " ".join(given.explanation.split()))


def _cost(desk: Desk, request: ExplainRequest, what: str) -> Estimate | None:
    """None when the answer is stored; raises for units that do not exist."""
    if desk.stored(request) is not None:
        return None
    unit = request.unit
    collected = desk.index(unit) is not None
    like = SweepRequest(
        unit.subject,
        unit.site,
        mode=request.mode,
        models=request.models,
        arms=request.arms,
    )
    with desk.workspace.store() as store:
        found = estimate(store, like, units=1, answered=0, concurrency=1)
    first = "" if collected else "; first activations are collected, once for this subject and text"
    return Estimate(
        said=f"{what}: {told_cost(found)}{first}",
        figures={**found.model_dump(mode="json"), "collected": collected},
    )


def _evidence(desk: Desk, given: Evidence) -> Data:
    found = desk.known(given.unit)
    if found is not None:
        return told_document(found, excerpts=given.excerpts, tests=True)
    index = desk.index(given.unit)
    told: Data = {
        "unit": str(given.unit),
        "verdict": None,
        "hint": f"{given.unit} was not explained yet: explain_unit does it.",
    }
    if index is not None:
        top = ShownExcerpt.some(index.evidence(given.unit).explain.top, given.excerpts)
        told["excerpts"] = told_excerpts(top, given.excerpts)
    return told
