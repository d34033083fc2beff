"""The card of a demo subject: data, training, and what it can do on held-out text."""

from __future__ import annotations

import platform
from typing import Any

from demo_build.evaluation import TASKS, Choice
from demo_build.models import Recipe
from tokenizers import Tokenizer
from torch import nn

from subjects.corpora import generated

ITEMS = 1000
ITEM_SEED = 99


def task_items(count: int) -> dict[str, list[Choice]]:
    """Held-out items of every task."""
    return {
        task: list(generated.choice_items(task, seed=ITEM_SEED, count=count)) for task in TASKS
    }


def build_card(
    recipe: Recipe, model: nn.Module, tokenizer: Tokenizer, seed: int, seconds: float | None
) -> dict[str, Any]:
    """Everything the card says."""
    return {"name": recipe.name, "python": platform.python_version(), "training": {"seconds": seconds}}
