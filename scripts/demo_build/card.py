"""The card of a demo subject: data, training, and what it can do on held-out text."""

from __future__ import annotations

import platform
import sysconfig
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from demo_build.data import ENCODINGS_KEPT_PERCENT, HELDOUT_PERCENT, SOURCES, stdlib_files
from demo_build.evaluation import (
    TASKS,
    WINDOW,
    Choice,
    choose,
    heldout_windows,
    loss_report,
    masked_report,
    proportion,
)
from demo_build.models import MODEL_VERSION, Recipe
from demo_build.tokenizer import VOCABULARY
from demo_build.units import unit_report
from subjects.corpora import generated

ITEMS = 1000
ITEM_SEED = 99
WINDOWS = 4000


def task_items(count: int) -> dict[str, list[Choice]]:
    """Held-out items of every task."""
    return {task: list(generated.choice_items(task, seed=ITEM_SEED, count=count)) for task in TASKS}


def _data(recipe: Recipe, seed: int) -> dict[str, Any]:
    shares = recipe.shares(SOURCES)
    return {
        "seed": seed,
        "python": platform.python_version(),
        "stdlib": {
            "files": len(stdlib_files()),
            "heldout_percent_of_files": HELDOUT_PERCENT,
            "encodings_kept_percent": ENCODINGS_KEPT_PERCENT,
            "left_out": "tests, third-party packages, files about one machine's build",
            "version": sysconfig.get_python_version(),
        },
        "generated": "subjects.corpora.generated, splits train and heldout",
        "shares_of_tokens": {source: round(share, 4) for source, share in shares.items()},
        "window": f"<|bos|> + {WINDOW} tokens from anywhere in a document",
    }


def _phases(recipe: Recipe) -> list[dict[str, Any]]:
    """Tokens and shares of each phase; the first may leave its schedule early."""
    phases = []
    for phase in (recipe, recipe.second):
        if phase is not None:
            read = phase.leave_at * phase.tokens_per_step or phase.tokens
            shares = {name: round(share, 3) for name, share in phase.shares(SOURCES).items()}
            phases.append(
                {
                    "tokens": read,
                    "tokens_of_the_schedule": phase.tokens,
                    "shares_of_tokens": shares,
                    "seed": phase.seed,
                }
            )
    return phases


def _training(recipe: Recipe, model: nn.Module, seconds: float | None) -> dict[str, Any]:
    return {
        "phases": _phases(recipe),
        "tokens_per_step": recipe.tokens_per_step,
        "row_lengths": [{"tokens": length, "share": share} for length, share in recipe.lengths],
        "optimizer": f"AdamW, peak rate {recipe.rate}"
        + (f", and Muon for matrices, {recipe.matrix_rate}" if recipe.matrix_rate else "")
        + f"; weight decay {recipe.weight_decay}, cosine",
        "loss": "cross-entropy"
        + (f" + {recipe.sparsity} · Σ_layers mean|activation|" if recipe.sparsity else ""),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": None if seconds is None else round(seconds),
    }


def build_card(
    recipe: Recipe, model: nn.Module, tokenizer: Tokenizer, seed: int, seconds: float | None
) -> dict[str, Any]:
    """Everything the card says; proportions come with Wilson 95 % intervals and their n."""
    windows = heldout_windows(recipe.shares(SOURCES), WINDOWS, seed, tokenizer)
    card: dict[str, Any] = {
        "name": recipe.name,
        "version": MODEL_VERSION,
        "model": {
            "kind": recipe.kind,
            "layers": recipe.layers,
            "width": recipe.width,
            "heads": recipe.heads or None,
            "vocabulary": VOCABULARY,
        },
        "data": _data(recipe, seed),
        "training": _training(recipe, model, seconds),
    }
    if recipe.kind == "masked":
        card["heldout"] = masked_report(model, windows, recipe)
        return card
    card["heldout"] = loss_report(model, windows)
    card["tasks"] = {}
    for task, items in task_items(ITEMS).items():
        result = choose(model, items, tokenizer)
        card["tasks"][task] = {
            "prefers_correct": proportion(result.preferred, result.n),
            "most_probable_token": proportion(result.exact, result.n),
        }
    if recipe.kind == "causal":
        card["units"] = unit_report(recipe.name, model, windows)
    return card
