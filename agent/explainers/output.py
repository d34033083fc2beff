"""What a unit promotes: an explanation of its output side, in the pattern language.

The vocabulary is read as a text of one-token excerpts whose activations are what a push of the unit
does to each token's log-probability; the pattern explainer then finds the kinds of token that rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.explainers.pattern import PatternExplainer
from core.evidence import ExcerptSet, Split, SplitEvidence
from core.patterns import TokenGrid, evaluate, parse

Array = NDArray[np.float64]
VERB, SAID = "Fires ", "Promotes "
STRONGEST = 20


class Pushes(Protocol):
    """What is asked of the model; see ``neuroscribe.effects``."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary's tokens that can be text."""
        ...

    def shifts(self, token_ids: NDArray[np.int64]) -> Array:
        """Change of each token's log-probability in each window [windows, tokens]."""
        ...

    def null_shifts(self, token_ids: NDArray[np.int64]) -> list[Array]:
        """Mean change by other units, each pushed by its own typical peak, each [tokens]."""
        ...


@dataclass(frozen=True, slots=True)
class OutputProposal:
    """A sentence about what is promoted, or why there is none."""

    text: str | None
    symbols: int = 0
    reason: str = ""


async def explain_output(
    tokens: tuple[str, ...], explain: Array, select: Array, seed: int
) -> OutputProposal:
    """Find the kinds of token that rise, from mean shifts [tokens] on two splits' windows."""
    evidence = as_evidence("explain", tokens, explain), as_evidence("select", tokens, select)
    found = await PatternExplainer().begin(*evidence, None, seed).propose()
    if not found.candidates:
        return OutputProposal(None, reason=found.reason or "no kind of token rises")
    best = found.candidates[0]
    return OutputProposal(SAID + best.text.removeprefix(VERB), best.symbols)


def promoted(text: str, tokens: tuple[str, ...]) -> Array:
    """What a sentence promotes, 0 to 10 for each token.

    Raises :class:`core.errors.PatternSyntaxError` for a text that is no such sentence.
    """
    pattern = parse(VERB + text.removeprefix(SAID) if text.startswith(SAID) else text)
    values: Array = evaluate(pattern, TokenGrid.from_tokens([(token,) for token in tokens]))[:, 0]
    return values


def as_evidence(split: Split, tokens: tuple[str, ...], shift: Array) -> SplitEvidence:
    """The vocabulary as one-token excerpts, each with how much it rises."""
    risen = np.maximum(shift, 0.0).astype(np.float32)[:, None]
    rows = np.arange(len(tokens), dtype=np.int64)
    pool = ExcerptSet(
        split=split,
        windows=rows,
        token_ids=rows[:, None],
        tokens=[(token,) for token in tokens],
        activations=risen,
        documents=["vocabulary"] * len(tokens),
        offsets=np.zeros(len(tokens), dtype=np.int64),
        kinds=["random"] * len(tokens),
    )
    order = np.argsort(-risen[:, 0], kind="stable")
    none = np.empty(0, dtype=np.int64)
    return SplitEvidence(
        split=split,
        pool=pool,
        top_rows=order[:STRONGEST],
        bottom_rows=none,
        active_rows=none,
        random_rows=rows,
        bands=(),
        n_windows=len(tokens),
        n_documents=1,
        other_units=(),
        others=np.empty((len(tokens), 1, 0), dtype=np.float32),
    )
