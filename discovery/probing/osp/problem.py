"""The convex problem at one support, its dual, and the cut that a dual point gives.

For rows x_i, labels y_i = ±1, class weights c_i and a support s in {0, 1}^p::

    c(s) = min over w, b of  Σ_i c_i l(y_i (Σ_j s_j x_ij w_j + b)) + |w|² / (2γ)
         = max over α of     D(α) - (γ/2) Σ_j s_j (X_jᵀα)²,   Σα = 0,  0 <= -y_i α_i <= c_i

with D(α) = -Σ yα for the hinge and Σ c H(-yα / c), H the entropy in nats, for the logistic loss.
Any α that keeps the constraints bounds c from below *for every s at once*, so a cut is valid
however roughly the problem it came from was solved; that is what makes certificates honest.
All losses here are divided by the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting

Loss = Literal["logistic", "hinge"]
ClassWeights = Literal["balanced"] | tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is the same for every support.

    Attributes:
        columns: [rows, p], columns one after the other in memory, each less its mean (the intercept
            is free, so this changes no loss).
        labels: ±1 [rows].
        weights: Class weight of each row [rows].
        gamma: The larger, the weaker the ridge.
        loss: Which loss of the margin.
    """

    columns: Floats
    labels: Floats
    weights: Floats
    gamma: float
    loss: Loss

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.labels)

    @property
    def width(self) -> int:
        """How many columns there are to choose from."""
        return int(self.columns.shape[1])


@dataclass(frozen=True, slots=True)
class DualPoint:
    """An answer to the inner problem: the primal value reached, and a feasible α [rows].

    ``primal`` is at least c(s); ``dual`` is at most c(s), both summed over rows.
    """

    primal: float
    dual: float
    alpha: Floats


@dataclass(frozen=True, slots=True)
class Cut:
    """c(s) >= ``constant`` - ``slopes`` · s for every s in [0, 1]^p, a row's share."""

    constant: float
    slopes: Floats

    def least(self, k: int) -> float:
        """No support of k columns has a loss below this, by this cut alone."""
        top = np.partition(self.slopes, len(self.slopes) - k)[len(self.slopes) - k :]
        return self.constant - float(top.sum())

    def least_with(self, k: int) -> Floats:
        """For each column: no support of k columns that holds it has a loss below this [p]."""
        top = np.sort(self.slopes)[len(self.slopes) - k :]
        others = self.constant - float(top[1:].sum())
        least: Floats = others - np.minimum(self.slopes, top[0])
        return least


class Inner(Protocol):
    """Solves the convex problem for columns that are already chosen."""

    def __call__(
        self, problem: Problem, chosen: Floats, precision: float, deadline: float
    ) -> DualPoint:
        """``chosen`` [rows, k]; ends at relative gap ``precision`` or at time ``deadline``."""


def prepare(
    X: NDArray[np.floating],
    y: NDArray[np.number],
    loss: Loss,
    gamma: float | None,
    class_weights: ClassWeights,
) -> Problem:
    """Check and arrange the data; raises InvalidSetting where they cannot be used."""
    columns = np.array(X, dtype=np.float64, order="F")
    labels = np.asarray(y, dtype=np.float64)
    if columns.ndim != 2 or labels.shape != columns.shape[:1] or columns.shape[1] == 0:
        raise InvalidSetting(
            f"X of shape {columns.shape} and y of shape {labels.shape} do not belong together",
            "give X as [rows, columns] and y as [rows]",
        )
    if not np.isfinite(columns).all():
        raise InvalidSetting("X holds values that are not finite", "leave out or mend those rows")
    if not np.isin(labels, (-1.0, 1.0)).all() or len(np.unique(labels)) != 2:
        raise InvalidSetting(
            "the labels are not of two classes", "give y as 1 and -1, with rows of both"
        )
    ridge = 1 / np.sqrt(len(labels)) if gamma is None else float(gamma)
    if not (np.isfinite(ridge) and ridge > 0):
        raise InvalidSetting(f"gamma {gamma!r} is not above 0", "leave it out for 1/sqrt(rows)")
    negative, positive = _class_weights(labels, class_weights)
    columns -= columns.mean(axis=0)
    return Problem(columns, labels, np.where(labels > 0, positive, negative), float(ridge), loss)


def _class_weights(labels: Floats, asked: ClassWeights) -> tuple[float, float]:
    if asked == "balanced":
        positives = float((labels > 0).sum())
        return len(labels) / (2 * (len(labels) - positives)), len(labels) / (2 * positives)
    negative, positive = asked
    if not (negative > 0 and positive > 0 and np.isfinite([negative, positive]).all()):
        raise InvalidSetting(
            f"class weights {asked!r} are not above 0", "give (negative, positive)"
        )
    return float(negative), float(positive)


def feasible(problem: Problem, shares: Floats) -> Floats:
    """The nearest usable dual point: u = -yα [rows] within 0 .. c, both classes' sums made equal.

    The class with the greater sum is scaled down, which keeps the box; so Σα = 0.
    """
    shares = np.clip(shares, 0.0, problem.weights)
    positive = problem.labels > 0
    above, below = float(shares[positive].sum()), float(shares[~positive].sum())
    if above <= 0 or below <= 0:
        return np.zeros_like(shares)
    factor = np.where(positive, min(1.0, below / above), min(1.0, above / below))
    scaled: Floats = shares * factor
    return scaled


def dual_constant(problem: Problem, shares: Floats) -> float:
    """D(α) for u = -yα [rows]: what the bound is before any column is chosen."""
    if problem.loss == "hinge":
        return float(shares.sum())
    from scipy.special import entr

    part = shares / problem.weights
    return float(problem.weights @ (entr(part) + entr(1.0 - part)))


def cut_of(problem: Problem, alpha: Floats) -> Cut:
    """The bound that a feasible ``alpha`` gives on every support."""
    shares = np.clip(-problem.labels * alpha, 0.0, problem.weights)
    slopes = (problem.gamma / 2) * (problem.columns.T @ alpha) ** 2
    return Cut(dual_constant(problem, shares) / problem.rows, slopes / problem.rows)
