"""A site of explained units written straight into a store, with everything a rater must not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.documents import ExplainDocument, ShownExcerpt
from core.ids import UnitId
from core.results import Explanation, Score
from storage import RunRecord, Store, open_store
from tests.service.pages import page_documents as made

SPEC = "5ec0000000000001"
SECRETS = ("0.7531", "0.7654", "secret-simulator", "secret-method", "beats the null", "7.7123")
"""A score, its null, who simulated, who explained, why the verdict, a simulated value."""


def unit(index: int) -> UnitId:
    return UnitId("demo", "mlp.2", index)


def excerpts(index: int, token: str = "def") -> list[ShownExcerpt]:
    """Of all kinds in all splits; the simulator said 7.7123 of some."""

    def shown(kind: str, split: str, place: int, height: float) -> ShownExcerpt:
        simulated = [7.7123, None] if split == "report" else None
        return made.short(
            [token, f" word{index}"],
            [height, 0.0],
            kind=kind,
            split=split,
            document=f"unit{index}/{kind.replace(':', '')}/{split}",
            offset=64 * place,
            simulated=simulated,
        )

    found = [shown("top", "report", place, 5.0 - place / 10) for place in range(3)]
    for split in ("explain", "select"):
        found += [shown("top", split, place, 4.0) for place in range(6)]
        found += [shown(f"band:{b}", split, place, 1.0) for b in range(2) for place in range(2)]
        found += [shown("random", split, place, 0.0) for place in range(2)]
    return found


def explanation(index: int, **changes: Any) -> Explanation:
    values: dict[str, Any] = {
        "id": f"e{index}",
        "unit": unit(index),
        "text": f"fires on the word {index}",
        "method": "secret-method",
    }
    return made.explanation(**(values | changes))


def scores(explanation_id: str, value: float | None) -> list[Score]:
    secret: dict[str, Any] = {"simulator": "secret-simulator", "explanation_id": explanation_id}
    if value is None:
        return [made.undefined("corpus", **secret), made.undefined("random_only", **secret)]
    return [
        made.score("corpus", value=value, low=None, high=None, null_p95=0.7654, **secret),
        made.score("random_only", value=-value, low=None, high=None, **secret),
        *(
            made.score(
                "corpus",
                scorer="detection",
                measure=measure,
                value=figure,
                low=None,
                high=None,
                **secret,
            )
            for measure, figure in (("auroc", value), ("balanced_accuracy", -value))
        ),
    ]


def document(index: int, **changes: Any) -> ExplainDocument:
    profile = made.profile(unit=unit(index), excerpts=excerpts(index))
    values: dict[str, Any] = {
        "unit": unit(index),
        "verdict": "low_evidence",
        "explanations": [explanation(index)],
        "scores": [],
        "profile": profile,
    }
    return made.document(**(values | changes))


def save(
    store: Store,
    index: int,
    *,
    value: float | None = 0.7531,
    run: str | None = None,
    spec_hash: str = SPEC,
    **changes: Any,
) -> None:
    """One finished run of unit ``index``; ``changes`` are those of its only explanation."""
    said = explanation(index, **{"version": store.next_version(unit(index), spec_hash)} | changes)
    told = document(index, explanations=[said], scores=scores(said.id, value))
    store.save_run(
        RunRecord(
            id=run or f"run-{said.id}",
            unit=unit(index),
            spec_hash=spec_hash,
            key=f"key-{said.id}",
            seed=0,
            code_version="0.1.0",
            status="done",
            verdict=told.verdict,
            reason=told.reason,
            started="2025-01-31T12:00:00Z",
            finished="2025-01-31T12:00:09Z",
            document=told.model_dump(mode="json"),
            explanations=(said,),
            scores=tuple(told.scores),
        )
    )


def site(url: str, values: Sequence[float | None]) -> Store:
    """A store with one explained unit a value, which is its score in ``corpus``."""
    store = open_store(url)
    for index, value in enumerate(values):
        save(store, index, value=value)
    return store
