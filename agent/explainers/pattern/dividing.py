"""One sentence of several, each found where the others' reasons to fire are out of sight.

A greedy search follows what explains most and can be content with one reason, though the unit has
others: what these explain alone does not pay beside it. So excerpts are told apart by what stands
around their peaks (:mod:`agent.meanings`), and each group gets a search that does not see the
others' windows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from agent.explainers.pattern.fit import Regression, weighted_variance
from agent.explainers.pattern.search import search
from agent.meanings import clusters, without
from core.evidence import Ints, SplitEvidence
from core.patterns import MAX_CLAUSES, Clause, Context, Pattern


def divided(
    explain: SplitEvidence,
    regression: Regression,
    *,
    price: float,
    extra_contexts: Sequence[Context] = (),
    barred: Collection[Context] = (),
) -> Pattern | None:
    """The sentences of all groups as one, of at most ``MAX_CLAUSES``; None where nothing divides.

    ``regression`` is that of the ``explain`` pool.
    """
    groups = clusters(explain)
    if len(groups) < 2:
        return None
    found: list[list[Pattern]] = []
    for i in range(len(groups)):
        others = np.concatenate([rows for j, rows in enumerate(groups) if j != i])
        passed = search(
            _hidden(regression, explain, others),
            price=price,
            extra_contexts=extra_contexts,
            barred=barred,
        )
        if passed:
            found.append([p.pattern for p in passed])
    return joined(found)


def _hidden(regression: Regression, explain: SplitEvidence, rows: Ints) -> Regression:
    """The regression in which those windows of the pool count for nothing.

    Random ones among them too: where another reason fires, it would be found again.
    """
    weights = np.where(without(explain, rows)[:, None], regression.weights, 0.0)
    scale = weights.sum() * weighted_variance(regression.actual, weights)
    return replace(regression, weights=weights / scale if scale > 0 else weights)


def joined(found: Sequence[Sequence[Pattern]]) -> Pattern | None:
    """The longest sentence of each group, or shorter ones of the longest until all fit in one.

    None where fewer than two groups have anything to say, or all say the same.
    """
    chosen = [len(passed) - 1 for passed in found]
    while True:
        said = [passed[at] for passed, at in zip(found, chosen, strict=True)]
        clauses = {(c.predicate, c.contexts): c for p in said for c in p.clauses}
        if len(clauses) <= MAX_CLAUSES:
            break
        longest = max(
            (i for i, at in enumerate(chosen) if at),
            key=lambda i: len(said[i].clauses),
            default=None,
        )
        if longest is None:
            return None
        chosen[longest] -= 1
    if len(said) < 2 or len(clauses) <= max(len(p.clauses) for p in said):
        return None
    whole: list[Clause] = list(clauses.values())
    return Pattern(tuple(whole))
