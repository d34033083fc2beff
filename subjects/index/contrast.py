"""Hard negatives: windows in which a unit is silent though something like it is there.

Three kinds, each looked at with the model before it counts as silent:

* ``hard:correlated``: strong windows of the units whose activations resemble this one's most;
* ``hard:direction``: strong windows of the units that write most nearly the same direction;
* ``hard:changed``: strong windows of the unit itself with one token changed, as far to the left of
  the peak as silences it: what is left shows everything but that.

Neighbours are chosen on ``select``; the windows are those of ``report``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.evidence import SPLITS, ExcerptSet, Floats, Ints, SplitEvidence
from core.hashing import text_hash
from core.ids import UnitId

if TYPE_CHECKING:
    from subjects.index.reader import ActivationIndex

SELECT, REPORT = SPLITS.index("select"), SPLITS.index("report")
COMPARED = 256
NEIGHBOURS = 6
STRONG_EACH = 8
CHANGED_FROM = 20
REACH = 5
KEPT_EACH = 12
SILENT = 0.1


def with_hard_negatives(
    index: ActivationIndex, unit: UnitId, explain: SplitEvidence, report: SplitEvidence
) -> SplitEvidence:
    """``report`` with hard negatives in its pool; as it is where there is nothing to contrast."""
    if not len(explain.top_rows) or not len(report.top_rows):
        return report
    peaks = explain.pool.activations[explain.top_rows].max(axis=1)
    silent = max(SILENT * float(np.median(peaks)), float(np.finfo(np.float32).tiny))
    columns = [unit.index, *report.other_units]
    drawn = [
        _neighbours(index, unit, report, columns, "hard:correlated", _correlated(index, unit)),
        _neighbours(index, unit, report, columns, "hard:direction", _aligned(index, unit)),
        _changed(index, unit, explain, report, columns, silent),
    ]
    found = report
    rows: list[int] = []
    for excerpts, values in drawn:
        kept = np.flatnonzero(values[..., 0].max(axis=1, initial=-np.inf) < silent)[:KEPT_EACH]
        before = len(found.pool)
        pool = found.pool.join(excerpts.take(kept))
        fresh = np.isin(excerpts.windows[kept], pool.windows[before:])
        others = np.concatenate([found.others, values[kept][fresh][..., 1:]])
        found = replace(found, pool=pool, others=others)
        rows += range(before, len(pool))
    rows.sort(key=lambda row: text_hash("neuroscribe/hard/1", str(found.pool.windows[row])))
    return replace(found, hard_rows=np.array(rows, dtype=np.int64))


def _correlated(index: ActivationIndex, unit: UnitId) -> list[int]:
    """Live units of the site by correlation with this one on the random windows of ``select``."""
    width = index.manifest.sites[unit.site].width
    count = 0
    total, square, product = (torch.zeros(width, dtype=torch.float64) for _ in range(3))
    for part in index.random_parts(unit.site, SELECT, COMPARED):
        values = part.flatten(0, 1).double()
        own = values[:, unit.index]
        count += len(values)
        total = total + values.sum(0)
        square = square + (values * values).sum(0)
        product = product + own @ values
    if not count:
        return []
    mean = total / count
    spread = (square / count - mean * mean).clamp_min(0.0).sqrt()
    covariance = product / count - mean[unit.index] * mean
    rho = covariance / (spread * spread[unit.index]).clamp_min(1e-12)
    rho = (rho * 1e6).round()  # so that sums in another order cannot change the choice
    return _nearest(index, unit, rho)


def _aligned(index: ActivationIndex, unit: UnitId) -> list[int]:
    """Live units of the site by the cosine of what they write."""
    weights = index.subject.output_weights(unit.site)
    if weights is None:
        return []
    rows = torch.nn.functional.normalize(weights.float().cpu(), dim=1)
    return _nearest(index, unit, (1e6 * (rows @ rows[unit.index])).round())


def _nearest(index: ActivationIndex, unit: UnitId, likeness: torch.Tensor) -> list[int]:
    live = set(index.live_units(unit.site).tolist()) - {unit.index}
    order = torch.argsort(likeness, descending=True, stable=True).tolist()
    return [i for i in order if i in live and float(likeness[i]) > 0.0][:NEIGHBOURS]


def _neighbours(
    index: ActivationIndex,
    unit: UnitId,
    report: SplitEvidence,
    columns: list[int],
    kind: str,
    units: list[int],
) -> tuple[ExcerptSet, Floats]:
    """The strongest windows of ``units`` that this unit's own evidence does not hold."""
    numbers: list[int] = []
    for place in range(STRONG_EACH):
        for other in units:
            strong = index.strongest(unit.site, other, REPORT)
            if place < len(strong):
                numbers.append(int(strong[place]))
    fresh = [n for n in dict.fromkeys(numbers) if n not in set(report.pool.windows.tolist())]
    windows = np.array(fresh, dtype=np.int64)
    values = index.values(unit.site, windows, columns)
    return index.excerpts("report", windows, values[..., 0], [kind] * len(windows)), values


def _changed(
    index: ActivationIndex,
    unit: UnitId,
    explain: SplitEvidence,
    report: SplitEvidence,
    columns: list[int],
    silent: float,
) -> tuple[ExcerptSet, Floats]:
    """Strong windows with one token changed; of the changes that silence, the one farthest left."""
    strong = np.unique(np.concatenate([report.top_rows, report.active_rows]))
    pool = report.pool.take(strong)
    few = (pool.activations >= silent).sum(axis=1)
    pool = pool.take(np.flatnonzero((few > 0) & (few <= 3))[:CHANGED_FROM])
    spare = np.unique(explain.pool.token_ids)
    origin: list[int] = []
    ids: list[Ints] = []
    for row in range(len(pool)):
        peak = int(pool.activations[row].argmax())
        for back in range(min(REACH, peak), -1, -1):
            name = (str(pool.windows[row]), str(back))
            other = spare[text_hash("neuroscribe/change/1", *name) % len(spare)]
            changed = pool.token_ids[row].copy()
            changed[peak - back] = other
            origin.append(row)
            ids.append(changed)
    if not ids:
        return pool.take([]), np.empty((0, pool.token_ids.shape[1], len(columns)), dtype=np.float32)
    tokens = np.stack(ids)
    values = index.values_of(unit.site, tokens, columns)
    quiet = values[..., 0].max(axis=1) < silent
    first = {row: i for i, row in reversed(list(enumerate(origin))) if quiet[i]}
    chosen = np.array(sorted(first.values()), dtype=np.int64)
    source = pool.take([origin[i] for i in chosen])
    decode = index.subject.vocabulary.decode
    made = replace(
        source,
        windows=-1 - source.windows,
        token_ids=tokens[chosen],
        tokens=[decode(row) for row in tokens[chosen]],
        activations=np.ascontiguousarray(values[chosen][..., 0]),
        kinds=["hard:changed"] * len(chosen),
    )
    return made, values[chosen]
