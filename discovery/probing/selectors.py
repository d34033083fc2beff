"""Which k columns tell a feature: every method of the paper's B.3, under one contract.

``METHODS`` maps the name of a method to its function. All see training rows only, whose columns
the caller has scaled and narrowed to the 1,024 of greatest mean difference. A column that is
constant there ranks last everywhere.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from discovery.probing.adaptive import adaptive
from discovery.probing.osp.cutting import solve_path
from discovery.probing.osp.problem import Loss
from discovery.probing.results import Method
from discovery.probing.supports import (
    Chosen,
    Columns,
    Floats,
    Labels,
    Selector,
    heads,
    ranked,
    usable,
)

INFORMATION_ROWS = 5_000
"""Mutual information is estimated from at most so many rows, drawn within the classes."""
SVM_C = 0.01
"""With 1, coefficients of correlated columns follow the noise, and F1 at k = 8 is far lower."""
OSP_COLUMNS = 50
"""Optimal sparse probing chooses among so many columns of greatest mean difference."""


def by_chance(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """The floor: columns in an order drawn by ``seed``; smaller supports are parts of larger."""
    began = time.monotonic()
    _, _, varying = usable(X, y, ks)
    scores = np.random.default_rng(seed).random(len(varying))
    return heads(ranked(scores, varying), ks, time.monotonic() - began)


def mean_difference(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """By |mean of positives - mean of negatives|."""
    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    order = ranked(_mean_differences(columns, labels), varying)
    return heads(order, ks, time.monotonic() - began)


def f_statistic(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """By the F of a one-way analysis of variance over the two classes."""
    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    positive = labels > 0
    between = sum(rows.sum() * columns[rows].mean(axis=0) ** 2 for rows in (positive, ~positive))
    within = np.maximum((columns**2).sum(axis=0) - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(within > 0, between / within, np.inf) * max(len(labels) - 2, 1)
    return heads(ranked(scores, varying), ks, time.monotonic() - began)


def mutual_information(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """By mutual information with the label, the nearest-neighbour estimate (3 neighbours)."""
    from sklearn.feature_selection import mutual_info_classif

    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    rows, note = np.arange(len(labels)), None
    if len(labels) > INFORMATION_ROWS:
        rows = _drawn_rows(labels, INFORMATION_ROWS, seed)
        note = f"estimated from {len(rows):,} of {len(labels):,} rows"
    scores = np.full(len(varying), -np.inf)
    scores[varying] = mutual_info_classif(
        columns[np.ix_(rows, varying)], labels[rows], discrete_features=False, random_state=seed
    )
    return heads(ranked(scores, varying), ks, time.monotonic() - began, note)


def l1(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """By |coefficient| of a balanced logistic regression with an L1 penalty, C = 0.1."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=0.1,
        l1_ratio=1.0,
        solver="liblinear",
        class_weight="balanced",
        intercept_scaling=10.0,
        random_state=seed,
        max_iter=1_000,
    )
    return _by_coefficients(model, X, y, ks)


def svm(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """By |coefficient| of a balanced linear support vector machine, C = 0.01."""
    from sklearn.svm import LinearSVC

    model = LinearSVC(
        C=SVM_C, class_weight="balanced", dual="auto", random_state=seed, intercept_scaling=10.0
    )
    return _by_coefficients(model, X, y, ks)


def osp(
    X: Columns,
    y: Labels,
    ks: Sequence[int],
    *,
    seed: int,
    time_limit: float,
    loss: Loss = "logistic",
    gamma: float | None = None,
    width: int = OSP_COLUMNS,
) -> dict[int, Chosen]:
    """Optimal sparse probing among the ``width`` columns of greatest mean difference.

    Every support carries its certificate, whose ``of`` says among how many columns it holds.
    """
    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    order = ranked(_mean_differences(columns, labels), varying)
    within = np.sort(order[: min(max(width, *ks), int(varying.sum()))])
    before = time.monotonic() - began
    found = solve_path(
        columns[:, within], labels, ks, loss=loss, gamma=gamma, time_limit=time_limit
    )
    chosen = {}
    for k, support in found.items():
        before += support.certificate.seconds
        indices = tuple(within[list(support.indices)].tolist())
        chosen[k] = Chosen(indices, before, support.certificate)
    return chosen


METHODS: Mapping[Method, Selector] = MappingProxyType(
    {
        "random": by_chance,
        "mean-difference": mean_difference,
        "f": f_statistic,
        "mutual-information": mutual_information,
        "l1": l1,
        "svm": svm,
        "adaptive": adaptive,
        "osp": osp,
    }
)
"""By the name that reports use."""


def _mean_differences(columns: Floats, labels: Floats) -> Floats:
    positive = labels > 0
    difference: Floats = columns[positive].mean(axis=0) - columns[~positive].mean(axis=0)
    return np.abs(difference)


def _drawn_rows(labels: Floats, most: int, seed: int) -> Any:
    """About ``most`` rows, as many of each class as its share, in order."""
    generator = np.random.default_rng(seed)
    drawn = []
    for label in (-1.0, 1.0):
        rows = np.flatnonzero(labels == label)
        count = min(len(rows), max(10, round(most * len(rows) / len(labels))))
        drawn.append(generator.choice(rows, count, replace=False))
    return np.sort(np.concatenate(drawn))


def _by_coefficients(model: Any, X: Columns, y: Labels, ks: Sequence[int]) -> dict[int, Chosen]:
    from sklearn.exceptions import ConvergenceWarning

    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(columns[:, varying], labels)
    scores = np.zeros(len(varying))
    scores[varying] = np.abs(model.coef_[0])
    notes = []
    if np.max(model.n_iter_) >= model.max_iter:
        notes.append(f"not converged after {model.max_iter:,} iterations")
    if np.count_nonzero(scores) < max(ks):
        notes.append(f"only {np.count_nonzero(scores)} coefficients are not 0")
    note = "; ".join(notes) or None
    return heads(ranked(scores, varying), ks, time.monotonic() - began, note)
