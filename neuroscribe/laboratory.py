"""A unit of an index as experiments see it: any text may be run on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.evidence import Floats
from core.hashing import text_hash
from core.ids import UnitId

if TYPE_CHECKING:
    from agent.experiments import Laboratory, Probe, Unseen
    from subjects.index.reader import ActivationIndex

UNSEEN = 2048
_AT_ONCE = 64


def laboratory(index: ActivationIndex, unit: UnitId) -> Laboratory:
    """The subject behind ``index``, asked about one unit."""
    from agent.experiments import Laboratory

    subject = index.subject

    def decode(ids: Sequence[int]) -> tuple[str, ...]:
        return subject.vocabulary.decode(ids)

    return Laboratory(probe(index, unit), decode, subject.tokenize, unseen(index))


def probe(index: ActivationIndex, unit: UnitId) -> Probe:
    """Runs text on the unit: token IDs [n, tokens] to activations [n, tokens]."""
    subject = index.subject

    def run(token_ids: NDArray[np.int64]) -> Floats:
        parts: list[Floats] = []
        for start in range(0, len(token_ids), _AT_ONCE):
            batch = subject.batch(token_ids[start : start + _AT_ONCE])
            values = subject.activations(batch, [unit.site])[unit.site]
            parts.append(values[..., unit.index].cpu().numpy())
        return np.concatenate(parts)

    return run


@lru_cache(maxsize=2)
def unseen(index: ActivationIndex) -> Unseen:
    """Windows of ``explain`` that the index keeps for some unit, without those that all share.

    At most ``UNSEEN``, drawn by a hash of their numbers. They are shared by all units of the index.
    """
    from agent.experiments import Unseen

    windows = index.windows
    kept = np.setdiff1d(windows.numbers[windows.split == 0], windows.random[0])
    names = [text_hash("neuroscribe/unseen/1", str(n)) for n in kept.tolist()]
    drawn = np.sort(kept[np.argsort(np.array(names, dtype=np.uint64), kind="stable")[:UNSEEN]])
    shape = (len(drawn), index.manifest.window)
    silent = np.zeros(shape, dtype=np.float32)
    return Unseen(index.excerpts("explain", drawn, silent, ["unseen"] * len(drawn)))
