"""What an index tells of a unit, as a document: the ground under ``show`` and ``explain``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core.documents import (
    BandShare,
    Histogram,
    PortToken,
    ShownExcerpt,
    Source,
    Statistics,
    UnitProfile,
)
from core.evidence import Evidence
from core.ids import UnitId

if TYPE_CHECKING:
    from subjects.index.reader import ActivationIndex

PORTS = 10
LEAST = 1e-30


def profile(
    index: ActivationIndex,
    unit: UnitId,
    evidence: Evidence,
    *,
    excerpts: int = 8,
    with_report: bool = False,
) -> UnitProfile:
    """The unit's profile with up to ``excerpts`` of each kind from ``explain`` and ``select``.

    ``with_report`` also shows ``report``, which counts as an opening.
    """
    splits = [evidence.explain, evidence.select]
    if with_report:
        splits.append(evidence.open_report("shown to a person"))
    shown: list[ShownExcerpt] = []
    for split in splits:
        for drawn in (split.top, split.bottom):
            shown += ShownExcerpt.some(drawn, excerpts)
        for number, band in enumerate(split.bands):
            rows = split.band_rows(number)[:2]
            part = split.pool.take(rows)
            for item in ShownExcerpt.some(part, len(part)):
                shown.append(item.model_copy(update={"kind": band.name}))
        shown += ShownExcerpt.some(split.random, 2)
    edges, counts = index.histogram(unit)
    used = [i for i, c in enumerate(counts.tolist()) if c]
    first, last = (used[0], used[-1]) if used else (0, -1)
    up, down = ports(index, unit)
    return UnitProfile(
        unit=unit,
        statistics=Statistics.of(evidence.statistics),
        histogram=Histogram(
            edges=[float(e) for e in edges[first : last + 2]] if used else [],
            counts=[int(c) for c in counts[first : last + 1]],
        ),
        bands=[
            BandShare(
                name=band.name,
                low=_edge(band.low),
                high=_edge(band.high),
                share=band.share,
            )
            for band in evidence.explain.bands
        ],
        excerpts=shown,
        promoted=up,
        suppressed=down,
        source=source(index),
        truth=truth(index, unit),
    )


def _edge(value: float) -> float | None:
    """A band's edge as shown: None where it is open, 0 for the least number above zero."""
    if not math.isfinite(value):
        return None
    return 0.0 if 0.0 < value < LEAST else value


def ports(index: ActivationIndex, unit: UnitId) -> tuple[list[PortToken], list[PortToken]]:
    """Tokens that the unit promotes and suppresses on the direct path; empty where there are none.

    Signed as one unit of positive activation moves them.
    """
    found = index.subject.promoted(unit.site, unit.index, PORTS)
    if found is None:
        return [], []
    up, down = found
    return (
        [PortToken(token=token, weight=weight) for token, weight in up],
        [PortToken(token=token, weight=weight) for token, weight in down],
    )


def source(index: ActivationIndex) -> Source:
    """What the index's figures come from."""
    manifest = index.manifest
    return Source(
        subject=manifest.subject,
        subject_source=index.subject.spec.source,
        spec_hash=manifest.spec_hash,
        corpus=manifest.corpus,
        corpus_fingerprint=manifest.corpus_fingerprint,
        index=manifest.key,
        n_documents=sum(manifest.n_documents),
        window=manifest.window,
    )


def truth(index: ActivationIndex, unit: UnitId) -> dict[str, object] | None:
    """The truth of a planted unit, None for any other."""
    from subjects.protocol import KnownTruth

    subject = index.subject
    return subject.truth(unit).to_json() if isinstance(subject, KnownTruth) else None
