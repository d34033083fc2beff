"""Mean difference and one-way ANOVA F of all features, neurons and layers in one pass.

Rows stream by; kept are, for every task (a feature on the training rows of one split) and neuron,
the sums of x and x squared in both classes: two matrix products a batch. Values are centred on the
first batch's mean, so that sums of squares lose no digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from discovery.probing.activations import Part

Array = NDArray[np.float64]
_TASKS_AT_ONCE = 1024
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
        """What mean-difference ranks by, -inf for neurons that say nothing.

        |difference| in units of the deviation (at least 0.001), since probes see columns so scaled.
        """
        scaled = np.abs(self.difference) / np.maximum(self.deviation, LEAST_DEVIATION)
        return np.where(self.deviation > 0, scaled, -np.inf)


class Moments:
    """Sums by site, task and class. ``labels`` int8 [rows, tasks] are 1, -1 or 0 (not counted)."""

    def __init__(self, labels: NDArray[np.int8], sites: Sequence[str]) -> None:
        self.labels = labels
        self.sites = tuple(sites)
        self.counts = np.stack([(labels == 1).sum(0), (labels == -1).sum(0)]).astype(np.float64)
        self._centre: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}

    def add(self, part: Part) -> None:
        """Count a part's rows."""
        labels = self.labels[part.rows]
        used = (labels != 0).any(axis=1)
        if not used.any():
            return
        classes = np.concatenate([labels == 1, labels == -1], axis=1)[used].T
        for site in self.sites:
            values = part.values[site][torch.as_tensor(used)].double()
            self._add(site, values, torch.as_tensor(classes, device=values.device).double())

    def _add(self, site: str, values: Tensor, classes: Tensor) -> None:
        if site not in self._centre:
            self._centre[site] = values.mean(0).nan_to_num(0.0, 0.0, 0.0)
            shape = (len(classes), values.shape[1])
            self._sums[site] = torch.zeros(shape, dtype=torch.float64, device=values.device)
            self._squares[site] = torch.zeros_like(self._sums[site])
        values = values - self._centre[site]
        for begin in range(0, len(classes), _TASKS_AT_ONCE):
            some = slice(begin, begin + _TASKS_AT_ONCE)
            self._sums[site][some] += classes[some] @ values
            self._squares[site][some] += classes[some] @ values.square()

    def ranking(self, site: str, tasks: slice = slice(None)) -> Ranking:
        """The scores of some tasks at one site; those with fewer than two rows of a class: -inf."""
        n_tasks = self.labels.shape[1]
        sums, squares = (
            kept[site].view(2, n_tasks, -1)[:, tasks].cpu().numpy()
            for kept in (self._sums, self._squares)
        )
        counts = self.counts[:, tasks, None]
        with np.errstate(all="ignore"):
            means = sums / counts
            difference = means[0] - means[1]
            n = counts.sum(0)
            between = counts[0] * counts[1] / n * difference**2
            within = np.maximum((squares - sums * means).sum(0), 0.0)
            total = within + between
            # What rounding alone leaves of a constant neuron is no spread.
            scale = squares.sum(0) + n * self._centre[site].cpu().numpy() ** 2
            spread = total > 1e-12 * scale
            f = between / (within / (n - 2))
        usable = spread & np.isfinite(difference) & (counts > 1).all(0)
        return Ranking(
            difference=np.where(usable, difference, 0.0),
            f=np.where(usable, f, -np.inf),
            deviation=np.where(usable, np.sqrt(total / n), 0.0),
        )


def strongest(strength: Array, count: int) -> NDArray[np.int64]:
    """The ``count`` neurons of highest strength [neurons], without those of -inf; ties by index."""
    order = np.argsort(-strength, kind="stable")[:count]
    return np.asarray(order[np.isfinite(strength[order])], dtype=np.int64)
