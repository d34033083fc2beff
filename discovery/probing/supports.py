"""What a way of choosing supports is given and gives: the contract of all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from discovery.probing.results import Certificate

Floats = NDArray[np.float64]
Columns = NDArray[np.floating]
Labels = NDArray[np.number]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A support: column indices in ascending order.

    ``seconds`` is what choosing it took, all that had to be done before it included; what several
    supports share is counted in each. ``note`` says what was less than it should be: a fit that did
    not converge, rows that were not looked at.
    """

    indices: tuple[int, ...]
    seconds: float
    certificate: Certificate | None = None
    note: str | None = None


class Selector(Protocol):
    """One method."""

    def __call__(
        self, X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
    ) -> dict[int, Chosen]:
        """A support for every k.

        Args:
            X: Training rows of columns scaled to a standard deviation of 0.1 [rows, p].
            y: ±1 [rows].
            ks: Sizes.
            seed: Of whatever the method draws.
            time_limit: Seconds for one k; only ``osp`` looks at it.

        Raises:
            InvalidSetting: One class, values that are not finite, or a k above the number of
                columns that are not constant.
        """
        ...


def usable(X: Columns, y: Labels, ks: Sequence[int]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Columns less their mean, labels, and which columns vary [p]; raises InvalidSetting."""
    columns, labels = np.array(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if columns.ndim != 2 or labels.shape != columns.shape[:1]:
        raise InvalidSetting(
            f"X of shape {columns.shape} and y of shape {labels.shape} do not belong together",
            "give X as [rows, columns] and y as [rows]",
        )
    if not np.isfinite(columns).all():
        raise InvalidSetting("X holds values that are not finite", "leave out or mend those rows")
    if set(np.unique(labels)) != {-1.0, 1.0}:
        raise InvalidSetting(
            "the labels are not of two classes", "give y as 1 and -1, with rows of both"
        )
    varying = columns.max(axis=0) > columns.min(axis=0)
    count = int(varying.sum())
    if not ks or min(ks) < 1 or max(ks) > count:
        raise InvalidSetting(
            f"k = {sorted(ks)} is not within 1 .. {count}, the columns that are not constant",
            "choose smaller k, or give more columns",
        )
    columns -= columns.mean(axis=0)
    columns[:, ~varying] = 0.0
    return columns, labels, varying


def ranked(scores: Floats, varying: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Columns by descending score [p]; constant ones last, and of equals the lower index first."""
    clean = np.where(varying & ~np.isnan(scores), scores, -np.inf)
    return np.lexsort((np.arange(len(scores)), -clean, ~varying))


def heads(
    order: NDArray[np.int64], ks: Sequence[int], seconds: float, note: str | None = None
) -> dict[int, Chosen]:
    """The first k of an order, for every k."""
    return {k: Chosen(tuple(sorted(order[:k].tolist())), seconds, note=note) for k in ks}
