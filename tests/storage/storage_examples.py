"""Small valid records for the tests of the store, and for the processes that they start."""

from __future__ import annotations

from typing import Any

from core.ids import UnitId
from core.results import Explanation, Provenance, Score
from storage.calls import CallRecord
from storage.jobs import JobRecord
from storage.ratings import RatingRecord, Seen
from storage.records import ExperimentRecord, Opening, RunRecord

UNIT = UnitId("demo", "mlp.2", 117)
SPEC = "5ec0000000000001"


def explanation(id: str = "ex-1", version: int = 1, **changes: Any) -> Explanation:
    values: dict[str, Any] = {
        "id": id,
        "unit": UNIT,
        "text": "fires on the name right after 'def'",
        "share": 0.75,
        "method": "pattern",
        "version": version,
        "symbols": 2,
        "provenance": Provenance(
            method="pattern",
            seed=7,
            subject_spec=SPEC,
            corpus="c0ffee",
            index="1dec5",
            code_version="0.1.0",
            parameters={"beam": 8, "edits": True, "price": 0.01, "note": None},
        ),
    }
    return Explanation(**(values | changes))


def score(explanation_id: str = "ex-1", **changes: Any) -> Score:
    values: dict[str, Any] = {
        "explanation_id": explanation_id,
        "scorer": "simulation",
        "simulator": "pattern",
        "mode": "top_and_random",
        "split": "report",
        "value": 0.1 + 0.2,
        "low": 0.25,
        "high": 0.35,
        "n_excerpts": 20,
        "n_tokens": 1280,
        "status": "ok",
        "null_mean": 0.01,
        "null_p95": 0.04,
        "null_units": 50,
        "token_list_equal": 0.2,
        "token_list_50": 0.22,
        "token_table": 0.4,
    }
    return Score(**(values | changes))


def run(id: str = "run-1", number: int = 1, **changes: Any) -> RunRecord:
    """A finished run with one explanation ``ex-<number>`` of version ``number``."""
    name = f"ex-{number}"
    values: dict[str, Any] = {
        "id": id,
        "unit": UNIT,
        "spec_hash": SPEC,
        "key": "key-1",
        "seed": 7,
        "code_version": "0.1.0",
        "status": "done",
        "verdict": "explained",
        "started": "2025-01-31T12:00:00Z",
        "finished": "2025-01-31T12:00:09.5Z",
        "seconds": 9.5,
        "document": {"unit": str(UNIT), "verdict": "explained", "a": [1, 2.5, None, {"b": True}]},
        "explanations": (explanation(name, number),),
        "scores": (
            score(name),
            score(
                name,
                mode="corpus",
                value=None,
                low=None,
                high=None,
                status="undefined",
                reason="the unit never varied",
            ),
        ),
        "experiments": (
            ExperimentRecord(
                id="e1",
                kind="minimal_pair",
                description="'def' becomes 'class'",
                input={"text": "def f():"},
                outcome={"quantile": 0.99},
            ),
        ),
        "openings": (
            Opening(explanation_id=name, reason="final score", time="2025-01-31T12:00:09Z"),
            Opening(reason="null units", time="2025-01-31T12:00:09.1Z"),
        ),
    }
    return RunRecord(**(values | changes))


NOTHING: dict[str, Any] = {"explanations": (), "scores": (), "experiments": (), "openings": ()}
"""Changes that take the results out of a run."""

RUNNING: dict[str, Any] = NOTHING | {
    "status": "running",
    "verdict": None,
    "finished": None,
    "seconds": None,
    "document": None,
}
"""Changes that make a run one that has only begun."""


def call(id: str = "call-1", **changes: Any) -> CallRecord:
    """A call that went well and has a price."""
    values: dict[str, Any] = {
        "id": id,
        "key": "key-1",
        "run": "run-key-1",
        "role": "explainer",
        "model": "openai:gpt-test",
        "prompt": "explain/3/0badf00d",
        "request": {"role": "explainer", "messages": [{"role": "user", "text": "why?"}]},
        "response": {"kind": "chat", "text": "because", "finish": "stop", "usd": None},
        "status": "ok",
        "started": "2025-01-31T12:00:00Z",
        "finished": "2025-01-31T12:00:01.5Z",
        "seconds": 1.5,
        "input_tokens": 100,
        "cached_tokens": 40,
        "output_tokens": 10,
        "usd": 0.25,
    }
    return CallRecord(**(values | changes))


FAILED: dict[str, Any] = {
    "status": "failed",
    "error": "HTTP 500",
    "response": None,
    "output_tokens": 0,
    "usd": 0.0,
}
"""Changes that make a call one that failed and cost nothing."""


def rating(explanation_id: str = "ex-1", **changes: Any) -> RatingRecord:
    """A rating of an explanation of ``UNIT`` beside the unit's own excerpts."""
    values: dict[str, Any] = {
        "explanation_id": explanation_id,
        "unit": UNIT,
        "control": False,
        "rater": "ada",
        "rating": 4,
        "time": "2025-02-01T12:00:00Z",
        "seed": 0,
        "seen": (
            Seen(document="argparse.py", offset=128, kind="top", split="report"),
            Seen(document="prose/7", offset=0, kind="random", split="select"),
        ),
    }
    return RatingRecord(**(values | changes))


def units(count: int) -> list[UnitId]:
    """The first units of a site."""
    return [UnitId("demo", "mlp.2", index) for index in range(count)]


def job(id: str = "job-0001", **changes: Any) -> JobRecord:
    """A request about a layer, made a minute before noon."""
    values: dict[str, Any] = {
        "id": id,
        "subject": "demo",
        "site": "mlp.2",
        "parameters": {"seed": 7, "explainer": "openai:gpt-test"},
        "created": "2025-01-31T11:59:00Z",
    }
    return JobRecord(**(values | changes))
