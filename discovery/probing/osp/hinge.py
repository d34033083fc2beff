"""Hinge loss at a fixed support: a primal-dual interior point method.

The dual's matrix is a diagonal plus one of rank k, so that a step is one system of k+1 equations
(Ferris and Munson 2002), however many rows there are. The steps are Mehrotra's. In the names here
``slack`` is how far a margin lies above 1 and belongs to u = -yα; ``excess`` is how far it lies
below 1 (the hinge) and belongs to c - u.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from discovery.probing.osp.problem import DualPoint, Floats, Problem, feasible

STEPS = 80
SHORT = 0.995
"""Steps end this share of the way to the boundary."""


@dataclass(slots=True)
class _State:
    """u strictly within 0 .. c [rows], its two complements, and weights with intercept (last)."""

    u: Floats
    slack: Floats
    excess: Floats
    beta: Floats


def solve_hinge(problem: Problem, chosen: Floats, precision: float, deadline: float) -> DualPoint:
    """The best primal value and the best feasible dual point met on the way."""
    y, c = problem.labels, problem.weights
    design = np.empty((len(y), chosen.shape[1] + 1))
    design[:, :-1] = chosen * y[:, None]
    design[:, -1] = y
    ridge = np.full(design.shape[1], 1 / problem.gamma)
    ridge[-1] = 0.0
    state = _State(
        feasible(problem, c / 2), np.ones_like(c), np.ones_like(c), np.zeros(design.shape[1])
    )
    primal, dual, alpha = np.inf, -np.inf, np.zeros_like(c)
    for _ in range(STEPS):
        primal = min(primal, _primal(problem, design, ridge, state.beta))
        shares = feasible(problem, state.u)
        pull = design[:, :-1].T @ shares
        value = float(shares.sum()) - problem.gamma / 2 * float(pull @ pull)
        if value > dual:
            dual, alpha = value, -y * shares
        if primal - dual <= precision * primal or time.monotonic() > deadline:
            break
        if not _step(state, c, design, ridge):
            break
    return DualPoint(primal, dual, alpha)


def _primal(problem: Problem, design: Floats, ridge: Floats, beta: Floats) -> float:
    """The primal value with these weights and the intercept that suits them best."""
    y, c = problem.labels, problem.weights
    scores = design[:, :-1] @ beta[:-1]
    kinks = y * (1 - scores)
    order = np.argsort(kinks, kind="stable")
    slopes = np.cumsum(c[order]) - float(c[y > 0].sum())
    intercept = kinks[order[min(int(np.searchsorted(slopes, 0.0)), len(y) - 1)]]
    losses = np.maximum(0.0, 1 - scores - y * intercept)
    return float(c @ losses) + 0.5 * float((ridge * beta) @ beta)


def _step(state: _State, c: Floats, design: Floats, ridge: Floats) -> bool:
    """One predictor-corrector step in place; False where rounding lets it go no further."""
    u, room, slack, excess = state.u, c - state.u, state.slack, state.excess
    scale = slack / u + excess / room
    normal = (design / scale[:, None]).T @ design
    normal[np.diag_indices_from(normal)] += ridge
    off = design @ state.beta - 1 - slack + excess
    pull = ridge * state.beta - design.T @ u
    mean = float(u @ slack + room @ excess) / (2 * len(u))

    def direction(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        right = first / u - second / room - off
        beta = np.linalg.solve(normal, design.T @ (right / scale) - pull).astype(np.float64)
        change = (right - design @ beta) / scale
        return change, (first - slack * change) / u, (second + excess * change) / room, beta

    def longest(change: Floats, of_slack: Floats, of_excess: Floats) -> float:
        pairs = ((u, change), (room, -change), (slack, of_slack), (excess, of_excess))
        falls = [float(np.max(-move / value)) for value, move in pairs]
        return min(1.0, SHORT / max(*falls, SHORT))

    try:
        with np.errstate(all="ignore"):
            du, ds, de, _ = direction(-u * slack, -room * excess)
            size = longest(du, ds, de)
            ahead = (u + size * du) @ (slack + size * ds)
            ahead += (room - size * du) @ (excess + size * de)
            target = mean * (float(ahead) / (2 * len(u)) / mean) ** 3
            du, ds, de, db = direction(
                target - u * slack - du * ds, target - room * excess + du * de
            )
            size = longest(du, ds, de)
    except np.linalg.LinAlgError:
        return False
    if not (np.isfinite(size) and np.isfinite(db).all() and size > 1e-8):
        return False
    state.u = np.clip(u + size * du, c * 1e-14, c * (1 - 1e-14))
    state.slack = np.maximum(slack + size * ds, 1e-300)
    state.excess = np.maximum(excess + size * de, 1e-300)
    state.beta = state.beta + size * db
    return True
