"""Embedding similarity: is the explanation nearer to windows in which the unit fires?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.results import Mode, Simulation
from scoring.case import Case
from scoring.raters.answers import Rating, spread
from scoring.raters.detection import wanted
from scoring.samples import sample
from scoring.scorers import Detection, TokenScorer
from scoring.scorers.interface import Array

DIGITS = 6
"""Of a cosine; what lies beyond is rounding, and would break ties."""
MODES: tuple[Mode, ...] = ("top_and_random", "hard_negatives")


class Embedder(Protocol):
    """Gives texts directions; texts that mean alike should point alike."""

    @property
    def name(self) -> str:
        """Stored with every score."""
        ...

    def embed(self, texts: Sequence[str]) -> Array:
        """Vectors [texts, dimensions], of any length."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddingRater:
    """Rates a window by the cosine between its text and the explanation.

    Windows and null are those of detection. No language model is asked.
    """

    embedder: Embedder

    @property
    def name(self) -> str:
        """The embedder."""
        return self.embedder.name

    @property
    def scorers(self) -> tuple[TokenScorer, ...]:
        """Area under the curve: cosines have no cut that holds for every embedder."""
        return (Detection("auroc", scorer="embedding", modes=MODES),)

    async def ask(self, case: Case) -> Mapping[Mode, Simulation]:
        """A cosine for every window that a mode takes."""
        pool = case.report.pool
        rows = wanted(case, MODES).tolist()
        texts = [case.text, *("".join(pool.tokens[row]) for row in rows)]
        vectors = await asyncio.to_thread(self.embedder.embed, texts)
        said = dict(zip(rows, cosines(vectors[0], vectors[1:]), strict=True))
        every = np.ones(pool.token_ids.shape[1], dtype=np.bool_)
        found: dict[Mode, Simulation] = {}
        for mode in MODES:
            held = sample(case.report, mode, on=case.firing.on).rows.tolist()
            places = [(row, every) for row in held]
            found[mode] = spread([said[row] for row in held], places, pool.token_ids.shape)
        return found


def cosines(one: Array, others: Array) -> list[Rating]:
    """The cosine of ``one`` [dimensions] with each of ``others`` [texts, dimensions]."""
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = others @ one / lengths
    return [
        Rating(round(value, DIGITS)) if np.isfinite(value) else _nowhere()
        for value in values.tolist()
    ]


def _nowhere() -> Rating:
    return Rating(None, "undefined", "the embedder gives no direction")
