"""Neuron splitting: a neuron of a smaller model as a sum of a few neurons of a larger one.

If a larger model gives a feature several neurons, each for a part of it, then their non-negative
sum predicts the smaller model's one neuron on the same text (Gurnee et al. 2023, section 5.3).
What is made of the sums is said in :mod:`.splitting_reading`.
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
from discovery.probing.after.splitting_reading import RULE, Fitted, Side, error_sums, r2, reading
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.statistics import Array, Flags, Ints, figure
from subjects.protocol import Subject

_TRAIN = 0.7
_MOST = 8
_CANDIDATES = 128
_DRAWS = 10
_LEAST_TOKENS = 200
_RIDGE = 1e-9
_BLOCK = 1 << 14  # tokens


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
    """R² on test by k = 1 .. ``most`` units of one of ``sites`` of the larger subject.

    All tokens of the windows count. The ``candidates`` units that correlate most with the target on
    train enter a forward selection; weights are non-negative least squares with an intercept, on
    train. The site is the one whose largest sum does best on train. Beside it stand ``draws``
    random sets of k live units of that site, fitted alike. Subjects with different tokenizers, a
    target that does not vary and too little text get a reason.
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
    found = _best_site(larger, sites, halves[0], targets[0], candidates, most)
    if found is None:
        return _nothing(unit, larger, "no unit of the larger subject correlates with the target")
    site, kept, live = found
    others = np.random.default_rng(seed).permutation(live)[: most * draws]
    columns = np.r_[kept, others]
    train, test = (
        Side(target, _values(larger, [site], half, columns), read.clusters)
        for half, target, read in zip(halves, targets, reads, strict=True)
    )
    names = [str(UnitId(larger.spec.name, site, int(column))) for column in kept]
    sums = list(_sums(train, test, len(kept), min(most, len(kept)), draws, seed))
    over = windows.over
    steps = [_step(one, test, names, seed, over) for one in sums]
    told = reading([one.fitted for one in sums], steps, (train, test), names, seed, over)
    return Splitting(
        unit=str(unit),
        larger=larger.spec.name,
        candidates=len(kept),
        of=len(live),
        train_tokens=len(targets[0]),
        test_tokens=len(targets[1]),
        steps=tuple(steps),
        site=site,
        gain=told.gain,
        parts=told.parts,
        reading=told.reading,
        rule=RULE,
    )


def _best_site(
    subject: Subject,
    sites: Sequence[str],
    windows: LabelledWindows,
    target: Array,
    candidates: int,
    most: int,
) -> tuple[str, Ints, Ints] | None:
    """On train, the site of the best sum: its name, candidates in order and live units."""
    best: tuple[float, str, Ints, Ints] | None = None
    correlations, live = _correlations(subject, sites, windows, target)
    starts = np.cumsum([subject.sites()[site].width for site in sites])[:-1]
    for site, own, moving in zip(
        sites, np.split(correlations, starts), np.split(live, starts), strict=True
    ):
        order = np.argsort(-own, kind="stable")[:candidates]
        kept = order[own[order] > 0]
        if not len(kept):
            continue
        explained = 0.0
        if len(sites) > 1:
            clusters = np.zeros(len(target), dtype=np.int64)
            fit = _Fit.of(Side(target, _values(subject, [site], windows, kept), clusters))
            explained = fit.explained(list(_forward(fit, len(kept), min(most, len(kept))))[-1])
        if best is None or explained > best[0]:
            best = (explained, site, kept, np.flatnonzero(moving))
    return None if best is None else best[1:]


def _forward(fit: _Fit, candidates: int, most: int) -> Iterator[list[int]]:
    """The best column of the first ``candidates``, then the one that adds most, and so on."""
    chosen: list[int] = []
    for _ in range(most):
        left = [column for column in range(candidates) if column not in chosen]
        explained = [fit.explained([*chosen, column]) for column in left]
        chosen = [*chosen, left[int(np.argmax(explained))]]
        yield chosen


@dataclass(frozen=True, slots=True)
class _Sum:
    """A fitted sum, its R² on train, and R² on test of as many random units."""

    fitted: Fitted
    train_r2: float
    random: tuple[float, ...]


def _sums(
    train: Side, test: Side, candidates: int, most: int, draws: int, seed: int
) -> Iterator[_Sum]:
    fit = _Fit.of(train)
    total = float(((train.target - fit.target_mean) ** 2).sum())
    sets = [list(range(candidates + start, train.values.shape[1], draws)) for start in range(draws)]
    for k, chosen in enumerate(_forward(fit, candidates, most), 1):
        null = [fit.fitted(one[:k]) for one in sets if len(one) >= k]
        yield _Sum(
            fit.fitted(chosen),
            fit.explained(chosen) / total,
            tuple(float(r2(error_sums(test, [one]).sum(0))) for one in null),
        )


def _step(one: _Sum, test: Side, names: Sequence[str], seed: int, of: str) -> SplitStep:
    columns = one.fitted.columns
    return SplitStep(
        k=len(columns),
        units=tuple(names[column] for column in columns),
        weights=tuple(one.fitted.weights.tolist()),
        r2=figure(error_sums(test, [one.fitted]), r2, seed, of=of),
        random=one.random,
        train_r2=one.train_r2,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Train sums that every choice of columns is fitted from."""

    gram: Array
    cross: Array
    means: Array
    target_mean: float

    @classmethod
    def of(cls, side: Side) -> _Fit:
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

    def fitted(self, columns: Sequence[int]) -> Fitted:
        """The fit, with what its parts are measured from."""
        weights, intercept = self.weights(columns)
        return Fitted(tuple(columns), weights, intercept, self.means[list(columns)])

    def explained(self, columns: Sequence[int]) -> float:
        """How much squared error the columns take away on train."""
        weights, _ = self.weights(columns)
        gram = self.gram[np.ix_(columns, columns)]
        return float(2 * weights @ self.cross[columns] - weights @ gram @ weights)


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
