"""Mean difference and one-way ANOVA F of all features, neurons and layers in one pass.

Rows stream by; kept are, for every task (a feature on the training rows of one split) and neuron,
the sum of x over positives, and over all rows of the task the sums of x and of its square: three
matrix products a batch, and tasks on the same rows (labels shuffled for a null) share the latter
two. Values are centred on the first batch's mean, so that sums of squares lose no digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from discovery.probing.activations import Part

Array = NDArray[np.float64]
_TASKS_AT_ONCE = 1024
_RANKED_AT_ONCE = 1 << 21  # neurons times tasks: a dozen arrays of 16 MiB
LEAST_DEVIATION = 1e-3


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of one site [tasks, neurons]; -inf where a neuron is constant or not finite.

    ``difference`` is the mean of positives less that of negatives, with its sign; ``f`` the
    F-statistic (infinite where classes are apart without any spread); ``deviation`` the standard
    deviation over both classes.
    """

    difference: Array
    f: Array
    deviation: Array

    @property
    def strength(self) -> Array:
        """What mean-difference ranks by: see :func:`strength_of`."""
        return strength_of(self.difference, self.deviation)


def strength_of(difference: Array, deviation: Array) -> Array:
    """|difference| in units of the deviation (at least 0.001), since probes see columns so scaled;
    -inf for what is constant. Both are [..., neurons]."""
    scaled = np.abs(difference) / np.maximum(deviation, LEAST_DEVIATION)
    return np.where(deviation > 0, scaled, -np.inf)


class Moments:
    """Sums by site and task. ``labels`` int8 [rows, tasks] are 1, -1 or 0 (not counted)."""

    BYTES = 24
    """What a task takes for each neuron at most: three sums."""

    def __init__(self, labels: NDArray[np.int8], sites: Sequence[str]) -> None:
        self.labels = labels
        self.sites = tuple(sites)
        self.counts = np.stack([(labels == 1).sum(0), (labels == -1).sum(0)]).astype(np.float64)
        # Which rows a task counts: tasks that count the same ones share a mask.
        masks: dict[bytes, int] = {}
        used = np.ascontiguousarray((labels != 0).T)
        self._mask_of_task = np.array([masks.setdefault(m.tobytes(), len(masks)) for m in used])
        first = [int(np.flatnonzero(self._mask_of_task == mask)[0]) for mask in range(len(masks))]
        self._masks = used[first].T
        self._centre: dict[str, Tensor] = {}
        self._positive: dict[str, Tensor] = {}
        self._all: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}
        self._finite: dict[str, Tensor] = {}

    def add(self, part: Part) -> None:
        """Count a part's rows; a unit that is not finite in any row is out of the ranking."""
        for site in self.sites:
            finite = torch.isfinite(part.values[site]).all(0)
            known = self._finite.get(site)
            self._finite[site] = finite if known is None else known & finite
        used = self._masks[part.rows].any(axis=1)
        if not used.any():
            return
        rows = part.rows[used]
        positive, counted = (self.labels[rows] == 1).T, self._masks[rows].T
        kept = None if used.all() else torch.as_tensor(used)
        for site in self.sites:
            values = part.values[site]
            values = (values if kept is None else values[kept.to(values.device)]).double()
            if site not in self._centre:
                self._begin(site, values)
            values -= self._centre[site]
            _count(self._positive[site], positive, values)
            _count(self._all[site], counted, values)
            _count(self._squares[site], counted, values.square_())

    def _begin(self, site: str, values: Tensor) -> None:
        width = values.shape[1]
        self._centre[site] = values.mean(0).nan_to_num(0.0, 0.0, 0.0)
        tasks, masks = self.labels.shape[1], self._masks.shape[1]
        self._positive[site] = values.new_zeros((tasks, width))
        self._all[site] = values.new_zeros((masks, width))
        self._squares[site] = values.new_zeros((masks, width))

    def ranking(self, site: str, tasks: slice = slice(None)) -> Ranking:
        """The scores of some tasks at one site; those with fewer than two rows of a class: -inf."""
        masks = self._mask_of_task[tasks]
        positive = self._positive[site][tasks].cpu().numpy()
        everything = self._all[site][masks].cpu().numpy()
        squares = self._squares[site][masks].cpu().numpy()
        counts = self.counts[:, tasks, None]
        n = counts.sum(0)
        with np.errstate(all="ignore"):
            difference = positive / counts[0] - (everything - positive) / counts[1]
            between = counts[0] * counts[1] / n * difference**2
            total = np.maximum(squares - everything**2 / n, 0.0)
            # What rounding alone leaves of a constant neuron is no spread.
            scale = squares + n * self._centre[site].cpu().numpy() ** 2
            spread = total > 1e-12 * scale
            f = between / (np.maximum(total - between, 0.0) / (n - 2))
        usable = spread & np.isfinite(difference) & (counts > 1).all(0)
        usable &= self._finite[site].cpu().numpy()
        return Ranking(
            difference=np.where(usable, difference, 0.0),
            f=np.where(usable, f, -np.inf),
            deviation=np.where(usable, np.sqrt(total / n), 0.0),
        )

    def strengths(self, site: str) -> Iterator[Array]:
        """``strength`` [neurons] of each task, in order; some tasks are ranked at a time."""
        tasks, width = self._positive[site].shape
        at_once = max(1, _RANKED_AT_ONCE // width)
        for begin in range(0, tasks, at_once):
            yield from self.ranking(site, slice(begin, begin + at_once)).strength


def _count(sums: Tensor, flags: NDArray[np.bool_], values: Tensor) -> None:
    """Add to ``sums`` [flags, width] what ``flags`` [flags, rows] let through of ``values``."""
    if flags.all():
        sums += values.sum(0)
        return
    for begin in range(0, len(flags), _TASKS_AT_ONCE):
        some = slice(begin, begin + _TASKS_AT_ONCE)
        sums[some] += torch.as_tensor(flags[some], device=values.device).double() @ values


def strongest(strength: Array, count: int) -> NDArray[np.int64]:
    """The ``count`` neurons of highest strength [neurons], without those of -inf; ties by index."""
    order = np.argsort(-strength, kind="stable")[:count]
    return np.asarray(order[np.isfinite(strength[order])], dtype=np.int64)
