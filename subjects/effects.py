"""What a unit does to its model's output: how far the output moves when the unit is edited.

Everything is returned as NumPy, so that scorers need not know torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.ids import UnitId
from subjects.protocol import Edit, Subject

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_LOGITS_AT_ONCE = 1 << 25  # numbers: 128 MiB in float32
_LEAST_LOG = -1e4  # stands for minus infinity beside a probability of zero
_KEPT = 2 << 30  # bytes of unedited outputs: twenty windows at a vocabulary of 256,000


@dataclass(slots=True)
class UnitEffects:
    """Effects of one unit. Unedited outputs of a text are kept in ``plain``, which may be shared.

    Raises :class:`core.errors.UnsupportedOperation` where the subject has no output.
    """

    subject: Subject
    unit: UnitId
    mean: float
    plain: dict[bytes, Tensor] = field(default_factory=dict)

    def divergence(self, token_ids: NDArray[np.int64], values: Array, where: Flags) -> Array:
        """Jensen-Shannon divergence (nats, mean over tokens) when the unit is set to ``values``.

        ``token_ids``, ``values`` and ``where`` (which tokens are set) are [n, tokens], the result
        is [n].
        """
        found = []
        for rows in self._parts(token_ids):
            edit = Edit(
                site=self.unit.site,
                kind="set",
                units=[self.unit.index],
                value=values[rows][..., None].astype(np.float32),
                positions=where[rows],
            )
            plain, edited = self._both(token_ids[rows], edit)
            found.append(jensen_shannon(plain, edited).mean(1).double().cpu().numpy())
        return np.concatenate(found) if found else np.empty(0)

    def pushed(self, token_ids: NDArray[np.int64], amount: float) -> Array:
        """Change of the log-probability of every token [n, vocabulary], mean over positions.

        ``amount`` is added to the unit at every text position.
        """
        found = []
        for rows in self._parts(token_ids):
            edit = Edit(site=self.unit.site, kind="add", units=[self.unit.index], value=amount)
            plain, edited = self._both(token_ids[rows], edit)
            moved = (edited - plain).nan_to_num(0.0, 0.0, 0.0)  # of tokens that are masked out
            found.append(moved.mean(1).double().cpu().numpy())
        return np.concatenate(found) if found else np.empty((0, 0))

    def _parts(self, token_ids: NDArray[np.int64]) -> list[slice]:
        vocabulary = len(self.subject.vocabulary.strings)
        step = max(1, _LOGITS_AT_ONCE // max(1, vocabulary * token_ids.shape[1]))
        return [slice(start, start + step) for start in range(0, len(token_ids), step)]

    def _both(self, token_ids: NDArray[np.int64], edit: Edit) -> tuple[Tensor, Tensor]:
        """Log-probabilities without and with the edit [n, tokens, vocabulary]."""
        batch = self.subject.batch(token_ids)
        key = token_ids.tobytes()
        if key not in self.plain:
            plain = self.subject.logits(batch).log_softmax(-1)
            while self.plain and plain.nbytes + sum(t.nbytes for t in self.plain.values()) > _KEPT:
                del self.plain[next(iter(self.plain))]
            self.plain[key] = plain
        return self.plain[key], self.subject.logits(batch, [edit]).log_softmax(-1)


def jensen_shannon(first: Tensor, second: Tensor) -> Tensor:
    """Jensen-Shannon divergence in nats, of log-probabilities over the last dimension.

    H(m) - (H(p) + H(q)) / 2 with m halfway between p and q; ``first`` may broadcast to ``second``.
    """
    p, q = first.exp(), second.exp()
    alone = _negentropy(p, first) + _negentropy(q, second)
    both = q.add_(p)
    shared: Tensor = torch.special.xlogy(both, both).sum(-1) - 2 * float(np.log(2.0))
    return ((alone - shared) / 2).clamp_min(0.0)


def _negentropy(p: Tensor, logs: Tensor) -> Tensor:
    """Sum of p log p; what is masked out (p = 0) counts nothing."""
    found: Tensor = torch.linalg.vecdot(p, logs.clamp_min(_LEAST_LOG))
    return found
