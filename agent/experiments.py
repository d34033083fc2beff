"""What may be asked of the subject, and the record of what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.evidence import Floats


class Probe(Protocol):
    """Runs the subject: token IDs [n, tokens] in, one unit's activations [n, tokens] out."""

    def __call__(self, token_ids: NDArray[np.int64], /) -> Floats:
        """Activations of the unit under study on windows of this text."""
        ...


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question put to the subject and its numeric outcome, stored with the explanation."""

    kind: str
    description: str
    outcome: dict[str, float | int | str]
