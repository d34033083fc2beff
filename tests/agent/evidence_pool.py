"""Evidence of every unit of a site from one array of activations, drawn as the index draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agent.experiments import Unseen
from core.evidence import (
    SPLITS,
    Band,
    Evidence,
    ExcerptSet,
    SplitEvidence,
    UnitStatistics,
    split_of,
)
from core.hashing import text_hash
from core.ids import UnitId

TOP, ACTIVE = (20, 10, 10), (48, 32, 32)
RANDOM = (512, 512, 1024)
QUANTILES = (0.5, 0.9, 0.99, 0.999)


@dataclass(slots=True)
class Text:
    """Windows ``ids`` [n, length] of ``documents`` [n], each with its split and sampling rank."""

    ids: NDArray[np.int64]
    tokens: list[tuple[str, ...]]
    documents: list[str]
    random: tuple[int, ...] = RANDOM
    split: NDArray[np.int64] = field(init=False)
    rank: NDArray[np.int64] = field(init=False)
    document: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.split = np.array([SPLITS.index(split_of(d)) for d in self.documents])
        order = [text_hash("sample", d, str(i)) for i, d in enumerate(self.documents)]
        self.rank = np.argsort(np.argsort(order))
        self.document = np.unique(self.documents, return_inverse=True)[1]


@dataclass(slots=True)
class SitePool:
    """One site: ``values`` [n, length, units] on the windows of ``text``."""

    name: str
    text: Text
    values: NDArray[np.float32]
    signed: bool = False

    def evidence(self, unit: int, others: int = 0) -> Evidence:
        """Everything drawn for one unit; ``others`` units stand in ``report`` for the null."""
        width = self.values.shape[2]
        rest = [u for u in range(width) if u != unit]
        rest.sort(key=lambda u: text_hash("null", self.name, str(u)))
        null = tuple(sorted(rest[:others]))
        splits = [self._split(s, unit, null if SPLITS[s] == "report" else ()) for s in range(3)]
        return Evidence(UnitId("planted", self.name, unit), self.statistics(unit), *splits)

    def statistics(self, unit: int) -> UnitStatistics:
        values = self.values[:, :, unit].astype(np.float64)
        fires = self.text.document[values.max(axis=1) > 0]
        return UnitStatistics(
            n_tokens=values.size,
            mean=float(values.mean()),
            variance=float(values.var()),
            skewness=None,
            kurtosis=None,
            minimum=float(values.min()),
            maximum=float(values.max()),
            share_active=float((values > 0).mean()),
            documents_active=len(np.unique(fires)),
            non_negative=not self.signed,
        )

    def _split(self, split: int, unit: int, null: Sequence[int]) -> SplitEvidence:
        text = self.text
        windows = np.flatnonzero(text.split == split)
        values = self.values[windows, :, unit]
        high, low = values.max(axis=1), values.min(axis=1)
        documents, rank = text.document[windows], text.rank[windows]
        drawable = np.ones(len(high), bool) if self.signed else high > 0
        top = _strongest(high, drawable, documents, TOP[split])
        bottom = _strongest(-low, low < 0, documents, TOP[split] if self.signed else 0)
        by_rank = np.argsort(rank)
        active = by_rank[high[by_rank] > 0][: ACTIVE[split]]
        random = by_rank[: text.random[split]]
        rows = np.unique(np.concatenate([top, bottom, active, random]))
        numbers = windows[rows]
        pool = ExcerptSet(
            split=SPLITS[split],
            windows=numbers,
            token_ids=text.ids[numbers],
            tokens=[text.tokens[i] for i in numbers],
            activations=np.ascontiguousarray(values[rows]),
            documents=[text.documents[i] for i in numbers],
            offsets=numbers * text.ids.shape[1],
            kinds=["random"] * len(numbers),
        )
        place = [np.searchsorted(rows, chosen) for chosen in (top, bottom, active, random)]
        return SplitEvidence(
            SPLITS[split],
            pool,
            *place,
            bands=bands(high),
            n_windows=len(windows),
            n_documents=len(np.unique(documents)),
            other_units=tuple(null),
            others=self.values[numbers][:, :, list(null)],
        )


def bands(maxima: NDArray[np.float32]) -> tuple[Band, ...]:
    """Bands of window maxima; the first holds at least all windows in which the unit is silent."""
    positive = maxima[maxima > 0]
    if not len(positive):
        return (Band("band:0", -np.inf, np.inf, 1.0),)
    edges = np.unique(np.quantile(maxima, QUANTILES).astype(np.float32))
    edges = np.concatenate([[-np.inf], edges[edges > 0], [np.inf]])
    if edges[1] > positive.min() and (maxima <= 0).mean() >= 0.5:
        edges = np.insert(edges, 1, positive.min())
    found = []
    for low, high in pairwise(edges):
        share = float(((maxima >= low) & (maxima < high)).mean())
        if share > 0:
            found.append(Band(f"band:{len(found)}", float(low), float(high), share))
    return tuple(found)


def _strongest(
    height: NDArray[np.float32],
    drawable: NDArray[np.bool_],
    documents: NDArray[np.int64],
    count: int,
) -> NDArray[np.int64]:
    """The ``count`` strongest windows, at most one a document."""
    order = np.argsort(-height, kind="stable")
    order = order[drawable[order]]
    _, first = np.unique(documents[order], return_index=True)
    return order[np.sort(first)][:count].astype(np.int64)


def unseen(seen: Text, source: Text) -> Unseen:
    """Windows of ``explain`` that are in ``source`` and not in ``seen``, which has rows of it."""
    known = {tuple(row) for row in seen.ids.tolist()}
    rows = [
        i
        for i in np.flatnonzero(source.split == 0).tolist()
        if tuple(source.ids[i].tolist()) not in known
    ]
    ids = source.ids[rows]
    return Unseen(
        ExcerptSet(
            split="explain",
            windows=len(seen.ids) + np.arange(len(rows)),
            token_ids=ids,
            tokens=[source.tokens[i] for i in rows],
            activations=np.zeros(ids.shape, dtype=np.float32),
            documents=[source.documents[i] for i in rows],
            offsets=np.array(rows) * ids.shape[1],
            kinds=["unseen"] * len(rows),
        )
    )
