"""Excerpts and evidence: what was seen of a unit, in three splits that never share a document.

Explanations are written from ``explain``, chosen and revised on ``select``, and the published
score comes from ``report``. Arrays are float32 activations of one unit, ``[excerpts, tokens]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.hashing import unit_interval
from core.ids import UnitId

Split = Literal["explain", "select", "report"]
SPLITS: tuple[Split, ...] = ("explain", "select", "report")
SPLIT_SHARES: tuple[float, ...] = (0.6, 0.2, 0.2)

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def split_of(group: str) -> Split:
    """The split of a document group (60 / 20 / 20), from its name alone.

    No seed enters, so no run can move a document from one split to another.
    """
    position = unit_interval("neuroscribe/split/1", group)
    edge = 0.0
    for split, share in zip(SPLITS, SPLIT_SHARES, strict=True):
        edge += share
        if position < edge:
            return split
    return SPLITS[-1]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One window of text with one unit's activations (``activations[t]`` belongs to ``tokens[t]``).

    ``kind`` says how it was drawn: ``top``, ``bottom``, ``band:<i>`` or ``random``.
    ``offset`` is the window's first token, counted in tokens from the document's start.
    """

    tokens: tuple[str, ...]
    activations: Floats
    document: str
    offset: int
    kind: str
    split: Split


@dataclass(frozen=True, slots=True)
class ExcerptSet:
    """Many excerpts of one split, columnar: ``token_ids`` and ``activations`` are [n, tokens].

    ``windows`` [n] are positions of the windows in the index and identify them: two sets may be
    joined without counting a window twice.
    """

    split: Split
    windows: Ints
    token_ids: Ints
    tokens: Sequence[tuple[str, ...]]
    activations: Floats
    documents: Sequence[str]
    offsets: Ints
    kinds: Sequence[str]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: int) -> Excerpt:
        return Excerpt(
            tokens=self.tokens[i],
            activations=self.activations[i],
            document=self.documents[i],
            offset=int(self.offsets[i]),
            kind=self.kinds[i],
            split=self.split,
        )

    def __iter__(self) -> Iterator[Excerpt]:
        return (self[i] for i in range(len(self)))

    def take(self, rows: Sequence[int] | Ints) -> ExcerptSet:
        """The excerpts at ``rows``, in that order."""
        chosen = [int(r) for r in rows]
        return ExcerptSet(
            split=self.split,
            windows=self.windows[chosen],
            token_ids=self.token_ids[chosen],
            tokens=[self.tokens[r] for r in chosen],
            activations=self.activations[chosen],
            documents=[self.documents[r] for r in chosen],
            offsets=self.offsets[chosen],
            kinds=[self.kinds[r] for r in chosen],
        )

    def join(self, other: ExcerptSet) -> ExcerptSet:
        """This set followed by the excerpts of ``other`` whose windows it does not hold."""
        if self.split != other.split:
            raise ValueError(f"cannot join {self.split!r} with {other.split!r}: splits stay apart")
        seen = set(self.windows.tolist())
        new = other.take([i for i, w in enumerate(other.windows.tolist()) if w not in seen])
        return ExcerptSet(
            split=self.split,
            windows=np.concatenate([self.windows, new.windows]),
            token_ids=np.concatenate([self.token_ids, new.token_ids]),
            tokens=[*self.tokens, *new.tokens],
            activations=np.concatenate([self.activations, new.activations]),
            documents=[*self.documents, *new.documents],
            offsets=np.concatenate([self.offsets, new.offsets]),
            kinds=[*self.kinds, *new.kinds],
        )


@dataclass(frozen=True, slots=True)
class Band:
    """Windows whose maximum activation is in [``low``, ``high``), between two quantiles.

    The quantiles are those of the split's window maxima; the edges lie on histogram cells, so that
    ``share``, the band's part of the split's windows, is exact. The first band is open below.
    """

    name: str
    low: float
    high: float
    share: float


@dataclass(frozen=True, slots=True)
class SplitEvidence:
    """Everything drawn for one unit in one split.

    ``pool`` holds every distinct window once; ``top_rows`` (strongest first, at most one a
    document), ``bottom_rows`` (weakest first), ``active_rows`` (a uniform sample of the windows in
    which the unit fires) and ``random_rows`` (windows that all units of the site share) index it.
    ``hard_rows`` are windows in which the unit was seen to be silent though something like it is
    there: strong windows of its neighbours, and strong windows of its own with one token changed.
    ``others`` [pool, tokens, null units] are activations of ``other_units`` of the same site on the
    same windows, for the null; empty where they were not asked for.
    """

    split: Split
    pool: ExcerptSet
    top_rows: Ints
    bottom_rows: Ints
    active_rows: Ints
    random_rows: Ints
    bands: tuple[Band, ...]
    n_windows: int
    n_documents: int
    other_units: tuple[int, ...]
    others: Floats
    hard_rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def top(self) -> ExcerptSet:
        """The strongest windows, strongest first."""
        return self._drawn(self.top_rows, "top")

    @property
    def bottom(self) -> ExcerptSet:
        """The most negative windows, most negative first (signed sites only)."""
        return self._drawn(self.bottom_rows, "bottom")

    @property
    def random(self) -> ExcerptSet:
        """The windows that all units of the site share."""
        return self._drawn(self.random_rows, "random")

    def band_rows(self, band: int) -> Ints:
        """Rows of the pool whose window maximum lies in band ``band``."""
        maxima = self.pool.activations.max(axis=1)
        low, high = self.bands[band].low, self.bands[band].high
        return np.flatnonzero((maxima >= low) & (maxima < high)).astype(np.int64)

    def thinned(self, count: int) -> SplitEvidence:
        """At most ``count`` windows of each kind, drawn as the whole ones are.

        The strongest and the weakest; of the active windows and the shared random ones a uniform
        sample. For simulators that cost money.
        """
        order = sorted(
            self.random_rows.tolist(),
            key=lambda row: unit_interval("neuroscribe/thin/1", str(self.pool.windows[row])),
        )
        drawn = {
            "top_rows": self.top_rows[:count],
            "bottom_rows": self.bottom_rows[:count],
            "active_rows": self.active_rows[:count],
            "random_rows": np.array(sorted(order[:count]), dtype=np.int64),
            "hard_rows": self.hard_rows[:count],
        }
        rows = np.unique(np.concatenate(list(drawn.values())))
        return replace(
            self,
            pool=self.pool.take(rows),
            others=self.others[rows],
            **{name: np.searchsorted(rows, held) for name, held in drawn.items()},  # type: ignore[arg-type]
        )

    def flipped(self) -> SplitEvidence:
        """The same windows from the negative side: activations negated, top and bottom swapped.

        Bands and active windows describe the positive side, so there are none.
        """
        return replace(
            self,
            pool=replace(self.pool, activations=-self.pool.activations),
            top_rows=self.bottom_rows,
            bottom_rows=self.top_rows,
            active_rows=np.empty(0, dtype=np.int64),
            hard_rows=np.empty(0, dtype=np.int64),
            bands=(),
            others=-self.others,
        )

    def rectified(self) -> SplitEvidence:
        """The same windows with everything below zero set to zero: one side of a signed unit."""
        if not min(self.pool.activations.min(initial=0.0), self.others.min(initial=0.0)) < 0:
            return self
        pool = replace(self.pool, activations=np.maximum(self.pool.activations, 0))
        return replace(self, pool=pool, others=np.maximum(self.others, 0))

    def _drawn(self, rows: Ints, kind: str) -> ExcerptSet:
        return replace(self.pool.take(rows), kinds=[kind] * len(rows))


@dataclass(frozen=True, slots=True)
class UnitStatistics:
    """Figures over every token of the corpus (all splits); activations in the unit's own scale.

    ``documents_active`` counts documents in which the unit was above zero at least once.
    """

    n_tokens: int
    mean: float
    variance: float
    skewness: float | None
    kurtosis: float | None
    minimum: float
    maximum: float
    share_active: float
    documents_active: int
    non_negative: bool

    @property
    def live(self) -> bool:
        """Active in at least five documents or, where values may be negative, not constant."""
        if self.non_negative:
            return self.documents_active >= 5
        return self.variance > 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """One unit's evidence. ``report`` is reached through :meth:`open_report`, which is logged."""

    unit: UnitId
    statistics: UnitStatistics
    explain: SplitEvidence
    select: SplitEvidence
    _report: SplitEvidence
    openings: list[str] = field(default_factory=list)

    def open_report(self, reason: str) -> SplitEvidence:
        """The report split; each call is recorded in ``openings`` with its reason."""
        self.openings.append(reason)
        return self._report

    def opened_report(self) -> SplitEvidence:
        """The report split for showing what was scored; ValueError while nobody has opened it."""
        if not self.openings:
            raise ValueError(f"the report split of {str(self.unit)!r} has not been opened")
        return self._report
