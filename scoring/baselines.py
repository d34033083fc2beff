"""Token lookup: what a list of tokens reaches, from the same ``explain`` excerpts.

An explanation that cannot beat a list of its own length has found no context. Three references: a
list with as many entries as the explanation has symbols, a list of 50, and the full table, which
nobody would call an explanation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evidence import SplitEvidence

MIN_COUNT = 3


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Mean activation by token ID over the ``explain`` pool.

    ``ids`` [tokens] sorted, with the ``sums`` of activation on each and their ``counts``.
    """

    ids: NDArray[np.int64]
    sums: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def learn(cls, explain: SplitEvidence) -> TokenTable:
        """The table of one unit."""
        ids, inverse, counts = np.unique(
            explain.pool.token_ids, return_inverse=True, return_counts=True
        )
        sums = np.zeros(len(ids))
        np.add.at(sums, inverse.reshape(-1), explain.pool.activations.reshape(-1))
        return cls(ids, sums, counts.astype(np.int64))

    @property
    def overall(self) -> float:
        """Mean activation over every token of the pool."""
        return float(self.sums.sum() / max(int(self.counts.sum()), 1))

    def full(self, token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Each token's own mean; unseen tokens get the overall mean."""
        return self._look_up(token_ids, self.sums / self.counts, self.overall)

    def list_of(self, length: int, token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """The ``length`` tokens of highest mean get their mean, every other the mean of the rest.

        Tokens seen fewer than ``MIN_COUNT`` times are not listed while others remain: the mean of
        one lucky token would make the baseline weaker than a person's list.
        """
        means = self.sums / self.counts
        order = np.lexsort((self.ids, -means, self.counts < MIN_COUNT))
        listed, rest = order[:length], order[length:]
        left = int(self.counts[rest].sum())
        spare = float(self.sums[rest].sum() / left) if left else self.overall
        values = np.full(len(self.ids), spare)
        values[listed] = means[listed]
        return self._look_up(token_ids, values, spare)

    def _look_up(
        self, token_ids: NDArray[np.int64], values: NDArray[np.float64], unseen: float
    ) -> NDArray[np.float64]:
        if not len(self.ids):
            return np.full(token_ids.shape, unseen)
        place = np.clip(np.searchsorted(self.ids, token_ids), 0, len(self.ids) - 1)
        return np.where(self.ids[place] == token_ids, values[place], unseen)
