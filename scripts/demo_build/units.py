"""What the MLP neurons of a causal demo subject are like: how sparse, how contextual.

Each layer is read at windows of <|bos|> + 64 held-out tokens; the position of <|bos|> is left
out.  Documents are halved by a hash of their id: what is estimated or chosen on one half is
reported on the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn

from demo_build.contexts import contexts, flags
from demo_build.evaluation import BATCH, WINDOW, Windows
from demo_build.models import hidden_states, mlp_activations
from demo_build.tokenizer import PAD_ID, VOCABULARY

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

ALIVE_DOCUMENTS = 5
CANDIDATES = 20
MOST_TOKENS = 60_000  # a side, in the choice of context units


@torch.no_grad()
def layer_activations(model: nn.Module, windows: Windows, layer: int) -> Floats:
    """Activations of one MLP layer, [windows, 64, d_ff], without <|bos|>."""
    device = next(model.parameters()).device
    seen: list[Floats] = []
    module = mlp_activations(model)[layer]

    def keep(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        seen.append(output[:, 1:].cpu().numpy())

    handle = module.register_forward_hook(keep)
    try:
        for first in range(0, len(windows.ids), BATCH):
            hidden_states(model, windows.ids[first : first + BATCH].to(device))
    finally:
        handle.remove()
    return np.concatenate(seen)


def first_half(windows: Windows) -> Flags:
    """Which windows belong to the first half of the documents, [windows]."""
    return np.array(
        [hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in windows.documents]
    )


def alive(active: Flags, windows: Windows) -> Flags:
    """Neurons above zero in at least five documents; `active` is [windows, d_ff]."""
    _, document = np.unique(np.array(windows.documents), return_inverse=True)
    counts = np.zeros((document.max() + 1, active.shape[1]), dtype=np.int64)
    np.add.at(counts, document, active)
    many: Flags = (counts > 0).sum(0) >= ALIVE_DOCUMENTS
    return many


def table_correlation(values: Floats, tokens: NDArray[np.int64], first: Flags) -> Floats:
    """Pearson ρ, per neuron, of a token table with the activations it did not see.

    The table holds each token's mean activation on the first half; a token that is not in
    it gets the overall mean.  values [n, d_ff], tokens [n], first [n] -> [d_ff], NaN where
    either side is constant.
    """
    seen, ids = torch.from_numpy(values[first]), torch.from_numpy(tokens[first])
    sums = torch.zeros(VOCABULARY, values.shape[1]).index_add_(0, ids, seen)
    counts = torch.bincount(ids, minlength=VOCABULARY)[:, None]
    table = torch.where(counts > 0, sums / counts.clamp(min=1), seen.mean(0))
    predicted = table[torch.from_numpy(tokens[~first])].numpy()
    actual = values[~first]
    predicted -= predicted.mean(0)
    actual = actual - actual.mean(0)
    scale = np.sqrt((predicted**2).sum(0) * (actual**2).sum(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = (predicted * actual).sum(0) / np.where(scale > 0, scale, np.nan)
    return rho


def auroc(values: Floats, inside: Flags) -> NDArray[np.float64]:
    """Area under the ROC curve of each column as a score for `inside`; ties count half."""
    ranks = rankdata(values, axis=0)
    n_in = int(inside.sum())
    n_out = len(inside) - n_in
    area: NDArray[np.float64] = (ranks[inside].sum(0) - n_in * (n_in + 1) / 2) / (n_in * n_out)
    return area


def point_biserial(values: Floats, inside: Flags) -> Floats:
    """Pearson correlation of each column with membership in a context; 0 if constant."""
    spread = values.std(0)
    share = inside.mean()
    gap = values[inside].mean(0) - values[~inside].mean(0)
    result: Floats = gap * np.sqrt(share * (1 - share)) / np.where(spread > 0, spread, np.inf)
    return result


def _both(values: Floats, inside: Flags, chosen: Flags) -> tuple[Floats, Flags]:
    """The chosen rows, thinned evenly where there are very many."""
    rows = np.flatnonzero(chosen)
    rows = rows[:: max(1, len(rows) // MOST_TOKENS)]
    return values[rows], inside[rows]


def context_candidates(
    values: Floats, windows: Windows, half: Flags
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """For each context, this layer's best neuron: (context, neuron, figures).

    Chosen on one half of the documents, first by correlation and then by AUROC; the figures
    are from the other half.
    """
    flat = values.reshape(-1, values.shape[-1])
    for context in contexts(windows.types):
        asked, inside = flags(context, windows)
        here = asked.reshape(-1) & np.repeat(half, WINDOW)
        there = asked.reshape(-1) & ~np.repeat(half, WINDOW)
        kinds = inside.reshape(-1)
        if min(kinds[here].sum(), kinds[there].sum()) < 50:
            continue
        if min((~kinds[here]).sum(), (~kinds[there]).sum()) < 50:
            continue
        chosen, labels = _both(flat, kinds, here)
        promising = np.argsort(-point_biserial(chosen, labels))[:CANDIDATES]
        areas = auroc(chosen[:, promising], labels)
        best = int(promising[areas.argmax()])
        held, labels = _both(flat[:, best : best + 1], kinds, there)
        yield (
            context.name,
            best,
            {
                "chosen_by_auroc": round(float(areas.max()), 4),
                "auroc": round(float(auroc(held, labels)[0]), 4),
                "point_biserial": round(float(point_biserial(held, labels)[0]), 4),
                "mean_inside": round(float(held[labels].mean()), 4),
                "mean_outside": round(float(held[~labels].mean()), 4),
                "tokens_inside": int(labels.sum()),
                "tokens_outside": int((~labels).sum()),
            },
        )


def unit_report(name: str, model: nn.Module, windows: Windows) -> dict[str, Any]:
    """The figures of every MLP layer and the best unit of every context."""
    half = first_half(windows)
    kept = (windows.ids[:, 1:] != PAD_ID).numpy()
    tokens = windows.ids[:, 1:].numpy()[kept]
    first = np.repeat(half, WINDOW).reshape(kept.shape)[kept]
    layers = []
    units: dict[str, dict[str, Any]] = {}
    for layer in range(len(mlp_activations(model))):
        values = layer_activations(model, windows, layer)
        values[~kept] = 0.0
        flat = values[kept]
        active = np.asarray((values > 0).any(axis=1))
        living = alive(active, windows)
        rho = table_correlation(flat, tokens, first)
        layers.append(
            {
                "site": f"mlp.{layer}",
                "neurons": values.shape[-1],
                "share_active": round(float((flat > 0).mean()), 4),
                "share_alive": round(float(living.mean()), 4),
                "token_table_rho": round(float(np.nanmean(rho[living])), 4),
                "share_rho_below_075": round(float((rho[living] < 0.75).mean()), 4),
            }
        )
        for context, neuron, figures in context_candidates(values, windows, half):
            if figures["chosen_by_auroc"] > units.get(context, {}).get("chosen_by_auroc", 0.0):
                units[context] = {"unit": f"{name}/mlp.{layer}/{neuron}", **figures}
    return {"tokens": len(tokens), "layers": layers, "context_units": units}
