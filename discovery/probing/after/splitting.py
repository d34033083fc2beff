"""Neuron splitting: a neuron of a smaller model as a sum of a few neurons of a larger one.

If a larger model gives a feature several neurons, each for a part of it, then their non-negative
sum predicts the smaller model's one neuron on the same text (Gurnee et al. 2023, section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.ids import UnitId
from discovery.probing.after.reading import parts, read_tokens
from discovery.probing.after.records import SplitStep, Splitting
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.statistics import Array, Flags, Ints, cluster_sums, figure
from subjects.protocol import Subject

_TRAIN = 0.7
_MOST = 8
_CANDIDATES = 128
_DRAWS = 10
_LEAST_TOKENS = 200
_RIDGE = 1e-9
_BLOCK = 1 << 14  # tokens


@dataclass(frozen=True, slots=True)
class _Side:
    """One half of the tokens: target [tokens], columns [tokens, units], clusters [tokens]."""

    target: Array
    values: NDArray[np.float32]
    clusters: Ints


def splitting(
    smaller: Subject,
    unit: UnitId,
    larger: Subject,
    sites: Sequence[str],
    windows: LabelledWindows,
    *,
    most: int = _MOST,
    candidates: int = _CANDIDATES,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Splitting:
    """R² on test by k = 1 .. ``most`` units of ``sites`` of the larger subject.

    All tokens of the windows count. The ``candidates`` units that correlate most with the target on
    train enter a forward selection; weights are non-negative least squares with an intercept, on
    train. Beside it stand ``draws`` random sets of k live units, fitted alike. Subjects with
    different tokenizers, a target that does not vary and too little text get a reason.
    """
    if smaller.spec.tokenizer != larger.spec.tokenizer:
        return _nothing(unit, larger, "the two subjects do not share a tokenizer")
    longest = int(windows.lengths.max(initial=0))
    if longest > larger.max_text:
        reason = f"windows of {longest} tokens do not fit {larger.spec.name!r}"
        return _nothing(unit, larger, f"{reason}: it takes {larger.max_text}")
    halves = [half.whole() for half in windows.divided(_TRAIN, seed)]
    if min(int(half.lengths.sum()) for half in halves) < _LEAST_TOKENS:
        return _nothing(unit, larger, f"fewer than {_LEAST_TOKENS} tokens in train or test")
    reads = [read_tokens(smaller, unit.site, [unit.index], half) for half in halves]
    targets = [read.values[:, 0].astype(np.float64) for read in reads]
    if min(float(target.std()) for target in targets) == 0:
        return _nothing(unit, larger, f"{str(unit)!r} does not vary on train or test")
    correlations, live = _correlations(larger, sites, halves[0], targets[0])
    order = np.argsort(-correlations, kind="stable")
    kept = order[:candidates][correlations[order[:candidates]] > 0]
    if not len(kept):
        return _nothing(unit, larger, "no unit of the larger subject correlates with the target")
    others = np.random.default_rng(seed).permutation(np.flatnonzero(live))[: most * draws]
    columns = np.r_[kept, others]
    train, test = (
        _Side(target, _values(larger, sites, half, columns), read.clusters)
        for half, target, read in zip(halves, targets, reads, strict=True)
    )
    names = _names(larger, sites, kept)
    steps = _steps(train, test, len(kept), min(most, len(kept)), draws, names, seed, windows.over)
    return Splitting(
        unit=str(unit),
        larger=larger.spec.name,
        candidates=len(kept),
        of=int(live.sum()),
        train_tokens=len(targets[0]),
        test_tokens=len(targets[1]),
        steps=tuple(steps),
    )


def _steps(
    train: _Side,
    test: _Side,
    candidates: int,
    most: int,
    draws: int,
    names: Sequence[str],
    seed: int,
    of: str,
) -> Iterator[SplitStep]:
    fit = _Fit.of(train)
    chosen: list[int] = []
    sets = [list(range(candidates + start, train.values.shape[1], draws)) for start in range(draws)]
    for k in range(1, most + 1):
        left = [column for column in range(candidates) if column not in chosen]
        explained = [fit.explained([*chosen, column]) for column in left]
        chosen = [*chosen, left[int(np.argmax(explained))]]
        weights, intercept = fit.weights(chosen)
        sums = _test_sums(test, chosen, weights, intercept)
        null = [one[:k] for one in sets if len(one) >= k]
        yield SplitStep(
            k=k,
            units=tuple(names[column] for column in chosen),
            weights=tuple(weights.tolist()),
            r2=figure(sums, _r2, seed, of=of),
            random=tuple(
                float(_r2(_test_sums(test, one, *fit.weights(one)).sum(0))) for one in null
            ),
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Train sums that every choice of columns is fitted from."""

    gram: Array
    cross: Array
    means: Array
    target_mean: float

    @classmethod
    def of(cls, side: _Side) -> _Fit:
        means, target_mean = side.values.mean(0, dtype=np.float64), float(side.target.mean())
        gram, cross = np.zeros((len(means), len(means))), np.zeros(len(means))
        for start in range(0, len(side.target), _BLOCK):
            centred = side.values[start : start + _BLOCK] - means
            gram += centred.T @ centred
            cross += centred.T @ (side.target[start : start + _BLOCK] - target_mean)
        return cls(gram, cross, means, target_mean)

    def weights(self, columns: Sequence[int]) -> tuple[Array, float]:
        """Non-negative weights and intercept of the least squares fit."""
        from scipy.linalg import cholesky, solve_triangular
        from scipy.optimize import nnls

        gram = self.gram[np.ix_(columns, columns)]
        ridge = _RIDGE * max(float(np.trace(gram)), 1e-12)
        factor = cholesky(gram + ridge * np.eye(len(gram)), lower=True)
        found, _ = nnls(factor.T, solve_triangular(factor, self.cross[columns], lower=True))
        return found, self.target_mean - float(found @ self.means[columns])

    def explained(self, columns: Sequence[int]) -> float:
        """How much squared error the columns take away on train."""
        weights, _ = self.weights(columns)
        gram = self.gram[np.ix_(columns, columns)]
        return float(2 * weights @ self.cross[columns] - weights @ gram @ weights)


def _test_sums(side: _Side, columns: Sequence[int], weights: Array, intercept: float) -> Array:
    """[clusters, 4]: tokens, target, its square, squared error."""
    error = side.target - side.values[:, columns] @ weights - intercept
    rows = np.stack([np.ones(len(error)), side.target, side.target**2, error**2], axis=1)
    _, cluster = np.unique(side.clusters, return_inverse=True)
    return cluster_sums(rows, cluster, int(cluster.max()) + 1)


def _r2(sums: Array) -> Array:
    total = sums[..., 2] - sums[..., 1] ** 2 / sums[..., 0]
    return np.asarray(1 - sums[..., 3] / np.where(total > 0, total, np.nan))


def _correlations(
    subject: Subject, sites: Sequence[str], windows: LabelledWindows, target: Array
) -> tuple[Array, Flags]:
    """Correlation of every unit of ``sites`` with the target, and which are live, in one pass."""
    grid = np.zeros(windows.ids.shape)
    grid[windows.labelled] = target - target.mean()
    width = sum(subject.sites()[site].width for site in sites)
    sums, squares, products = np.zeros((3, width))
    lowest, highest = np.full(width, np.inf), np.full(width, -np.inf)
    for rows, values in parts(subject, sites, windows):
        there = windows.labelled[rows, : values.shape[1]]
        flat = values[torch.as_tensor(there, device=values.device)]
        here = torch.as_tensor(grid[rows, : values.shape[1]][there], device=values.device)
        sums += flat.sum(0, dtype=torch.float64).cpu().numpy()
        squares += flat.square().sum(0, dtype=torch.float64).cpu().numpy()
        products += (here.float() @ flat).double().cpu().numpy()
        lowest = np.minimum(lowest, flat.amin(0).cpu().numpy())
        highest = np.maximum(highest, flat.amax(0).cpu().numpy())
    live = highest > lowest
    spread = np.maximum(squares - sums**2 / len(target), 0) * (grid**2).sum()
    some = live & (spread > 0)
    return np.where(some, products / np.sqrt(np.where(some, spread, 1)), 0.0), live


def _values(
    subject: Subject, sites: Sequence[str], windows: LabelledWindows, columns: Ints
) -> NDArray[np.float32]:
    """Values of units (counted over all sites) at every token [tokens, units]."""
    kept = np.zeros((*windows.ids.shape, len(columns)), dtype=np.float32)
    for rows, values in parts(subject, sites, windows):
        chosen = values[..., torch.as_tensor(columns, device=values.device)]
        kept[rows, : values.shape[1]] = chosen.cpu().numpy()
    return kept[windows.labelled]


def _names(subject: Subject, sites: Sequence[str], columns: Ints) -> list[str]:
    starts = np.cumsum([0, *(subject.sites()[site].width for site in sites)])
    which = np.searchsorted(starts, columns, side="right") - 1
    return [
        str(UnitId(subject.spec.name, sites[site], int(column - starts[site])))
        for site, column in zip(which.tolist(), columns.tolist(), strict=True)
    ]


def _nothing(unit: UnitId, larger: Subject, reason: str) -> Splitting:
    return Splitting(
        unit=str(unit),
        larger=larger.spec.name,
        candidates=0,
        of=0,
        train_tokens=0,
        test_tokens=0,
        steps=(),
        reason=reason,
    )
