"""The probe itself: scale, fit on training rows, say what it does on test rows.

Whatever chose the support, the classifier is refitted by L2-regularised logistic regression with
balanced classes (paper 001, section 3.2), so that choices are compared and not losses.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from discovery.probing.metrics import Resamples, Scored, plain_f1
from discovery.probing.moments import LEAST_DEVIATION

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """Columns divided by ten times their deviation on training rows (std 0.1 afterwards)."""

    divisor: Array

    @classmethod
    def of(cls, train: NDArray[np.float32]) -> Scale:
        """From training rows [rows, columns]; deviations under 0.001 count as that."""
        deviation = train.std(axis=0, dtype=np.float64)
        return cls(10 * np.maximum(deviation, LEAST_DEVIATION))

    def apply(self, values: NDArray[np.float32]) -> Array:
        """float64 [rows, columns]."""
        return np.asarray(values / self.divisor)


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted classifier on scaled columns; ``note`` where the fit did not converge."""

    columns: NDArray[np.int64]
    coefficients: Array
    intercept: float
    note: str | None = None

    def margin(self, values: Array) -> Array:
        """Log-odds of the feature [rows] from all scaled columns [rows, columns]."""
        return np.asarray(values[:, self.columns] @ self.coefficients + self.intercept)


@dataclass(frozen=True, slots=True)
class Trial:
    """One feature at one site under one split: scaled columns and labels of both parts.

    ``drawn`` are the resamples of the test rows; ``neurons`` [columns] says which unit of the site
    a column is.
    """

    train: Array
    train_labels: NDArray[np.int8]
    test: Array
    test_labels: NDArray[np.int8]
    drawn: Resamples
    neurons: NDArray[np.int64]

    def scored(self, probe: Probe) -> Scored:
        """What the probe says of the test rows."""
        return Scored(self.test_labels == 1, probe.margin(self.test), self.drawn)


def fit(
    train: Array, labels: NDArray[np.int8], columns: Sequence[int] | NDArray[np.int64]
) -> Probe:
    """Balanced L2 logistic regression (C = 1) on some columns.

    Raises :class:`InvalidSetting` for an empty support or one class only.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    chosen = np.asarray(columns, dtype=np.int64)
    if not len(chosen):
        raise InvalidSetting("a probe of no neuron cannot be fitted", "give k of 1 or more")
    if len(np.unique(labels)) != 2:
        raise InvalidSetting("training rows are of one class only", "give both classes")
    solver = "newton-cholesky" if len(chosen) <= 64 else "lbfgs"
    model = LogisticRegression(class_weight="balanced", solver=solver, max_iter=500)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(train[:, chosen], labels)
    stopped = any(issubclass(w.category, ConvergenceWarning) for w in told)
    return Probe(
        chosen,
        np.asarray(model.coef_[0], dtype=np.float64),
        float(model.intercept_[0]),
        "the fit stopped before it converged" if stopped else None,
    )


def train_f1(trial: Trial, probe: Probe) -> float:
    """F1 on the training rows: what sites are chosen by, so that test rows are not looked at."""
    value = plain_f1(trial.train_labels == 1, probe.margin(trial.train) > 0)
    return value if np.isfinite(value) else 0.0
