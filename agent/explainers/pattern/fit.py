"""Excerpts as a weighted regression: activations on clause masks.

The two modes in which an explanation is judged weigh tokens differently. Both enter at once: each
token's weight is its weight in ``corpus`` and in ``top_and_random``, each divided by the unit's
variance under that weighting, so a gain of 1 % means one point of mean explained variance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from core.evidence import Ints, SplitEvidence
from core.patterns import Clause, Mask, Pattern, TokenGrid, clause_mask
from scoring.merit import CHOICE_MODES
from scoring.samples import sample

Array = NDArray[np.float64]

RIDGE = 1e-7


@dataclass(frozen=True, slots=True)
class More:
    """Further windows of the split, run on the unit: ``activations`` [windows, tokens].

    They were drawn by their text: uniformly within each stratum, but more from some than from
    others. ``strata`` [windows] are theirs, ``pool_strata`` [pool] those of the evidence's pool.
    """

    tokens: Sequence[tuple[str, ...]]
    activations: NDArray[np.float32]
    strata: NDArray[np.int64]
    pool_strata: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Regression:
    """``grid`` of the tokens, activations ``actual`` and ``weights``, both [excerpts, tokens].

    ``weights`` are scaled so that the weighted variance of ``actual`` sums to 1. ``sayable``
    [strings] are the token strings that a sentence may quote.
    """

    grid: TokenGrid
    actual: Array
    weights: Array
    sayable: NDArray[np.bool_]

    @classmethod
    def of(cls, evidence: SplitEvidence, more: More | None = None) -> Regression:
        """The regression of one split's pool, and of ``more`` text of the same kind."""
        pool = evidence.pool
        actual = pool.activations.astype(np.float64)
        tokens = list(pool.tokens)
        weights = _window_weights(evidence, actual)
        if more is not None:
            weights = _shared(weights, evidence.top_rows, more)
            actual = np.concatenate([actual, more.activations.astype(np.float64)])
            tokens += more.tokens
        per_token = np.repeat(weights[:, None] / actual.shape[1], actual.shape[1], 1)
        scale = per_token.sum() * weighted_variance(actual, per_token)
        grid = TokenGrid.from_tokens(tokens)
        quotable = np.array([sayable(text) for text in grid.strings], dtype=np.bool_)
        return cls(grid, actual, per_token / scale if scale > 0 else per_token, quotable)

    def by_string(self, values: Array, where: Mask | None = None) -> Array:
        """Sums of ``values`` by unique string, over the tokens ``where`` (all), [strings]."""
        ids = self.grid.ids.reshape(-1) if where is None else self.grid.ids[where]
        chosen = values.reshape(-1) if where is None else values[where]
        return sums_by(ids, chosen, len(self.grid.strings))

    def solve(self, masks: list[Mask]) -> tuple[Array, Array]:
        """Non-negative strengths of ``masks`` and the residual [excerpts, tokens] (mean zero).

        Weighted least squares with a free intercept.
        """
        total = float(self.weights.sum())
        if total <= 0:
            return np.zeros(len(masks)), np.zeros_like(self.actual)
        residual = self.actual - (self.weights * self.actual).sum() / total
        if not masks:
            return np.zeros(0), residual
        columns = np.stack([mask.reshape(-1) for mask in masks]).astype(np.float64)
        weighted = columns * self.weights.reshape(-1)
        means = weighted.sum(axis=1) / total
        gram = weighted @ columns.T - total * np.outer(means, means)
        strengths = _non_negative(gram, weighted @ residual.reshape(-1))
        residual += float(strengths @ means)
        residual -= (strengths @ columns).reshape(residual.shape)
        return strengths, residual

    def errors(self, fixed: list[Mask], changed: Iterable[Mask]) -> Iterator[float]:
        """The error with the ``fixed`` masks and each of the ``changed`` ones in turn.

        The same as ``error(solve([*fixed, mask])[1])``, but what the fixed masks need is summed
        once.
        """
        total = float(self.weights.sum())
        w = self.weights.reshape(-1)
        centred = self.actual.reshape(-1) - float(w @ self.actual.reshape(-1)) / total
        columns = np.ones((1 + len(fixed), len(w)))
        for column, mask in zip(columns[1:], fixed, strict=True):
            column[:] = mask.reshape(-1)
        basis = np.concatenate([columns * w, [w * centred]])
        inner = basis[:-1] @ columns.T
        target = basis[1:-1] @ centred
        variance = float(w @ (centred * centred))
        k = len(fixed)
        sums, gram, targets = np.zeros(k + 1), np.zeros((k + 1, k + 1)), np.zeros(k + 1)
        by_token = np.ascontiguousarray(basis.T)
        for mask in changed:
            new = _sums_where(by_token, mask.reshape(-1))
            sums[:k], sums[k] = inner[0, 1:], new[0]
            gram[:k, :k] = inner[1:, 1:]
            gram[k, :k] = gram[:k, k] = new[1:-1]
            gram[k, k] = new[0]
            targets[:k], targets[k] = target, new[-1]
            centred_gram = gram - np.outer(sums, sums) / total
            strengths = _non_negative(centred_gram, targets)
            fit = 2 * strengths @ targets - strengths @ centred_gram @ strengths
            yield variance - float(fit)

    def left(self, pattern: Pattern) -> float:
        """The share of variance that a sentence leaves, its strengths fitted to this text."""
        masks = [clause_mask(clause, self.grid) for clause in pattern.clauses]
        return self.error(self.solve(masks)[1])

    def error(self, residual: Array) -> float:
        """The share of variance a residual leaves."""
        return float((self.weights * residual * residual).sum())


def _sums_where(by_token: Array, mask: NDArray[np.bool_]) -> Array:
    """Σ of the columns of ``by_token`` [tokens, k] where the mask holds, [k]; most hold rarely."""
    where = np.flatnonzero(mask)
    if len(where) * 4 < len(mask):
        return np.asarray(by_token[where].sum(axis=0))
    return np.asarray(mask.astype(np.float64) @ by_token)


def _window_weights(evidence: SplitEvidence, actual: Array) -> Array:
    """What each window of the pool counts for, [pool]: both modes at once."""
    total = np.zeros(len(actual))
    for mode in CHOICE_MODES:
        drawn = sample(evidence, mode, top=len(evidence.top_rows))
        weights = np.zeros(len(actual))
        weights[drawn.rows] = drawn.weights
        spread = weighted_variance(actual, np.repeat(weights[:, None], actual.shape[1], 1))
        if spread > 0:
            total += weights / spread
    return total


def _shared(weights: Array, top_rows: Ints, more: More) -> Array:
    """Weights of the pool and of ``more`` [pool + windows]: each stratum keeps its whole.

    Within a stratum the new windows share in it as the equally many that the pool's uneven weights
    are worth (Kish's effective size), so that more text makes a figure steadier, not another. The
    strongest windows are all there are of their kind: they stand for themselves and share nothing.
    """
    pooled = weights.copy()
    new = np.zeros(len(more.strata))
    drawn = np.ones(len(weights), dtype=np.bool_)
    drawn[top_rows] = False
    for stratum in np.unique(more.strata):
        mine, theirs = (more.pool_strata == stratum) & drawn, more.strata == stratum
        whole = float(weights[mine].sum())
        if whole <= 0:
            continue
        worth = whole**2 / float((weights[mine] ** 2).sum())
        share = worth / (worth + int(theirs.sum()))
        pooled[mine] *= share
        new[theirs] = whole * (1 - share) / int(theirs.sum())
    return np.concatenate([pooled, new])


def _non_negative(gram: Array, target: Array) -> Array:
    """The non-negative least-squares solution of normal equations; 0 for a mask that never varies.

    NNLS on the Cholesky factor of ``gram`` has the same solution as on the data, and a tiny size.
    The matrix is scaled to a diagonal of 1 first, so that a ridge above rounding is still far below
    any figure: masks that match at the same places leave it singular.
    """
    strengths = np.zeros(len(target))
    diagonal = np.diag(gram)
    used = np.flatnonzero(diagonal > 1e-10 * diagonal.max(initial=0.0))
    if not len(used):
        return strengths
    scale = np.sqrt(diagonal[used])
    scaled = gram[np.ix_(used, used)] / np.outer(scale, scale) + RIDGE * np.eye(len(used))
    factor = np.linalg.cholesky(scaled)
    solution, _ = nnls(factor.T, np.linalg.solve(factor, target[used] / scale))
    strengths[used] = solution / scale
    return strengths


def sayable(text: str) -> bool:
    """Whether a sentence may quote ``text``: half a surrogate pair is no text."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def sums_by(ids: NDArray[np.int32], values: Array, size: int) -> Array:
    """Sums of ``values`` by number, [size]."""
    return np.asarray(np.bincount(ids, values, size), dtype=np.float64)


def weighted_variance(values: Array, weights: Array) -> float:
    """Variance of ``values`` under ``weights`` (same shape)."""
    total = weights.sum()
    if total <= 0:
        return 0.0
    mean = (weights * values).sum() / total
    return float((weights * (values - mean) ** 2).sum() / total)


def with_strengths(clauses: list[Clause], strengths: Array, masks: list[Mask]) -> Pattern | None:
    """A pattern with whole strengths, the strongest prediction scaled to 10; None if all vanish."""
    if not masks:
        return None
    total = np.zeros(masks[0].shape)
    for strength, mask in zip(strengths, masks, strict=True):
        total += strength * mask
    peak = float(total.max(initial=0.0))
    if peak <= 0:
        return None
    kept = []
    for clause, strength in zip(clauses, strengths, strict=True):
        whole = round(10 * float(strength) / peak)
        if whole >= 1:
            kept.append(Clause(clause.predicate, clause.contexts, min(10, whole)))
    return Pattern(tuple(kept)) if kept else None


def refit(pattern: Pattern, regression: Regression) -> Pattern | None:
    """The same clauses with strengths fitted anew."""
    clauses = list(pattern.clauses)
    masks = [clause_mask(clause, regression.grid) for clause in clauses]
    strengths, _ = regression.solve(masks)
    return with_strengths(clauses, strengths, masks)
