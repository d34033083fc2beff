"""Small made-up texts with units that are known functions of them: evidence in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from evidence_pool import SitePool, Text
from numpy.typing import NDArray

from agent.experiments import Laboratory, Unseen
from core.evidence import Evidence, ExcerptSet, SplitEvidence, split_of
from core.patterns import Mask, TokenGrid

Rule = Callable[[TokenGrid], NDArray[Any]]

WORDS = (
    " the", " cat", " dog", " sat", " ran", " on", " mat", " not", " never", " all", " good",
    " The", " 7", " 12", "(", ")", ",", ".", "\n", "def", "return", " running", " singing",
)  # fmt: skip
FURTHER = [next(name for name in map(str, range(99)) if split_of(name) == "explain")]


@dataclass
class Made:
    """A text over ``vocabulary`` and one unit, ``rule`` of the tokens."""

    text: Text
    vocabulary: tuple[str, ...]
    rule: Rule
    signed: bool = False
    further: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    asked: int = 0

    def probe(self, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Runs other text on the unit."""
        self.asked += len(token_ids)
        return self.values(token_ids)

    def values(self, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = [tuple(self.vocabulary[i] for i in row) for row in token_ids.tolist()]
        return np.asarray(self.rule(TokenGrid.from_tokens(rows)), dtype=np.float32)

    def decode(self, ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.vocabulary[i] for i in ids)

    def encode(self, text: str) -> list[int]:
        """The longest tokens first; what is no token is left out."""
        found, rest = [], text
        while rest:
            fitting = [t for t in self.vocabulary if rest.startswith(t)]
            best = max(fitting, key=len, default="")
            found += [self.vocabulary.index(best)] if best else []
            rest = rest[len(best) or 1 :]
        return found

    def unseen(self) -> Unseen:
        """All text of the ``explain`` split: windows of the evidence, and ``further`` ones."""
        text = self.text
        known = np.flatnonzero(text.split == 0)
        ids = np.concatenate([text.ids[known], self.further])
        return Unseen(
            ExcerptSet(
                split="explain",
                windows=np.concatenate([known, len(text.ids) + np.arange(len(self.further))]),
                token_ids=ids,
                tokens=[self.decode(row) for row in ids.tolist()],
                activations=np.zeros(ids.shape, dtype=np.float32),
                documents=[text.documents[i] for i in known] + FURTHER * len(self.further),
                offsets=np.arange(len(ids)) * ids.shape[1],
                kinds=["unseen"] * len(ids),
            )
        )

    def laboratory(self) -> Laboratory:
        """The unit, to be run on any text; one that has run nothing yet."""
        return Laboratory(self.probe, self.decode, self.encode, self.unseen())

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
    further: int = 300,
    edit: Callable[[NDArray[np.int64]], None] | None = None,
) -> Made:
    """Random windows of the vocabulary, three a document; ``edit`` may change them.

    ``further`` windows are there for experiments only.
    """
    drawn = np.random.default_rng(seed).integers(0, len(vocabulary), (windows + further, length))
    if edit is not None:
        edit(drawn)
    ids = drawn[:windows]
    tokens = [tuple(vocabulary[i] for i in row) for row in ids.tolist()]
    documents = [f"d{i // 3}" for i in range(windows)]
    text = Text(ids, tokens, documents, (90, 60, 80))
    return Made(text, tuple(vocabulary), rule, signed, drawn[windows:])


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
