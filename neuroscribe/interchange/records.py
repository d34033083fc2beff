"""What reading a foreign file gives: records of units, and records that were skipped and why.

Figures of foreign scores keep their foreign names. They are never turned into a
:class:`core.results.Score`: nobody knows whether their excerpts were kept apart from those that
the explanation was written from.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from core.documents import ShownExcerpt, Statistics
from core.results import Explanation, Finite, Record, Score

Format = Literal["neuron-explainer", "neuronpedia"]
FORMATS: tuple[Format, ...] = get_args(Format)


class ReadExplanation(Record):
    """A sentence and the ``figures`` that the file gives it; None where one is missing.

    ``own`` and ``scores`` are our records, when the file carries them.
    """

    text: str
    figures: dict[str, Finite | None] = Field(default_factory=dict)
    model: str | None = None
    own: Explanation | None = None
    scores: tuple[Score, ...] = ()


class ReadExcerpt(Record):
    """A window from the list ``place`` of a record.

    ``own`` is our excerpt, which stood at ``position`` of its document, when the file carries it.
    """

    place: str
    tokens: tuple[str, ...]
    activations: tuple[Finite, ...]
    own: ShownExcerpt | None = None
    position: int | None = None


class ReadUnit(Record):
    """One record about one unit: ``file`` and ``line`` say where it stands.

    ``model`` is what the file calls the model. ``notes`` name figures that are missing, ``unknown``
    fields that nobody here knows, ``moments`` figures over the unit's values.
    """

    format: Format
    file: str
    line: int
    model: str | None
    site: str
    index: int
    explanations: tuple[ReadExplanation, ...] = ()
    statistics: Statistics | None = None
    moments: dict[str, Finite | None] = Field(default_factory=dict)
    excerpts: tuple[ReadExcerpt, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Skipped(Record):
    """A record that was left out, and why; ``unit`` as the file names it, where that is known."""

    file: str
    line: int
    reason: str
    unit: str | None = None

    def told(self) -> str:
        """One line for a person."""
        about = f"{self.unit}: " if self.unit else ""
        return f"{self.file!r}, line {self.line}: {about}{self.reason}"
