"""Tests on real text that the unit was not run on yet: where a sentence says that it fires or not.

Edited text shows what a unit needs; it does not show what there is in a corpus. So windows of the
``explain`` split are chosen by their text: in which a sentence predicts something, in which only
its tokens stand but not their context, and others. Each kind is drawn uniformly, and its share of
the text is known, so what comes out can join the evidence without tilting it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.experiments import RANDOM, Experiment, Laboratory, Trial
from agent.explainers.pattern.fit import More
from core.evidence import SplitEvidence
from core.patterns import Pattern, TokenGrid, evaluate, parse, render

REST, NEAR, PREDICTED = 0, 1, 2
KINDS = {PREDICTED: "predicted_positive", NEAR: "near_miss", REST: "negative_control"}
SHARES = {PREDICTED: 0.6, NEAR: 0.25}
_SAID = {
    PREDICTED: "windows in which the explanation predicts that the unit fires",
    NEAR: "windows with its tokens in places where it predicts silence",
    REST: "windows in which it predicts silence throughout",
}


def strata(patterns: Sequence[Pattern], grid: TokenGrid) -> NDArray[np.int64]:
    """The stratum of each of the grid's windows, [windows]; the highest that any pattern gives."""
    found = np.full(grid.shape[0], REST, dtype=np.int64)
    for pattern in patterns:
        near, fires = _bare(pattern, grid).any(1), (evaluate(pattern, grid) > 0).any(1)
        found = np.maximum(found, np.where(fires, PREDICTED, np.where(near, NEAR, REST)))
    return found


def _bare(pattern: Pattern, grid: TokenGrid) -> NDArray[np.bool_]:
    """Where the tokens of the clauses that have a context stand, whatever the context."""
    where = np.zeros(grid.shape, dtype=np.bool_)
    for clause in pattern.clauses:
        if clause.contexts:
            where |= grid.matches(clause.predicate)
    return where


def tests(
    patterns: Sequence[Pattern],
    evidence: SplitEvidence,
    laboratory: Laboratory,
    done: Sequence[Experiment],
    runs: int,
) -> list[Experiment]:
    """At most ``runs`` windows, as one experiment a stratum; those known already are left out.

    Expected activations are those of the first pattern.
    """
    unseen = laboratory.unseen
    if unseen is None or not patterns or runs <= 0:
        return []
    grid = unseen.grid
    placed = strata(patterns, grid)
    known = {trial.tokens for experiment in done for trial in experiment.trials}
    about = "\n".join(render(pattern) for pattern in patterns)
    drawn = unseen.rows(evidence, "neuroscribe/trial/1", about)
    free = [i for i in drawn if unseen.text(i) not in known]
    predicted = evaluate(patterns[0], grid)
    bare = _bare(patterns[0], grid)
    found: list[Experiment] = []
    left = runs
    for stratum, kind in KINDS.items():
        here = [i for i in free if placed[i] == stratum]
        chosen = here[: min(left, round(SHARES.get(stratum, 1.0) * runs))]
        left -= len(chosen)
        if not chosen:
            continue
        trials = []
        for i in chosen:
            position = int(predicted[i].argmax()) if predicted[i].any() else None
            if position is None and stratum == NEAR and bare[i].any():
                position = int(bare[i].argmax())
            value = float(predicted[i].max()) if position is None else predicted[i, position]
            trials.append(
                Trial(tokens=unseen.text(i), position=position, predicted=float(value), label=kind)
            )
        found.append(
            Experiment(
                kind=kind,
                description=f"{len(chosen)} {_SAID[stratum]}",
                about=about,
                trials=tuple(trials),
            )
        )
    return found


def learnt(
    evidence: SplitEvidence, pool: TokenGrid, laboratory: Laboratory, done: Sequence[Experiment]
) -> More | None:
    """What those experiments add to the evidence, with the strata that they were drawn by."""
    ours = [experiment for experiment in done if experiment.kind in (*KINDS.values(), RANDOM)]
    texts = [trial.tokens for experiment in ours for trial in experiment.trials]
    if not texts:
        return None
    tokens = [laboratory.decode(text) for text in texts]
    grid = TokenGrid.from_tokens(tokens)
    here, there = np.zeros(len(tokens), np.int64), np.zeros(pool.shape[0], np.int64)
    for about in dict.fromkeys(e.about for e in ours if e.about):
        # Every round drew by hypotheses of its own: only within a cell of all rounds' strata did
        # every window have the same chance.
        patterns = [parse(text) for text in about.split("\n")]
        here = here * len(KINDS) + strata(patterns, grid)
        there = there * len(KINDS) + strata(patterns, pool)
    return More(
        tokens=tokens,
        activations=np.maximum(np.stack(laboratory.run(texts)), 0).astype(np.float32),
        strata=here,
        pool_strata=there,
    )
