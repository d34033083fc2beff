"""What may be asked of the subject, and the record of what it answered.

An experiment is a set of trials: text that the unit is run on, each with what the explanation
predicts there. What came out is judged by numbers, in units of the unit's own activations
(:mod:`agent.scale`), never by an opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.evidence import ExcerptSet, Floats, Ints, SplitEvidence
from core.hashing import text_hash
from core.patterns import TokenGrid
from core.results import Finite, Record

RANDOM = "random_text"


class Probe(Protocol):
    """Runs the subject: token IDs [n, tokens] in, one unit's activations [n, tokens] out."""

    def __call__(self, token_ids: NDArray[np.int64], /) -> Floats:
        """Activations of the unit under study on windows of this text."""
        ...


class Trial(Record):
    """One text to run. ``position`` is the token that is judged; None: the strongest of the text.

    ``predicted`` is on the scale of explanations, 0 to 10; None where nothing is predicted.
    ``before`` is the activation in the text that this one was made from. After the run,
    ``measured`` is the unit's activation, ``quantile`` its place among the unit's own, and ``held``
    says whether the prediction came true (None: neither, or nothing was predicted).
    """

    tokens: tuple[int, ...]
    position: int | None = None
    predicted: Finite | None = None
    before: Finite | None = None
    label: str = ""
    measured: Finite | None = None
    quantile: Finite | None = None
    held: bool | None = None


class Experiment(Record):
    """One question put to the subject and its numeric outcome, stored with the explanation.

    ``about`` names what in the explanation it is a test of; ``id`` is unique within a run, and
    ``round`` the round in which it was made.
    """

    kind: str
    description: str
    outcome: dict[str, float | int | str] = Field(default_factory=dict)
    id: str = ""
    about: str = ""
    round: int = 0
    trials: tuple[Trial, ...] = ()


@dataclass
class Unseen:
    """Windows of the ``explain`` split with their text alone: no unit's values are in them.

    One serves every unit of an index, so its ``grid`` is made once.
    """

    excerpts: ExcerptSet

    @cached_property
    def grid(self) -> TokenGrid:
        """The tokens as arrays."""
        return TokenGrid.from_tokens(self.excerpts.tokens)

    def rows(self, explain: SplitEvidence, *salt: str) -> list[int]:
        """Rows of the windows that ``explain`` does not hold, in an order drawn with ``salt``."""
        held = set(explain.pool.windows.tolist())
        windows = self.excerpts.windows.tolist()
        free = [row for row, window in enumerate(windows) if window not in held]
        return sorted(free, key=lambda row: text_hash(*salt, str(windows[row])))

    def text(self, row: int) -> tuple[int, ...]:
        """The token IDs of one window, as a trial holds them."""
        return tuple(self.excerpts.token_ids[row].tolist())


@dataclass(slots=True)
class Laboratory:
    """The subject, as experiments see it: one unit, on any text; equal texts are run once.

    ``encode`` and ``decode`` translate between text and tokens; ``unseen`` is real text to draw
    from. ``runs`` counts the texts that were run.
    """

    probe: Probe
    decode: Callable[[Sequence[int]], tuple[str, ...]]
    encode: Callable[[str], list[int]]
    unseen: Unseen | None = None
    _known: dict[tuple[int, ...], Floats] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many different texts were run so far."""
        return len(self._known)

    def run(self, texts: Sequence[Sequence[int]]) -> list[Floats]:
        """The unit's activations on each text, [tokens] each; texts of one length go together."""
        named = [tuple(int(t) for t in text) for text in texts]
        new = [text for text in dict.fromkeys(named) if text not in self._known]
        by_length: dict[int, list[tuple[int, ...]]] = {}
        for text in new:
            by_length.setdefault(len(text), []).append(text)
        for same in by_length.values():
            values = self.probe(np.array(same, dtype=np.int64))
            self._known.update(zip(same, values, strict=True))
        return [self._known[text] for text in named]

    def table(self, ids: Ints) -> Floats:
        """The same for a matrix of token IDs [n, tokens]: activations [n, tokens]."""
        if not len(ids):
            return np.zeros(ids.shape, dtype=np.float32)
        return np.stack(self.run(ids.tolist())).astype(np.float32)

    def random_text(self, explain: SplitEvidence, count: int, *salt: str) -> Experiment | None:
        """At most ``count`` unseen windows whatever their text, not run yet; None: there are none.

        They are drawn with ``salt`` from what ``explain`` does not hold.
        """
        if self.unseen is None or count <= 0:
            return None
        rows = self.unseen.rows(explain, *salt)[:count]
        trials = tuple(Trial(tokens=self.unseen.text(row)) for row in rows)
        described = f"{len(trials)} random windows"
        return Experiment(kind=RANDOM, description=described, trials=trials) if trials else None
