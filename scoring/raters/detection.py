"""Detection by a language model: how likely is it that the unit fires in this excerpt?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.evidence import Ints
from core.results import Mode, Simulation
from llms.protocol import Model
from prompts import shown
from scoring.case import Case
from scoring.raters.answers import spread
from scoring.raters.asking import ratings
from scoring.raters.order import by_hash
from scoring.samples import sample
from scoring.scorers import Detection, TokenScorer

PROMPT = "detect"
CUT = 5.0


@dataclass(frozen=True, slots=True)
class DetectionRater:
    """Shows an explanation and ``batch`` excerpts at a time, in an order drawn by hash.

    A window is rated once, whatever the modes it belongs to. The null: the same ratings against the
    windows in which other units of the site fire. Balanced accuracy calls ratings above 5 positive.
    """

    model: Model
    batch: int = 5

    @property
    def name(self) -> str:
        """The model."""
        return self.model.name

    @property
    def scorers(self) -> tuple[TokenScorer, ...]:
        """Both measures of detection."""
        learnt = Detection("balanced_accuracy", cut=CUT, learns=False)
        return Detection("auroc"), learnt

    async def ask(self, case: Case) -> Mapping[Mode, Simulation]:
        """A rating for every window that a mode takes."""
        pool = case.report.pool
        modes = self.scorers[0].modes
        rows = by_hash("detection", pool.windows, wanted(case, modes))
        texts = [shown("".join(pool.tokens[row])) for row in rows]
        said = await ratings(self.model, PROMPT, case.text, texts, self.batch)
        every = np.ones(pool.token_ids.shape[1], dtype=np.bool_)
        found: dict[Mode, Simulation] = {}
        for mode in modes:
            held = set(sample(case.report, mode, on=case.firing.on).rows.tolist())
            kept = [(r, (row, every)) for r, row in zip(said, rows, strict=True) if row in held]
            found[mode] = spread([r for r, _ in kept], [p for _, p in kept], pool.token_ids.shape)
        return found


def wanted(case: Case, modes: tuple[Mode, ...]) -> Ints:
    """The rows that any of ``modes`` takes."""
    return np.unique(
        np.concatenate([sample(case.report, mode, on=case.firing.on).rows for mode in modes])
    )
