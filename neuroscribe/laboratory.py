"""A unit of an index as experiments see it: any text may be run on it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from core.evidence import Floats
from core.hashing import text_hash
from core.ids import UnitId
from subjects.memory import in_parts

if TYPE_CHECKING:
    from torch import Tensor

    from agent.experiments import Laboratory, Probe, Unseen
    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Subject

UNSEEN = 2048
_AT_ONCE = 64
_UNSEEN: WeakKeyDictionary[ActivationIndex, Unseen] = WeakKeyDictionary()
_DRAWING = Lock()


def laboratory(index: ActivationIndex, unit: UnitId) -> Laboratory:
    """The subject behind ``index``, asked about one unit."""
    from agent.experiments import Laboratory

    subject = index.subject

    def decode(ids: Sequence[int]) -> tuple[str, ...]:
        return subject.vocabulary.decode(ids)

    return Laboratory(probe(index, unit), decode, subject.tokenize, unseen(index))


def probe(index: ActivationIndex, unit: UnitId) -> Probe:
    """:func:`probe_of` the subject behind an index."""
    return probe_of(index.subject, unit)


def probe_of(subject: Subject, unit: UnitId) -> Probe:
    """Runs text on the unit: token IDs [n, tokens] to activations [n, tokens].

    Raises :class:`core.errors.SubjectOutOfMemory` when not even one text fits.
    """

    def some(token_ids: NDArray[np.int64]) -> Tensor:
        values = subject.activations(subject.batch(token_ids), [unit.site])[unit.site]
        return values[..., unit.index].cpu()

    def run(token_ids: NDArray[np.int64]) -> Floats:
        parts = in_parts(some, token_ids, _AT_ONCE, subject=unit.subject)
        return np.concatenate([values.numpy() for _, values in parts])

    return run


def unseen(index: ActivationIndex) -> Unseen:
    """Windows of ``explain`` that the index keeps for some unit, without those that all share.

    At most ``UNSEEN``, drawn by a hash of their numbers. They are shared by all units of the index,
    and kept as long as it is.
    """
    with _DRAWING:
        if index not in _UNSEEN:
            _UNSEEN[index] = _drawn(index)
        return _UNSEEN[index]


def _drawn(index: ActivationIndex) -> Unseen:
    from agent.experiments import Unseen

    windows = index.windows
    kept = np.setdiff1d(windows.numbers[windows.split == 0], windows.random[0])
    names = [text_hash("neuroscribe/unseen/1", str(n)) for n in kept.tolist()]
    drawn = np.sort(kept[np.argsort(np.array(names, dtype=np.uint64), kind="stable")[:UNSEEN]])
    shape = (len(drawn), index.manifest.window)
    silent = np.zeros(shape, dtype=np.float32)
    return Unseen(index.excerpts("explain", drawn, silent, ["unseen"] * len(drawn)))
