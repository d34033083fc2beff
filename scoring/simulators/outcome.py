"""From one answer an excerpt to one simulation: what failed is missing, with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import AnswerUnusable, ContextTooLong, ModelError, ModelUnavailable
from core.results import Simulation, Status

FATAL = (AnswerUnusable, ContextTooLong, ModelUnavailable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One excerpt's predictions [tokens] on a 0-10 scale, NaN where missing."""

    predicted: NDArray[np.float64]
    status: Status = "ok"
    reason: str | None = None

    @classmethod
    def failed(cls, tokens: int, status: Status, reason: str) -> Outcome:
        """Nothing could be read."""
        return cls(np.full(tokens, np.nan), status, reason)

    @classmethod
    def of(cls, tokens: int, error: ModelError) -> Outcome:
        """A request that failed for good; errors that hold for every request are raised again."""
        if not isinstance(error, FATAL):
            raise error
        return cls.failed(tokens, "error", f"{error.code}: {error.message}")


def together(outcomes: Sequence[Outcome], tokens: int) -> Simulation:
    """All excerpts' outcomes. ``partial`` when some tokens are missing, else what failed most."""
    predicted = np.array([o.predicted for o in outcomes]).reshape(len(outcomes), tokens)
    known = np.isfinite(predicted)
    predicted = np.where(known, predicted, 0.0)
    if known.all():
        return Simulation(predicted, known)
    reasons = Counter(o.reason for o in outcomes if o.reason)
    reason = f"{int((~known).sum())} of {known.size} tokens have no prediction"
    if reasons:
        text, count = reasons.most_common(1)[0]
        reason += f" ({count} excerpts: {text})"
    if known.any():
        return Simulation(predicted, known, "partial", reason)
    states = Counter(o.status for o in outcomes if o.status != "ok")
    return Simulation(predicted, known, states.most_common(1)[0][0], reason)


def expected(logprobs: dict[str, float], scale: dict[str, float]) -> float:
    """Σ v·p(v) / Σ p(v) over the candidates that the model listed; NaN if it listed none."""
    listed = [(scale[c], lp) for c, lp in logprobs.items() if c in scale]
    if not listed:
        return float("nan")
    values, logs = np.array(listed).T
    weights = np.exp(logs - logs.max())
    return float(values @ weights / weights.sum())
