"""Sites of answered units, written straight into a store."""

from __future__ import annotations

from typing import Any

from core.ids import UnitId
from core.results import Score
from storage import RunRecord, Store
from tests.service.pages import page_documents as made

SPEC = "5ec0000000000001"


def unit(index: int) -> UnitId:
    return UnitId("demo", "mlp.2", index)


def score(value: float | None, mode: str = "corpus", **changes: Any) -> Score:
    """A score with its null and baselines, or an undefined one."""
    if value is None:
        return made.undefined(mode, **({"reason": "constant prediction"} | changes))
    given = {"low": None, "high": None, "null_mean": 0.02, "null_p95": 0.1, "null_units": 100}
    beside = {"p_null": 1 / 101, "token_list_equal": value - 0.1}
    return made.score(mode, **(given | beside | {"value": value} | changes))


def scores(value: float | None) -> list[Score]:
    """Simulation on two samples, and detection, which ranks units the other way round."""
    other = None if value is None else 1.0 - value / 2
    detection: dict[str, Any] = {"scorer": "detection", "measure": "auroc"}
    return [
        score(value),
        score(value, "top_and_random"),
        score(other, **detection),
        score(other, **(detection | {"measure": "balanced_accuracy"})),
        score(0.9, "random_only", split="select"),
    ]


def save(
    store: Store,
    index: int,
    found: list[Score] | None = None,
    *,
    run: str | None = None,
    text: str = "fires on words",
    spec_hash: str = SPEC,
    **changes: Any,
) -> None:
    """One run of unit ``index`` with these ``changes``; without scores it wrote no explanation."""
    name = run or f"run-{index}"
    explanations = ()
    if found is not None:
        version = store.next_version(unit(index), spec_hash)
        explanations = (
            made.explanation(f"e-{name}", unit=unit(index), text=text, version=version),
        )
        found = [s.model_copy(update={"explanation_id": f"e-{name}"}) for s in found]
    fields: dict[str, Any] = {
        "status": "done",
        "verdict": "explained",
        "reason": "beats the null",
        "finished": "2025-01-31T12:00:09Z",
        "document": {},
    }
    store.save_run(
        RunRecord(
            id=name,
            unit=unit(index),
            spec_hash=spec_hash,
            key=f"key-{name}",
            seed=0,
            code_version="0.1.0",
            started="2025-01-31T12:00:00Z",
            explanations=explanations,
            scores=tuple(found or ()),
            **(fields | changes),
        )
    )


def fail(store: Store, index: int, reason: str = "model: no answer") -> None:
    """An investigation of unit ``index`` that did not finish."""
    save(
        store,
        index,
        run=f"failed-{index}",
        status="failed",
        verdict=None,
        document=None,
        reason=reason,
    )


def twelve(store: Store) -> None:
    """Ten units of rising score, one of little evidence, and one that always failed."""
    for index in range(10):
        verdict = "abstained" if index < 2 else "explained"
        save(store, index, scores(0.1 + 0.08 * index), verdict=verdict)
    save(store, 10, verdict="low_evidence", reason="active in 2 documents; 5 are needed")
    fail(store, 11)
