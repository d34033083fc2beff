"""Small made-up texts with units that are known functions of them: evidence in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from evidence_pool import SitePool, Text
from numpy.typing import NDArray

from core.evidence import Evidence, SplitEvidence
from core.patterns import Mask, TokenGrid

Rule = Callable[[TokenGrid], NDArray[Any]]

WORDS = (
    " the", " cat", " dog", " sat", " ran", " on", " mat", " not", " never", " all", " good",
    " The", " 7", " 12", "(", ")", ",", ".", "\n", "def", "return", " running", " singing",
)  # fmt: skip


@dataclass
class Made:
    """A text over ``vocabulary`` and one unit, ``rule`` of the tokens."""

    text: Text
    vocabulary: tuple[str, ...]
    rule: Rule
    signed: bool = False
    asked: int = 0

    def probe(self, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Runs other text on the unit."""
        self.asked += len(token_ids)
        return self.values(token_ids)

    def values(self, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = [tuple(self.vocabulary[i] for i in row) for row in token_ids.tolist()]
        return np.asarray(self.rule(TokenGrid.from_tokens(rows)), dtype=np.float32)

    def evidence(self) -> Evidence:
        values = self.values(self.text.ids)[..., None]
        return SitePool("made", self.text, values, self.signed).evidence(0)


def made(
    rule: Rule,
    *,
    vocabulary: Sequence[str] = WORDS,
    windows: int = 360,
    length: int = 24,
    seed: int = 0,
    signed: bool = False,
    edit: Callable[[NDArray[np.int64]], None] | None = None,
) -> Made:
    """Random windows of the vocabulary, three a document; ``edit`` may change them."""
    ids = np.random.default_rng(seed).integers(0, len(vocabulary), (windows, length))
    if edit is not None:
        edit(ids)
    tokens = [tuple(vocabulary[i] for i in row) for row in ids.tolist()]
    documents = [f"d{i // 3}" for i in range(windows)]
    return Made(Text(ids, tokens, documents, (90, 60, 80)), tuple(vocabulary), rule, signed)


def on(grid: TokenGrid, *texts: str) -> Mask:
    """Where one of these tokens stands."""
    wanted = [i for i, text in enumerate(grid.strings) if text in texts]
    return np.isin(grid.ids, wanted) & grid.known


def before(mask: Mask, distance: int = 1) -> Mask:
    """Where the mask holds 1 to ``distance`` tokens earlier."""
    out = np.zeros_like(mask)
    for back in range(1, distance + 1):
        out[:, back:] |= mask[:, :-back]
    return out


def silent(split: SplitEvidence) -> SplitEvidence:
    """The same windows in which the unit never fires."""
    none = np.empty(0, dtype=np.int64)
    pool = replace(split.pool, activations=np.zeros_like(split.pool.activations))
    return replace(split, pool=pool, top_rows=none, active_rows=none, bottom_rows=none)
