"""The optimizer of the demo subjects: Muon for the weight matrices, AdamW for the rest.

Muon (Jordan et al. 2024) replaces the momentum of a weight matrix by the nearest matrix with
all singular values equal.  Rare directions, such as what a single noun or digit needs, then
learn as fast as common ones, which is what a budget of a few million tokens asks for.
Embeddings, biases and normalisation gains keep AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # quintic iteration, coefficients of Jordan et al.


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with its singular values pulled to about 1, by Newton-Schulz iteration."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * (gram @ gram)) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; update size matched to AdamW's (rms 0.2 of the rate).

    A matrix that stacks query, key and value (or an LSTM's gates), three or four times as
    long as wide, is taken apart first, since its parts are matrices of their own.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        """All parameters must be matrices."""
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update from the gradients that stand in the parameters."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum: Tensor = state["momentum"]
                momentum.lerp_(parameter.grad, 1 - MOMENTUM)
                update = parameter.grad.lerp(momentum, MOMENTUM)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(_stacked(update), alpha=group["lr"])


def _stacked(update: Tensor) -> Tensor:
    rows, columns = update.shape
    if columns == 3 * rows:  # query, key, value side by side
        return torch.cat([_scaled(part) for part in update.chunk(3, 1)], 1)
    if rows == 4 * columns:
        return _scaled(update)
    return _scaled(update)


def _scaled(update: Tensor) -> Tensor:
    return orthogonalised(update) * (0.2 * max(update.shape) ** 0.5)
