"""Adaptive thresholding: fit, keep the largest coefficients, fit what is left, and so on down."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

import numpy as np

from discovery.probing.supports import Chosen, Columns, Floats, Labels, usable

SCHEDULE = (256, 128, 64, 32, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1)
ITERATIONS = 200


def adaptive(
    X: Columns, y: Labels, ks: Sequence[int], *, seed: int, time_limit: float
) -> dict[int, Chosen]:
    """Supports by elastic-net logistic regressions on the survivors of the step before.

    At k: C = k / 20 and an L1 share of e^(-k/20) within .1 .. .9; the k largest |coefficients|
    survive. Sizes asked for that the schedule lacks become steps of it. Of equals (coefficients of
    0) those survive that stood higher at the step before, at the first those of lower index.
    """
    began = time.monotonic()
    columns, labels, varying = usable(X, y, ks)
    survivors = np.flatnonzero(varying)
    chosen: dict[int, Chosen] = {}
    stopped: list[int] = []
    for k in sorted({*SCHEDULE, *ks}, reverse=True):
        if k < min(ks):
            break
        if k < len(survivors):
            sizes, converged = _coefficients(columns[:, survivors], labels, k, seed)
            if not converged:
                stopped.append(k)
            survivors = survivors[np.argsort(-sizes, kind="stable")[:k]]
        if k in ks:
            chosen[k] = Chosen(
                tuple(sorted(survivors.tolist())), time.monotonic() - began, note=_note(stopped)
            )
    return chosen


def _coefficients(columns: Floats, labels: Floats, k: int, seed: int) -> tuple[Floats, bool]:
    """Their sizes, and whether the fit converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=k / 20,
        l1_ratio=float(np.clip(np.exp(-k / 20), 0.1, 0.9)),
        solver="saga",
        class_weight="balanced",
        random_state=seed,
        max_iter=ITERATIONS,
        tol=1e-3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(columns, labels)
    return np.abs(model.coef_[0]), int(np.max(model.n_iter_)) < ITERATIONS


def _note(stopped: Sequence[int]) -> str | None:
    if not stopped:
        return None
    return f"not converged after {ITERATIONS} passes at k = {', '.join(map(str, stopped))}"
