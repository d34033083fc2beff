"""Labelled places in windows of tokens: what a probe is trained and tested on.

Made by :mod:`.sampling` for one subject's tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from discovery.probing.labels import Feature

Aggregate = Literal["mean", "max"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A feature that cannot be probed on this text, and why."""

    name: str
    description: str
    reason: str


@dataclass(frozen=True)
class ProbingDataset:
    """Rows (places) and their labels for every feature of a collection.

    Attributes:
        collection: The collection's name.
        features: [features]; columns of ``labels``.
        ids: Token IDs [windows, longest], -1 after a window's end. Never holds special tokens.
        lengths: Tokens in each window [windows].
        documents: Index into ``document_names`` of each window [windows].
        offsets: Tokens of the document before each window [windows].
        document_names: [documents].
        groups: Group of each document [documents]; never divided between train and test.
        rows: [rows, 3]: window, first token, token after the last. Single tokens where
            ``aggregate`` is None; otherwise the values there are taken together. In order of
            windows.
        labels: int8 [rows, features]: 1, -1, or 0 where the row is not used for the feature.
        aggregate: How several tokens become one value.
        fingerprint: Of labels, tokens and sampling settings.
        left_out: Features that have too few rows.
        cut: Labelled spans, or tokens of them, that do not fit whole tokens.
        outside: Labelled spans that lie in no one window.
        seen: Documents read.
        tokens_seen: Tokens read.
    """

    collection: str
    features: tuple[Feature, ...]
    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    documents: NDArray[np.int32]
    offsets: NDArray[np.int32]
    document_names: tuple[str, ...]
    groups: tuple[str, ...]
    rows: NDArray[np.int32]
    labels: NDArray[np.int8]
    aggregate: Aggregate | None
    fingerprint: str
    left_out: tuple[LeftOut, ...] = ()
    cut: int = 0
    outside: int = 0
    seen: int = 0
    tokens_seen: int = 0

    def column(self, feature: str) -> int:
        """The index of a feature by name; KeyError when there is none."""
        for index, known in enumerate(self.features):
            if known.name == feature:
                return index
        raise KeyError(feature)

    @property
    def row_documents(self) -> NDArray[np.int32]:
        """The document of each row [rows]."""
        return self.documents[self.rows[:, 0]]

    @property
    def last_tokens(self) -> NDArray[np.int32]:
        """The token ID at each row's last position [rows]."""
        return self.ids[self.rows[:, 0], self.rows[:, 2] - 1]

    def tokens_of(
        self, rows: NDArray[np.int64] | NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Every token of some rows: which of them it is of (0, 1, ...), its window, its place."""
        window, first, stop = self.rows[rows].astype(np.int64).T
        counts = stop - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        of_row = np.repeat(np.arange(len(counts)), counts)
        return of_row, np.repeat(window, counts), np.repeat(first, counts) + within

    def summary(self) -> dict[str, float | int | str | None]:
        """What is in it, as the table of data sets in paper 001 (B.2) tells: counts and shares."""
        used = self.labels != 0
        return {
            "windows": len(self.ids),
            "window": int(self.lengths.max(initial=0)),
            "tokens": int(self.lengths.sum()),
            "rows": len(self.rows),
            "positive_share": float((self.labels == 1).sum() / max(1, used.sum())),
            "features": len(self.features),
            "left_out": len(self.left_out),
            "documents": len(self.document_names),
            "groups": len(set(self.groups)),
            "documents_read": self.seen,
            "tokens_read": self.tokens_seen,
            "spans_cut": self.cut,
            "spans_outside_windows": self.outside,
        }
