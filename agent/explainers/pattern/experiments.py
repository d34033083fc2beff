"""Questions to the subject: which earlier tokens does the unit really need?

Correlation on excerpts cannot tell what a unit reads from what merely stands nearby. So tokens
before a strong activation are replaced, one at a time, by tokens drawn from elsewhere, and the
subject is run again: what makes the activation fall is needed. The same question is asked of every
context that a sentence claims.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.experiments import Experiment, Probe
from agent.explainers.pattern.candidates import forms_of
from agent.explainers.pattern.fit import sayable
from core.evidence import ExcerptSet, SplitEvidence
from core.patterns import (
    Clause,
    Context,
    LineStartsWith,
    RightAfter,
    TokenGrid,
    Within,
    clause_mask,
    render_context,
)

PEAKS = 12
REACH = 12
NEEDED = 0.3


@dataclass(frozen=True, slots=True)
class Needed:
    """What occlusion found: contexts worth trying, and the record of it."""

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

    Replacements are drawn from the same split's windows.
    """
    top = evidence.top
    rng = np.random.default_rng(seed)
    donors = evidence.pool.token_ids.reshape(-1)
    rows: list[NDArray[np.int64]] = []
    asked: list[tuple[int, int, int]] = []
    strongest = peaks(top, PEAKS)
    for row, position in strongest:
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
            drop = _drop(top.activations[row, position], value[position])
            drops.setdefault(back, []).append(drop)
            token = top.tokens[row][position - back]
            if drop >= NEEDED and sayable(token):
                votes[back, token] += 1
    means = {back: float(np.mean(found)) for back, found in sorted(drops.items())}
    outcome: dict[str, float | int | str] = {
        f"drop_{b}_back": round(m, 4) for b, m in means.items()
    }
    return Needed(
        _contexts(votes),
        Experiment(
            "occlusion",
            f"each of the {REACH} tokens before {len(strongest)} peaks replaced in turn; "
            "mean relative drop of the activation by distance",
            {**outcome, "runs": len(rows)},
        ),
    )


def _drop(before: np.float32, after: np.float32) -> float:
    """How far an activation fell, as a share of what it was; a rise counts as -1 at most."""
    return max(1.0 - float(after) / float(before), -1.0)


def _contexts(votes: Counter[tuple[int, str]]) -> tuple[Context, ...]:
    found: list[Context] = []
    for (back, token), _ in votes.most_common(12):
        found += [RightAfter(p) if back == 1 else Within(back, p) for p in forms_of(token)]
    return tuple(dict.fromkeys(found))


def break_context(
    clause: Clause,
    context: Context,
    evidence: SplitEvidence,
    grid: TokenGrid,
    probe: Probe,
    seed: int,
) -> Experiment | None:
    """Break one claimed context where the clause matches, and see whether the activation falls.

    Minimal pairs: only the tokens that make the context true are replaced, by tokens that make it
    false. ``grid`` holds the tokens of the evidence's pool. None where the context cannot be broken
    by replacing earlier tokens (negations, inside, first position) or nothing matches.
    """
    if context.negated or not isinstance(context, RightAfter | Within | LineStartsWith):
        return None
    pool = evidence.pool
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
        _drop(pool.activations[row, position], value[position])
        for (row, position), value in zip(asked, values, strict=True)
    ]
    shown = render_context(context)
    return Experiment(
        "minimal_pair",
        f"the context {shown!r} broken at {len(rows)} places where the clause matches",
        {"mean_drop": round(float(np.mean(drops)), 4), "pairs": len(rows)},
    )
