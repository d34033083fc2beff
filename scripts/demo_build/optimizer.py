"""The optimizer of the demo subjects: Muon for the weight matrices, AdamW for the rest.

Muon (Jordan et al. 2024) replaces the momentum of a weight matrix by the nearest matrix with
all singular values equal.  Rare directions, such as what a single noun or digit needs, then
learn as fast as common ones, which is what a budget of a few million tokens asks for.
Embeddings, biases and normalisation gains keep AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from demo_build.tokenizer import VOCABULARY

MOMENTUM = 0.95
_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # quintic iteration, coefficients of Jordan et al.


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with its singular values pulled to about 1, by Newton-Schulz iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * (gram @ gram)) @ x
    flat: Tensor = x.T if tall else x
    return flat


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; update size matched to AdamW's (rms 0.2 of the rate).

    A matrix that holds query, key and value side by side is taken apart first, since its
    parts are matrices of their own.
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
    if columns == 3 * rows:
        return torch.cat([_scaled(part) for part in update.chunk(3, 1)], 1)
    return _scaled(update)


def _scaled(update: Tensor) -> Tensor:
    size: float = 0.2 * max(update.shape) ** 0.5
    return orthogonalised(update).mul(size)


def rate_factor(step: int, steps: int, warm: int) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine down to a twentieth."""
    warm = min(warm, max(1, steps // 10))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))


def optimizers(
    model: nn.Module, rate: float, matrix_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon for the matrices that are no embeddings if `matrix_rate` is above 0.

    Every group remembers its peak rate under "peak".
    """
    embeddings = {
        id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)
    }
    groups: dict[str, list[nn.Parameter]] = {"matrix": [], "embedding": [], "vector": []}
    for parameter in model.parameters():
        if parameter.dim() < 2:
            groups["vector"].append(parameter)
        elif id(parameter) in embeddings or max(parameter.shape) >= VOCABULARY or not matrix_rate:
            groups["embedding"].append(parameter)
        else:
            groups["matrix"].append(parameter)
    adam = torch.optim.AdamW(
        [
            {"params": groups["embedding"], "weight_decay": weight_decay, "peak": rate},
            {"params": groups["vector"], "weight_decay": 0.0, "peak": rate},
        ],
        lr=rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    if not groups["matrix"]:
        return [adam]
    muon = Muon(groups["matrix"], matrix_rate, weight_decay)
    muon.param_groups[0]["peak"] = matrix_rate
    return [adam, muon]
