"""Questions to the subject: which earlier tokens does the unit really need?

Correlation on excerpts cannot tell what a unit reads from what merely stands nearby. So tokens
before a strong activation are replaced, one at a time, by tokens drawn from elsewhere, and the
subject is run again: what makes the activation fall is needed. The same question is asked of every
context that a sentence claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from agent.experiments import Experiment, Trial
from agent.explainers.pattern.candidates import forms_of
from agent.explainers.pattern.fit import sayable
from agent.judging import MINIMAL_PAIR, OCCLUSION, drop, replaced
from core.evidence import ExcerptSet, SplitEvidence
from core.patterns import (
    Clause,
    Context,
    LineStartsWith,
    RightAfter,
    TokenGrid,
    Within,
    clause_mask,
    parse,
    render_context,
)

PEAKS = 6
REACH = 8
NEEDED = 0.3


def peaks(excerpts: ExcerptSet, count: int) -> list[tuple[int, int]]:
    """(row, position) of the strongest token of the strongest excerpts."""
    at = excerpts.activations.argmax(axis=1)
    height = excerpts.activations.max(axis=1)
    order = np.argsort(-height, kind="stable")[:count]
    return [(int(r), int(at[r])) for r in order if height[r] > 0]


def occlusion(evidence: SplitEvidence, seed: int) -> Experiment:
    """Replace each of the ``REACH`` tokens before a peak, to see how far the activation falls.

    Replacements are drawn from the same split's windows. The label of a trial says what was
    replaced, and how far back it stood.
    """
    top = evidence.top
    rng = np.random.default_rng(seed)
    donors = evidence.pool.token_ids.reshape(-1)
    trials = []
    strongest = peaks(top, PEAKS)
    for row, position in strongest:
        for back in range(1, min(REACH, position) + 1):
            edited = top.token_ids[row].copy()
            edited[position - back] = donors[rng.integers(len(donors))]
            trials.append(
                Trial(
                    tokens=tuple(edited.tolist()),
                    position=position,
                    before=float(top.activations[row, position]),
                    label=f"{back}:{top.tokens[row][position - back]}",
                )
            )
    return Experiment(
        kind=OCCLUSION,
        description=f"each of the {REACH} tokens before {len(strongest)} peaks replaced in turn; "
        "mean relative drop of the activation by distance",
        trials=tuple(trials),
    )


def contexts_needed(found: Sequence[Experiment]) -> tuple[Context, ...]:
    """Contexts worth trying: what made an activation fall when it was replaced, commonest first."""
    votes: Counter[tuple[int, str]] = Counter()
    for experiment in found:
        for trial in experiment.trials if experiment.kind == OCCLUSION else ():
            back, token = replaced(trial)
            if drop(trial) >= NEEDED and sayable(token):
                votes[back, token] += 1
    contexts: list[Context] = []
    for (back, token), _ in votes.most_common(12):
        contexts += [RightAfter(p) if back == 1 else Within(back, p) for p in forms_of(token)]
    return tuple(dict.fromkeys(contexts))


def break_context(
    clause: Clause,
    context: Context,
    evidence: SplitEvidence,
    grid: TokenGrid,
    seed: int,
) -> Experiment | None:
    """Break one claimed context where the clause matches, to see whether the activation falls.

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
    trials = []
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
        trials.append(
            Trial(
                tokens=tuple(edited.tolist()),
                position=position,
                predicted=0.0,
                before=float(pool.activations[row, position]),
                label="context broken",
            )
        )
    if not trials:
        return None
    shown = render_context(context)
    return Experiment(
        kind=MINIMAL_PAIR,
        description=f"the context {shown!r} broken at {len(trials)} places of its clause",
        about=shown,
        trials=tuple(trials),
    )


def contexts_refuted(found: Sequence[Experiment]) -> set[Context]:
    """Contexts that the unit does not need: no clause of several does.

    They are read from what the experiments say of themselves, so that nothing has to be remembered
    by an investigation that was killed and goes on.
    """
    falls: dict[str, float] = {}
    for experiment in found:
        if experiment.kind == MINIMAL_PAIR:
            fall = float(experiment.outcome["mean_drop"])
            falls[experiment.about] = max(fall, falls.get(experiment.about, -1.0))
    return {_context_in(about) for about, fall in falls.items() if fall < NEEDED}


def _context_in(text: str) -> Context:
    """The context that ``render_context`` wrote."""
    (context,) = parse(f"Fires 1/10 on any token {text}.").clauses[0].contexts
    return context
