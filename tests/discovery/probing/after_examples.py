"""A subject small enough to know every answer: values by token, logits linear in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UnsupportedOperation
from discovery.probing.after.windows import LabelledWindows
from subjects.edits import by_site
from subjects.protocol import Batch, Edit, SiteInfo, SubjectSpec, Vocabulary

INSIDE, OUTSIDE = np.arange(10), np.arange(10, 40)
CONTEXT, EVEN, DEAD = 0, 1, 2
SITE = "mlp.0"
WIDTH = 24


def plain_values() -> torch.Tensor:
    """[tokens, units]: unit 0 is the context's, unit 1 like all others, unit 2 always zero."""
    values = 0.1 * torch.rand((40, WIDTH), generator=torch.Generator().manual_seed(3))
    values[:10, CONTEXT], values[10:, CONTEXT] = 4.0, 0.2
    values[:, EVEN] = 1.0 + 0.5 * (torch.arange(40) // 2 % 2)
    values[:, DEAD] = 0.0
    return values


def plain_outputs() -> torch.Tensor:
    """[units, tokens]: unit 0 pushes tokens 0 to 19, unit 1 even tokens, the rest next to none."""
    outputs = 0.05 * torch.randn((WIDTH, 40), generator=torch.Generator().manual_seed(4))
    outputs[CONTEXT] = (torch.arange(40) < 20).float()
    outputs[EVEN] = (torch.arange(40) % 2 == 0).float()
    return outputs


class LinearSubject:
    """``logits`` = values after edits @ ``outputs``; None for a subject without an output."""

    max_text = 64
    vocabulary = Vocabulary(tuple(f" w{i}" for i in range(40)))

    def __init__(self, values: torch.Tensor, outputs: torch.Tensor | None, name: str = "linear"):
        self.values, self.outputs = values, outputs
        self.spec = SubjectSpec(name, "causal", "memory", "1", name, "words")

    def sites(self) -> dict[str, SiteInfo]:
        return {SITE: SiteInfo(SITE, self.values.shape[1], 0, non_negative=True)}

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        return Batch(windows, 0, windows.shape[1])

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        return {site: self.values[torch.from_numpy(batch.ids)] for site in sites}

    def logits(self, batch: Batch, edits: Sequence[Edit] = ()) -> torch.Tensor:
        if self.outputs is None:
            raise UnsupportedOperation("no output here")
        values = self.values[torch.from_numpy(batch.ids)]
        prepared = by_site(edits, self.sites(), batch, torch.device("cpu"), torch.float32)
        for edit in prepared.get(SITE, []):
            values = edit.apply(values)
        return values @ self.outputs

    def logit_weights(self, site: str, indices: Sequence[int]) -> torch.Tensor | None:
        if self.outputs is None:
            return None
        rows = self.outputs[list(indices)]
        return rows - rows.mean(1, keepdim=True)

    def input_weights(self, site: str) -> torch.Tensor | None:
        return torch.arange(1.0, self.values.shape[1] + 1)[:, None] * torch.ones(1, 4)

    def input_bias(self, site: str) -> torch.Tensor | None:
        return -torch.ones(self.values.shape[1])


def linear() -> LinearSubject:
    return LinearSubject(plain_values(), plain_outputs())


def _text(tokens: NDArray[np.int64], length: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Even tokens, and those below 20, come more often."""
    weights = np.where(tokens % 2 == 0, 3.0, 1.0) * np.where(tokens < 20, 3.0, 1.0)
    return random.choice(tokens, length, p=weights / weights.sum())


def windows(inside: int = 30, outside: int = 30, length: int = 20) -> LabelledWindows:
    """One window a document: ``inside`` of tokens 0-9, ``outside`` of tokens 10-39."""
    random = np.random.default_rng(0)
    count = inside + outside
    ids = np.stack(
        [_text(INSIDE if row < inside else OUTSIDE, length, random) for row in range(count)]
    )
    context = np.ones(ids.shape, dtype=np.int8)
    context[inside:] = -1
    return LabelledWindows(ids, np.full(count, length), context, np.arange(count))
