"""Groups of excerpts in which a unit seems to fire for different reasons.

Two excerpts are alike when their peaks stand on the same word, after the same words: the words of
the peak and of what stands up to four tokens before it, each word counted less the farther back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from core.evidence import Ints, SplitEvidence
from core.patterns.language import case_free_form

BACK = 4
MOST = 3
LEAST_SHARE = 0.2
LEAST_EXCERPTS = 4
APART = 0.85


def clusters(explain: SplitEvidence) -> list[Ints]:
    """Rows of the pool by group, the heaviest group first; one group where nothing divides.

    Average linkage on the top and active windows, cut where groups are ``APART``; groups with less
    than a fifth of the activation, or fewer than four windows, are no meaning of their own.
    """
    rows = np.union1d(explain.top_rows, explain.active_rows).astype(np.int64)
    peaks = explain.pool.activations[rows].max(axis=1, initial=0.0)
    rows, peaks = rows[peaks > 0], peaks[peaks > 0]
    if len(rows) < 2 * LEAST_EXCERPTS:
        return [rows]
    tree = linkage(squareform(_distances(explain, rows), checks=False), method="average")
    labels = fcluster(tree, APART, criterion="distance")
    groups: list[tuple[float, Ints]] = []
    for label in np.unique(labels):
        mine = labels == label
        share = float(peaks[mine].sum() / peaks.sum())
        if share >= LEAST_SHARE and int(mine.sum()) >= LEAST_EXCERPTS:
            strongest = np.argsort(-peaks[mine], kind="stable")
            groups.append((share, rows[mine][strongest]))
    groups.sort(key=lambda group: -group[0])
    return [rows for _, rows in groups[:MOST]] or [rows]


def without(explain: SplitEvidence, rows: Ints) -> NDArray[np.bool_]:
    """Which windows of the pool remain when those ``rows`` are another meaning's, [pool]."""
    kept = np.ones(len(explain.pool), dtype=np.bool_)
    kept[rows] = False
    return kept


def _distances(explain: SplitEvidence, rows: Ints) -> NDArray[np.float64]:
    """One less the weighted Jaccard similarity of what the peaks stand on, [rows, rows]."""
    weighted = [_words(explain, int(row)) for row in rows]
    names = sorted({name for words in weighted for name in words})
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(rows), len(names)))
    for i, words in enumerate(weighted):
        for name, weight in words.items():
            table[i, place[name]] = weight
    least = np.minimum(table[:, None], table[None]).sum(axis=2)
    most = np.maximum(table[:, None], table[None]).sum(axis=2)
    found: NDArray[np.float64] = 1.0 - least / np.maximum(most, 1e-12)
    np.fill_diagonal(found, 0.0)
    return found


def _words(explain: SplitEvidence, row: int) -> dict[str, float]:
    tokens = explain.pool.tokens[row]
    peak = int(explain.pool.activations[row].argmax())
    found: dict[str, float] = {}
    for back in range(min(BACK, peak) + 1):
        form = case_free_form(tokens[peak - back]) or tokens[peak - back]
        name = f"peak {form}" if back == 0 else form
        found[name] = max(found.get(name, 0.0), 1.0 if back == 0 else 0.4 / back)
    return found
