"""Logistic loss at a fixed support: Newton's method with a free intercept."""

from __future__ import annotations

import time

import numpy as np

from discovery.probing.osp.problem import DualPoint, Floats, Problem, dual_constant, feasible

STEPS = 60


def solve_logistic(
    problem: Problem, chosen: Floats, precision: float, deadline: float
) -> DualPoint:
    """Newton steps, halved until the loss falls; the dual point is α = -y c σ(-margin)."""
    y, c, gamma = problem.labels, problem.weights, problem.gamma
    design = np.empty((len(y), chosen.shape[1] + 1))
    design[:, :-1] = chosen
    design[:, -1] = 1.0
    ridge = np.full(design.shape[1], 1 / gamma)
    ridge[-1] = 0.0
    beta = np.zeros(design.shape[1])
    beta[-1] = np.log(c[y > 0].sum() / c[y < 0].sum())
    value, margin = _value(problem, design, ridge, beta)
    best: DualPoint | None = None
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(np.clip(margin, -500, 500)))
        shares = feasible(problem, c * wrong)
        alpha = -y * shares
        dual = dual_constant(problem, shares) - gamma / 2 * float(((chosen.T @ alpha) ** 2).sum())
        if best is None or dual > best.dual:
            best = DualPoint(value, dual, alpha)
        if value - best.dual <= precision * value or time.monotonic() > deadline:
            break
        gradient = ridge * beta - design.T @ (y * c * wrong)
        curvature = c * wrong * (1 - wrong)
        hessian = (design * curvature[:, None]).T @ design
        hessian[np.diag_indices_from(hessian)] += ridge + 1e-12 * len(y)
        step = np.linalg.solve(hessian, gradient)
        slope = float(gradient @ step)
        size = 1.0
        while size > 1e-8:
            trial = beta - size * step
            new_value, new_margin = _value(problem, design, ridge, trial)
            if new_value <= value - 1e-4 * size * slope:
                break
            size /= 2
        else:
            break
        beta, value, margin = trial, new_value, new_margin
    assert best is not None
    return DualPoint(value, best.dual, best.alpha)


def _value(problem: Problem, design: Floats, ridge: Floats, beta: Floats) -> tuple[float, Floats]:
    margin = problem.labels * (design @ beta)
    losses = np.logaddexp(0.0, -margin)
    return float(problem.weights @ losses + 0.5 * (ridge * beta) @ beta), margin
