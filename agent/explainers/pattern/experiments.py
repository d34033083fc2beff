"""Questions to the subject: which earlier tokens does the unit really need?

Correlation on excerpts cannot tell what a unit reads from what merely stands nearby. So tokens
before a strong activation are replaced, one at a time, by tokens drawn from elsewhere, and the
subject is run again: what makes the activation fall is needed. The same question is asked of every
context that a sentence claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.evidence import ExcerptSet, Floats, SplitEvidence
from core.patterns import (
    Clause,
    Context,
    Exact,
    LineStartsWith,
    RightAfter,
    TokenGrid,
    Within,
    Word,
    case_free_form,
    clause_mask,
)

PEAKS = 12
REACH = 12
NEEDED = 0.3


class Probe(Protocol):
    """Runs the subject: token IDs [n, tokens] in, one unit's activations [n, tokens] out."""

    def __call__(self, token_ids: NDArray[np.int64]) -> Floats:
        """Activations of the unit under study on windows of this text."""
        ...


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question put to the subject and its numeric outcome, stored with the explanation."""

    kind: str
    description: str
    outcome: dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Needed:
    """What occlusion found: mean relative drop by distance, and contexts worth trying."""

    drops: dict[int, float]
    contexts: tuple[Context, ...]
    experiment: Experiment


def peaks(excerpts: ExcerptSet, count: int) -> list[tuple[int, int]]:
    """(row, position) of the strongest token of the strongest excerpts."""
    at = excerpts.activations.argmax(axis=1)
    height = excerpts.activations.max(axis=1)
    order = np.argsort(-height, kind="stable")[:count]
    return [(int(r), int(at[r])) for r in order if height[r] > 0]


def occlude(evidence: SplitEvidence, probe: Probe, seed: int) -> Needed:
    """Replace each of the ``REACH`` tokens before a peak and see how far the activation falls.

    Replacements are drawn from the same split's random windows.
    """
    top = evidence.top
    rng = np.random.default_rng(seed)
    donors = evidence.random.token_ids.reshape(-1)
    rows: list[NDArray[np.int64]] = []
    asked: list[tuple[int, int, int]] = []
    for row, position in peaks(top, PEAKS):
        for back in range(1, min(REACH, position) + 1):
            edited = top.token_ids[row].copy()
            edited[position - back] = donors[rng.integers(len(donors))]
            rows.append(edited)
            asked.append((row, position, back))
    drops: dict[int, list[float]] = {}
    votes: Counter[tuple[int, str]] = Counter()
    if rows:
        values = probe(np.stack(rows))
        for (row, position, back), value in zip(asked, values, strict=True):
            before = float(top.activations[row, position])
            drop = 1.0 - float(value[position]) / before
            drops.setdefault(back, []).append(drop)
            if drop >= NEEDED:
                votes[back, top.tokens[row][position - back]] += 1
    means = {back: float(np.mean(found)) for back, found in sorted(drops.items())}
    outcome: dict[str, float | int | str] = {
        f"drop_{b}_back": round(m, 4) for b, m in means.items()
    }
    return Needed(
        drops=means,
        contexts=_contexts(votes),
        experiment=Experiment(
            "occlusion",
            f"each of the {REACH} tokens before {min(PEAKS, len(top))} peaks replaced in turn; "
            "mean relative drop of the activation by distance",
            {**outcome, "runs": len(rows)},
        ),
    )


def _contexts(votes: Counter[tuple[int, str]]) -> tuple[Context, ...]:
    found: list[Context] = []
    for (back, token), _ in votes.most_common(12):
        exact = Exact((token,))
        if back == 1:
            found.append(RightAfter(exact))
        else:
            found.append(Within(back, exact))
        if form := case_free_form(token):
            found += [RightAfter(Word(form))] if back == 1 else [Within(back, Word(form))]
    return tuple(dict.fromkeys(found))


def test_context(
    clause: Clause, context: Context, evidence: SplitEvidence, probe: Probe, seed: int
) -> Experiment | None:
    """Break one claimed context where the clause matches, and see whether the activation falls.

    Minimal pairs: only the tokens that make the context true are replaced, by tokens that make it
    false. None where the context cannot be broken by replacing earlier tokens (negations, inside,
    first position) or nothing matches.
    """
    if context.negated or not isinstance(context, RightAfter | Within | LineStartsWith):
        return None
    pool = evidence.pool
    grid = TokenGrid.from_tokens(list(pool.tokens))
    strength = np.where(clause_mask(clause, grid), pool.activations, 0.0)
    at = strength.argmax(axis=1)
    best = np.argsort(-strength.max(axis=1), kind="stable")[:PEAKS]
    matching = grid.matches(context.predicate)
    donors = pool.token_ids[~matching]
    rng = np.random.default_rng(seed)
    first = grid.line_starts()
    rows, asked = [], []
    for row in best.tolist():
        position = int(at[row])
        if strength[row, position] <= 0 or not len(donors):
            continue
        match context:
            case RightAfter():
                makers = [position - 1]
            case Within(distance, _):
                span = range(max(0, position - distance), position)
                makers = [p for p in span if matching[row, p]]
            case LineStartsWith():
                makers = [int(first[row, position])]
        edited = pool.token_ids[row].copy()
        edited[makers] = donors[rng.integers(len(donors), size=len(makers))]
        rows.append(edited)
        asked.append((row, position))
    if not rows:
        return None
    values = probe(np.stack(rows))
    drops = [
        1.0 - float(value[position]) / float(pool.activations[row, position])
        for (row, position), value in zip(asked, values, strict=True)
    ]
    return Experiment(
        "minimal_pair",
        f"{_say(context)} broken at {len(rows)} places where the clause matches",
        {"mean_drop": round(float(np.mean(drops)), 4), "pairs": len(rows)},
    )


def _say(context: Context) -> str:
    from core.patterns import render_context

    return f"the context {render_context(context)!r}"


def needed(outcomes: Sequence[Experiment]) -> bool:
    """Whether every tested context lowered the activation by at least ``NEEDED``."""
    return all(float(e.outcome["mean_drop"]) >= NEEDED for e in outcomes)
