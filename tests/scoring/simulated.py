"""Corpora of made-up windows, and evidence drawn from them as the index draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import Band, ExcerptSet, Ints, SplitEvidence
from core.results import Score, Simulation

Floats = NDArray[np.float64]
LENGTH = 32


@dataclass(frozen=True)
class Corpus:
    """Predictions and activations, both [windows, tokens]."""

    predicted: Floats
    actual: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int, rate: float, spread: float = 0.5) -> Corpus:
        """Windows with a topic that makes the pattern likelier and a loudness of their own.

        So tokens of one window resemble each other, as in text.
        """
        topic = np.where(rng.random((n, 1)) < 0.3, 2.2, 0.5)
        loud = np.exp(rng.normal(0, spread, (n, 1))) * np.exp(rng.normal(0, 0.3, (n, LENGTH)))
        pattern = rng.random((n, LENGTH)) < rate * topic
        missed = rng.random((n, LENGTH)) < 0.3
        other = rng.random((n, LENGTH)) < rate * topic / 2
        actual = loud * (pattern & ~missed) + 0.6 * loud * other
        return cls(10.0 * pattern, actual)

    @property
    def rho(self) -> float:
        return float(np.corrcoef(self.predicted.ravel(), self.actual.ravel())[0, 1])


def evidence(
    actual: Floats,
    rng: np.random.Generator,
    *,
    random: int = 300,
    active: int = 32,
    top: int = 10,
    quantiles: Sequence[float] = (0.5, 0.9, 0.99, 0.999),
    bottom: int = 0,
) -> tuple[Ints, SplitEvidence]:
    """(corpus row of each pool row, evidence): top, uniform active and uniform random windows."""
    high = actual.max(axis=1)
    order = rng.permutation(len(actual))
    drawn = {
        "random": order[:random],
        "active": order[high[order] > 0][:active],
        "top": np.argsort(-high, kind="stable")[:top],
        "bottom": np.argsort(actual.min(axis=1), kind="stable")[:bottom],
    }
    rows = np.unique(np.concatenate(list(drawn.values())))
    place = {kind: np.searchsorted(rows, chosen) for kind, chosen in drawn.items()}
    edges = np.unique(np.quantile(high.astype(np.float32), quantiles))
    edges = np.array([-np.inf, *edges[edges > 0], np.inf])
    shares = np.histogram(high.astype(np.float32), edges)[0] / len(high)
    bands = tuple(
        Band(f"band:{i}", float(low), float(up), float(share))
        for i, (low, up, share) in enumerate(zip(edges, edges[1:], shares, strict=False))
    )
    found = SplitEvidence(
        split="report",
        pool=excerpts(actual[rows], rows),
        top_rows=place["top"],
        bottom_rows=place["bottom"],
        active_rows=place["active"],
        random_rows=np.sort(place["random"]),
        bands=bands,
        n_windows=len(actual),
        n_documents=len(actual),
        other_units=(),
        others=np.zeros((*actual[rows].shape, 0), dtype=np.float32),
    )
    return rows, found


def excerpts(
    actual: NDArray[np.floating], windows: Ints | None = None, token_ids: Ints | None = None
) -> ExcerptSet:
    """Excerpts with these activations [n, tokens]; token t of window w is unique unless given."""
    n = len(actual)
    numbers = np.arange(n) if windows is None else windows
    ids = np.arange(actual.size).reshape(actual.shape) if token_ids is None else token_ids
    return ExcerptSet(
        split="report",
        windows=numbers,
        token_ids=ids,
        tokens=[tuple(f"t{i}" for i in row) for row in ids.tolist()],
        activations=actual.astype(np.float32),
        documents=[f"d{i}" for i in numbers],
        offsets=np.zeros(n, dtype=np.int64),
        kinds=["random"] * n,
    )


class Foreseen:
    """A simulator that says what it was given, [corpus windows, tokens]; NaN is missing."""

    name = "foreseen"

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.asked: list[int] = []

    def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        self.asked += excerpts.windows.tolist()
        values = self.values[excerpts.windows]
        return Simulation(np.nan_to_num(values), ~np.isnan(values))


def score(**figures: object) -> Score:
    """A good ``corpus`` score with some figures changed."""
    given = {
        "explanation_id": "e1",
        "scorer": "simulation",
        "simulator": "pattern",
        "mode": "corpus",
        "split": "report",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "n_excerpts": 20,
        "n_tokens": 1280,
        "status": "ok",
    }
    return Score.model_validate(given | figures)
