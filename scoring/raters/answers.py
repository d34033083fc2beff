"""One answer an item: a number, or why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.results import Simulation, Status
from scoring.simulators.outcome import FATAL


@dataclass(frozen=True, slots=True)
class Rating:
    """What was said of one item; None is missing and has a reason."""

    value: float | None
    status: Status = "ok"
    reason: str | None = None

    @classmethod
    def of(cls, error: ModelError) -> Rating:
        """A request that failed for good; errors that hold for every request are raised again."""
        if not isinstance(error, FATAL):
            raise error
        return cls(None, "error", f"{error.code}: {error.message}")


def spread(
    ratings: Sequence[Rating], places: Sequence[tuple[int, NDArray[np.bool_]]], shape: Sequence[int]
) -> Simulation:
    """Ratings as predictions of ``shape`` [pool, tokens].

    ``places[i]`` are the row and the tokens [tokens] that rating ``i`` is about. The status is
    ``partial`` when some ratings are missing, else, when all are, what failed most.
    """
    predicted, known = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for rating, (row, tokens) in zip(ratings, places, strict=True):
        if rating.value is not None:
            predicted[row, tokens] = rating.value
            known[row, tokens] = True
    missing = [rating for rating in ratings if rating.value is None]
    if not missing:
        return Simulation(predicted, known)
    text, count = Counter(rating.reason for rating in missing).most_common(1)[0]
    reason = f"{len(missing)} of {len(ratings)} items have no rating ({count}: {text})"
    if len(missing) < len(ratings):
        return Simulation(predicted, known, "partial", reason)
    status = Counter(rating.status for rating in missing).most_common(1)[0][0]
    return Simulation(predicted, known, status, reason)
