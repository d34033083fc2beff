"""Intruder by a language model: which of five excerpts does not belong? Nobody says to what.

The explanation is not shown. The figure says whether the windows in which the unit fires have
something in common that this model sees, so whether there is anything to explain at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.results import Mode, Simulation
from llms.gather import all_of
from llms.protocol import Model
from prompts import shown
from scoring.case import Case
from scoring.measured import Measured
from scoring.raters.answers import Rating, spread
from scoring.raters.asking import odd_one_out
from scoring.raters.order import by_hash
from scoring.raters.permutations import permutations
from scoring.samples import intruder_sample
from scoring.scorers import Intruder, TokenScorer
from scoring.scorers.detection import window_items
from scoring.scorers.interface import Array, Flags, Seen
from scoring.scorers.intruder import FIRING, sets_of, share_found

PROMPT = "intruder"


@dataclass(frozen=True, slots=True)
class RatedIntruder(Intruder):
    """The intruder of sets that are fixed before anybody answers; unanswered ones are left out.

    The null calls any of the five the intruder, by 200 seeded permutations within sets.
    """

    def measured(self, seen: Seen) -> Measured:
        """The share of answered sets in which the intruder was found."""
        firing, intruder = _answered(seen)
        return share_found(firing, intruder)

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """The share when chance says which of five is the intruder."""
        firing, intruder = _answered(seen)
        rated = np.column_stack([firing, intruder])
        lowest: Flags = rated == rated.min(axis=1, keepdims=True, initial=np.inf)
        found: Array = lowest / lowest.sum(axis=1, keepdims=True)
        sets = np.arange(len(found))
        drawn = (found[sets, rng.integers(0, FIRING + 1, len(sets))] for rng in permutations())
        return np.array([float(one.mean()) for one in drawn if len(one)])


def _answered(seen: Seen) -> tuple[Array, Array]:
    """Ratings of the firing windows [sets, 4] and of the intruder [sets] of answered sets."""
    ratings = window_items(seen).positive
    firing, intruder = _sets(seen)
    read = np.asarray(seen.known.any(axis=1))
    whole = read[firing].all(axis=1) & read[intruder]
    return ratings[firing[whole]], ratings[intruder[whole]]


def _sets(seen: Seen) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sets as the activations alone make them."""
    every: Flags = np.ones(seen.known.shape, dtype=np.bool_)
    items = window_items(replace(seen, known=every))
    return sets_of(items.positive_weight > 0, items.negative_weight > 0)


@dataclass(frozen=True, slots=True)
class IntruderRater:
    """Shows one set of five windows a request, in an order drawn by hash.

    The excerpt that the model names is rated 0, the other four 1. Each set is asked about once,
    whichever explanation of the unit it is that is scored.
    """

    model: Model
    _answers: dict[tuple[str, ...], int | Rating] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model."""
        return self.model.name

    @property
    def scorers(self) -> tuple[TokenScorer, ...]:
        """Accuracy."""
        return (RatedIntruder(),)

    async def ask(self, case: Case) -> Mapping[Mode, Simulation]:
        """0 or 1 for every window of every set."""
        modes = self.scorers[0].modes
        said = await all_of(self._mode(case, mode) for mode in modes)
        return dict(zip(modes, said, strict=True))

    async def _mode(self, case: Case, mode: Mode) -> Simulation:
        pool = case.report.pool
        sample = intruder_sample(case.report, mode, case.firing.on)
        actual = pool.activations[sample.rows].astype(np.float64)
        every: Flags = np.ones(actual.shape, dtype=np.bool_)
        windows = pool.windows[sample.rows]
        firing, intruder = _sets(Seen(actual, every, actual, case.firing, windows, sample.design))
        sets = [sample.rows[[*four, one]] for four, one in zip(firing, intruder, strict=True)]
        ordered = [by_hash("intruder", pool.windows, rows) for rows in sets]
        texts = [tuple(shown("".join(pool.tokens[row])) for row in rows) for rows in ordered]
        answers = await all_of(self._asked(five) for five in texts)
        ratings = [r for answer in answers for r in _ratings(answer)]
        places = [(row, every[0]) for rows in ordered for row in rows]
        return spread(ratings, places, pool.token_ids.shape)

    async def _asked(self, texts: tuple[str, ...]) -> int | Rating:
        if texts not in self._answers:
            self._answers[texts] = await odd_one_out(self.model, PROMPT, texts)
        return self._answers[texts]


def _ratings(answer: int | Rating) -> list[Rating]:
    if isinstance(answer, Rating):
        return [answer] * (FIRING + 1)
    return [Rating(0.0 if place == answer else 1.0) for place in range(FIRING + 1)]
