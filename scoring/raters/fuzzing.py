"""Fuzzing by a language model: are the marked tokens those on which the unit fires?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.results import Mode, Simulation
from llms.protocol import Model
from prompts import marked
from scoring.case import Case
from scoring.ranking import Items, auroc, balanced_accuracy
from scoring.raters.answers import Rating, spread
from scoring.raters.asking import ratings
from scoring.raters.detection import CUT, wanted
from scoring.raters.order import by_hash, drawn
from scoring.raters.permutations import permutations
from scoring.samples import sample
from scoring.scorers import Fuzzing, TokenScorer
from scoring.scorers.fuzzing import marked_items, marks
from scoring.scorers.interface import Array, Seen

PROMPT = "fuzz"


@dataclass(frozen=True, slots=True)
class RatedFuzzing(Fuzzing):
    """Fuzzing whose null swaps right and wrong within windows, by 200 seeded permutations.

    Other units cannot serve: nobody was asked about the tokens that they fire on.
    """

    def null(self, seen: Seen, others: NDArray[np.float32]) -> Array:
        """The figure with each window's two labels swapped, or not, by chance."""
        items = marked_items(seen)
        found = []
        for rng in permutations():
            swapped = rng.random(len(items.positive)) < 0.5
            right = np.where(swapped, items.negative, items.positive)
            wrong = np.where(swapped, items.positive, items.negative)
            again = Items(right, wrong, items.positive_weight, items.negative_weight)
            value = auroc(again) if self.measure == "auroc" else balanced_accuracy(again, self.cut)
            if value.value is not None:
                found.append(value.value)
        return np.array(found)


@dataclass(frozen=True, slots=True)
class FuzzingRater:
    """Shows each window in which the unit fires twice, marked rightly and marked wrongly.

    The two never stand in one batch: a first round shows one of them, a second the other, and a
    hash decides which. Both rounds are in an order drawn by hash, ``batch`` excerpts at a time.
    """

    model: Model
    batch: int = 5

    @property
    def name(self) -> str:
        """The model."""
        return self.model.name

    @property
    def scorers(self) -> tuple[TokenScorer, ...]:
        """Both measures of fuzzing."""
        return RatedFuzzing("auroc"), RatedFuzzing("balanced_accuracy", cut=CUT, learns=False)

    async def ask(self, case: Case) -> Mapping[Mode, Simulation]:
        """Two ratings for every window that a mode takes and that can be marked."""
        pool, firing = case.report.pool, case.firing
        modes = self.scorers[0].modes
        both = marks(pool.activations.astype(np.float64), firing.on, firing.off, pool.windows)
        rows = [row for row in wanted(case, modes).tolist() if both[0][row].any()]
        places: list[tuple[int, NDArray[np.bool_]]] = []
        said: list[Rating] = []
        for turn in (0, 1):
            ordered = by_hash(f"fuzzing {turn}", pool.windows, rows)
            which = [(drawn("marks", int(pool.windows[row])) + turn) % 2 for row in ordered]
            shown = [(row, both[side][row]) for row, side in zip(ordered, which, strict=True)]
            texts = [marked(pool.tokens[row], where.tolist()) for row, where in shown]
            said += await ratings(self.model, PROMPT, case.text, texts, self.batch)
            places += shown
        found: dict[Mode, Simulation] = {}
        for mode in modes:
            held = set(sample(case.report, mode, on=case.firing.on).rows.tolist())
            kept = [i for i, (row, _) in enumerate(places) if row in held]
            found[mode] = spread(
                [said[i] for i in kept], [places[i] for i in kept], pool.token_ids.shape
            )
        return found
