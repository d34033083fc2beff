"""Training of one demo subject, with exact resume.

The state of a run is one safetensors file: weights, optimizer moments, and the step in its
metadata.  Data order and random masks depend on (seed, step) alone, so a run that was
stopped goes on as if it had not been (up to the order of floating-point sums).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from demo_build.data import Plan, Tokens, batch, token_frequencies
from demo_build.models import (
    Recipe,
    build_model,
    decoder,
    hidden_states,
    mlp_activations,
    start_output,
)
from demo_build.optimizer import optimizers, rate_factor
from demo_build.tokenizer import BOS_ID, MASK_ID, SEP_ID, VOCABULARY

CHUNK = 512
LOG_EVERY = 50
PROBE_EVERY = 400
CHECKPOINT_SECONDS = 120.0
IGNORED = -100


class ChunkedCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of a linear decoder, without ever holding all logits.

    Both gradients are made in the forward pass, a few hundred rows at a time, while the
    chunk's logits are still in cache; on two cores a step is a quarter quicker for it.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
    ) -> Tensor:
        """rows [n, width], weight [vocab, width], targets [n] -> scalar."""
        n = rows.shape[0]
        grad_rows = torch.empty_like(rows)
        grad_weight = torch.zeros_like(weight)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        total = rows.new_zeros(())
        for first in range(0, n, CHUNK):
            part = rows[first : first + CHUNK]
            logits = nn.functional.linear(part, weight, bias)
            right = targets[first : first + CHUNK, None]
            normaliser = logits.logsumexp(1, keepdim=True)
            total += normaliser.sum() - logits.gather(1, right).sum()
            logits.sub_(normaliser).exp_()
            logits.scatter_add_(1, right, logits.new_full(right.shape, -1.0))
            logits.mul_(1.0 / n)
            torch.mm(logits, weight, out=grad_rows[first : first + CHUNK])
            grad_weight.addmm_(logits.T, part)
            if grad_bias is not None:
                grad_bias += logits.sum(0)
        ctx.save_for_backward(grad_rows, grad_weight, grad_bias)
        return total / n

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        """Scale what `forward` left."""
        grad_rows, grad_weight, grad_bias = ctx.saved_tensors
        scaled_bias = None if grad_bias is None else grad_bias * grads[0]
        return grad_rows * grads[0], grad_weight * grads[0], scaled_bias, None


def cross_entropy(rows: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of logits rows·weightᵀ + bias against `targets`."""
    loss: Tensor = ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        rows, weight, bias, targets
    )
    return loss


def mask_tokens(
    ids: NDArray[np.int64], seed: int, step: int, share: float = 0.15
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose positions to predict, as in BERT (Devlin et al. 2019, §3.1).

    Of the chosen, 80 % become <|mask|>, 10 % a random token and 10 % stay.  Half of the
    rows end in <|sep|>, so that the subject may be read with or without it.

    Returns:
        (ids, targets), both [rows, length]; targets are `IGNORED` where nothing is asked.
    """
    rng = np.random.default_rng([seed, step])
    ids = ids.copy()
    ids[: len(ids) // 2, -1] = SEP_ID
    chosen = (rng.random(ids.shape) < share) & (ids != BOS_ID) & (ids != SEP_ID)
    targets = np.where(chosen, ids, IGNORED)
    fate = rng.random(ids.shape)
    ids[chosen & (fate < 0.8)] = MASK_ID
    other = chosen & (fate >= 0.9)
    ids[other] = rng.integers(SEP_ID + 1, VOCABULARY, size=int(other.sum()))
    return ids, targets


class ActivationSize:
    """Sums the mean activation over MLP layers during a forward pass.

    After a ReLU nothing is below zero, so this is mean |activation|.
    """

    def __init__(self, model: nn.Module) -> None:
        """Hook every MLP activation of the model."""
        self.parts: list[Tensor] = []
        for module in mlp_activations(model):
            module.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if torch.is_grad_enabled():
            self.parts.append(output)

    def take(self, *, count: bool) -> tuple[Tensor, float]:
        """(Σ_layers mean activation, share of activations above zero); forgets them.

        The share is counted only on request, and is NaN else: it costs a pass over memory.
        """
        parts, self.parts = self.parts, []
        size = torch.stack([part.mean() for part in parts]).sum()
        if not count:
            return size, float("nan")
        with torch.no_grad():
            return size, float(torch.stack([(part > 0).float().mean() for part in parts]).mean())


class ThreadChoice:
    """Chooses between one CPU thread and all of them, again and again.

    Where other programs keep a core busy, all threads can be slower than one, because every
    parallel loop waits for the thread that was put aside.  The other choice is tried now and
    then, for `TRIED` steps, and kept if its tokens a second were better.
    """

    EVERY, TRIED = 40, 3

    def __init__(self, threads: int) -> None:
        """`threads` is what "all" means; with 1 there is nothing to choose."""
        self.options, self.current = ([threads, 1] if threads > 1 else [threads]), 0
        self.speeds = [0.0] * len(self.options)
        self.count = 0
        self.times: list[float] = []

    def after_step(self, speed: float) -> None:
        """Note the tokens a second of a step and decide how the next one runs."""
        if len(self.options) < 2:
            return
        self.count += 1
        self.times.append(speed)
        trying = self.count > self.EVERY
        if self.count in (self.EVERY, self.EVERY + self.TRIED):
            self.speeds[self.current] = float(np.median(self.times[-2 * self.TRIED :]))
            self.times = []
            self.current = 1 - self.current
            if trying:
                self.count = 0
                self.current = int(np.argmax(self.speeds))
            torch.set_num_threads(self.options[self.current])


def save_checkpoint(
    file: Path,
    model: nn.Module,
    chosen: list[torch.optim.Optimizer],
    step: int,
    seconds: float,
) -> None:
    """Write weights, moments and progress to one file, atomically."""
    tensors = {f"weight.{name}": p.detach().clone() for name, p in model.named_parameters()}
    for place, optimizer in enumerate(chosen):
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"moment.{place}.{index}.{key}"] = value.clone()
    partial = file.with_suffix(".partial")
    save_file(tensors, partial, metadata={"step": str(step), "seconds": str(seconds)})
    partial.replace(file)


def load_checkpoint(
    file: Path, model: nn.Module, chosen: list[torch.optim.Optimizer]
) -> tuple[int, float]:
    """Restore what `save_checkpoint` wrote; returns (step, seconds trained so far)."""
    parameters = dict(model.named_parameters())
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in chosen]
    with safe_open(file, framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118 - not a dict
            kind, _, rest = name.partition(".")
            if kind == "weight":
                with torch.no_grad():
                    parameters[rest].copy_(stored.get_tensor(name))
            elif chosen:
                place, index, key = rest.split(".")
                state = states[int(place)].setdefault(int(index), {})
                state[key] = stored.get_tensor(name)
        metadata = stored.metadata()
    for optimizer, loaded in zip(chosen, states, strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": loaded, "param_groups": groups})
    return int(metadata["step"]), float(metadata["seconds"])


def train(
    recipe: Recipe,
    plan: Plan,
    streams: dict[str, Tokens],
    work: Path,
    device: torch.device,
    probe: Callable[[nn.Module], str],
    initial: nn.Module | None = None,
) -> tuple[nn.Module, float]:
    """Train one subject, or go on where the checkpoint in `work` stands.

    `probe` is called every few hundred steps and its line is printed. `initial` gives the weights
    to begin with (an earlier phase's) in place of fresh ones.

    Returns:
        the model and the seconds its training took.
    """
    torch.manual_seed(recipe.seed)
    model = build_model(recipe)
    start_output(model, token_frequencies(plan, streams))
    model = model.to(device).train()
    if initial is not None:
        model.load_state_dict(initial.state_dict())
    chosen = optimizers(model, recipe.rate, recipe.matrix_rate, recipe.weight_decay)
    file = work / f"{recipe.name}.safetensors"
    start, before = load_checkpoint(file, model, chosen) if file.exists() else (0, 0.0)
    size = ActivationSize(model) if recipe.sparsity else None
    began = saved = logged = time.monotonic()
    tokens = 0
    threads = ThreadChoice(torch.get_num_threads() if device.type == "cpu" else 1)
    ended = began
    stop = min(plan.steps, recipe.leave_at or plan.steps)
    for step in range(start, stop):
        ids_array = batch(plan, streams, step)
        targets_array = ids_array
        if recipe.kind == "masked":
            ids_array, targets_array = mask_tokens(ids_array, recipe.seed, step)
        ids = torch.from_numpy(ids_array).to(device)
        targets = torch.from_numpy(targets_array).to(device)
        factor = rate_factor(step, plan.steps, recipe.warm)
        for group in (group for optimizer in chosen for group in optimizer.param_groups):
            group["lr"] = group["peak"] * factor
        if recipe.kind == "masked":
            asked = targets != IGNORED
            hidden, targets = hidden_states(model, ids)[asked], targets[asked]
        else:
            hidden = hidden_states(model, ids[:, :-1]).flatten(0, 1)
            targets = targets[:, 1:].flatten()
        loss = cross_entropy(*decoder(model, hidden), targets)
        shown, total, active = loss, loss, float("nan")
        if size is not None:
            magnitude, active = size.take(count=(step + 1) % LOG_EVERY == 0)
            ramp = 1.0 if initial is not None else min(1.0, step / (0.15 * plan.steps))
            total = loss + recipe.sparsity * ramp * magnitude
        model.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.step()
        tokens += ids.numel()
        now = time.monotonic()
        threads.after_step(ids.numel() / (now - ended))
        if (step + 1) % LOG_EVERY == 0 or step + 1 == stop:
            speed = tokens / (now - logged)
            left = (now - began) / (step + 1 - start) * (stop - step - 1)
            print(
                f"{recipe.name} step {step + 1}/{plan.steps} loss {shown.item():.3f} "
                f"active {active:.3f} rate ×{factor:.2f} tok/s {speed:.0f} "
                f"threads {torch.get_num_threads()} eta {left / 60:.1f} min",
                flush=True,
            )
            tokens, logged = 0, now
        if (step + 1) % PROBE_EVERY == 0:
            model.eval()
            print(f"{recipe.name} step {step + 1} {probe(model)}", flush=True)
            model.train()
            logged = time.monotonic()
        if now - saved > CHECKPOINT_SECONDS or step + 1 == stop:
            save_checkpoint(file, model, chosen, step + 1, before + now - began)
            saved = now
        ended = time.monotonic()
    torch.set_num_threads(threads.options[0])
    return model.eval(), before + time.monotonic() - began
