"""Documents as the chat is shown them: short, with a citation beside everything that has an id."""

from __future__ import annotations

from pydantic import JsonValue

from agent.chat.tools import Data
from core.documents import ExplainDocument, ShownExcerpt
from core.results import Score
from neuroscribe.sweeps.estimate import Estimate as Expected
from neuroscribe.sweeps.estimate import Range
from storage.job_documents import JobDocument

_REACH = 12
_EXPERIMENTS = 12


def told_document(document: ExplainDocument, *, excerpts: int = 0, tests: bool = False) -> Data:
    """Verdict, explanations and scores; excerpts and experiments if they are wanted."""
    run = document.run
    told: Data = {
        "unit": str(document.unit),
        "verdict": document.verdict,
        "reason": document.reason,
        "cite": f"[run {run}]",
        "report_openings": document.report_openings,
        "explanations": [
            {
                "id": e.id,
                "text": e.text,
                "polarity": e.polarity,
                "side": e.side,
                "share": e.share,
                "method": e.method,
                "cite": f"[explanation {e.id}]",
            }
            for e in document.explanations
        ],
        "scores": [_score(score) for score in _main(document.scores)],
    }
    if tests:
        told["experiments"] = [
            {
                "kind": x.kind,
                "description": x.description,
                "about": x.about,
                "outcome": {**x.outcome},
                "cite": f"[experiment {run}/{x.id}]",
            }
            for x in document.experiments[:_EXPERIMENTS]
        ]
    if excerpts:
        told["excerpts"] = told_excerpts(document.profile.excerpts, excerpts)
    return told


def _main(scores: list[Score]) -> list[Score]:
    """Every mode of the simulation, one of each other measure; each in its first calibration."""
    found: dict[tuple[str, ...], Score] = {}
    for score in sorted(scores, key=lambda s: s.mode != "corpus"):
        mode = score.mode if (score.scorer, score.measure) == ("simulation", "correlation") else ""
        found.setdefault((score.explanation_id, score.scorer, score.measure, mode), score)
    return [score for score in scores if score in found.values()]


def _score(score: Score) -> Data:
    held = score.model_dump(
        mode="json",
        include={
            "scorer", "measure", "calibration", "mode", "split", "simulator",
            "value", "low", "high", "status", "reason", "caution", "n_excerpts",
            "null_mean", "null_p95", "null_units",
            "p_null", "token_list_equal", "token_table", "oracle",
        },
    )  # fmt: skip
    cite = f"[score {score.explanation_id}/{score.scorer}/{score.mode}]"
    return {"explanation": score.explanation_id, **held, "cite": cite}


def told_excerpts(excerpts: list[ShownExcerpt], count: int) -> list[JsonValue]:
    """The strongest windows, a document once, each as the text around its peak."""
    found: list[JsonValue] = []
    seen: set[tuple[str, int]] = set()
    strong = [e for e in excerpts if e.kind in ("top", "bottom") and e.tokens]
    for one in strong:
        place = (one.document, one.offset)
        if place in seen or len(found) >= count:
            continue
        seen.add(place)
        at = max(range(len(one.tokens)), key=lambda t: abs(one.activations[t]))
        around = one.tokens[max(0, at - _REACH) : at + _REACH // 2]
        found.append(
            {
                "peak": one.activations[at],
                "token": one.tokens[at],
                "text": "".join(around),
                "kind": one.kind,
                "split": one.split,
                "document": one.document,
            }
        )
    return found


def told_job(job: JobDocument) -> Data:
    """How a job stands."""
    return {
        "job": job.id,
        "site": f"{job.subject}/{job.site}",
        "state": job.state,
        "reason": job.reason,
        "items": job.items.model_dump(mode="json"),
        "verdicts": {**job.verdicts},
        "failures": {**job.failures},
        "usd": job.usage.usd,
        "eta_seconds": job.eta_seconds,
        "cite": f"[job {job.id}]",
    }


def told_cost(expected: Expected) -> str:
    """An estimate in words."""
    parts = [
        _range(expected.seconds, "s"),
        _range(expected.calls, "calls of language models"),
        _range(expected.usd, "dollars"),
    ]
    known = [part for part in parts if part]
    if not known:
        return f"what it takes is not known: {expected.reason}"
    if expected.seconds is None:
        known.append(f"how long is not known: {expected.reason}")
    judged = f", judged by {expected.runs} earlier units" if expected.runs else ""
    return ", ".join(known) + judged


def _range(found: Range | None, of: str) -> str:
    if found is None or (found.value == 0 and of != "calls of language models"):
        return ""
    if found.value == 0:
        return f"no {of}"
    between = (
        ""
        if found.low is None or found.low == found.high
        else f" ({found.low:.3g} to {found.high:.3g})"
    )
    return f"about {found.value:.3g}{between} {of}"
