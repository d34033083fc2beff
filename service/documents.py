"""What the API answers with, beside the documents of :mod:`core.documents` and stored records."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import Field

from core.ids import UnitIdField
from core.results import Explanation, Finite, Record, Score

Item = TypeVar("Item")


class SiteShown(Record):
    """A place in a model with ``width`` units."""

    name: str
    width: int
    layer: int
    non_negative: bool


class SubjectShown(Record):
    """A model under study: ``built_in`` or registered from ``source``.

    ``bytes`` is what its weights take as long as it is ``loaded``.
    """

    name: str
    built_in: bool
    source: str
    loaded: bool = False
    bytes: int | None = None


class SubjectSites(SubjectShown):
    """A subject that was loaded: its kind, the hash of what it is, and its sites in order."""

    family: str
    spec_hash: str
    sites: list[SiteShown]


class Page(Record, Generic[Item]):
    """Part of a list. ``next`` is the cursor of what follows, None at the end."""

    items: list[Item]
    next: str | None = None


class ScoredExplanation(Record):
    """One version of what was said of a unit, with every figure about it."""

    explanation: Explanation
    scores: list[Score]


class TextRun(Record):
    """A text that was run on a unit: ``tokens[t]`` fired at ``activations[t]``.

    ``simulated`` is what an explanation predicts there, from 0 to 10, where one was given.
    ``windows`` says after how many tokens the subject's view began anew: it sees no more at once.
    """

    tokens: list[str]
    activations: list[Finite]
    simulated: list[Finite | None] | None = None
    windows: int


class TextsRun(Record):
    """What a unit did on texts. ``peak`` is its strongest on the corpus, where that is known."""

    unit: UnitIdField
    texts: list[TextRun]
    peak: Finite | None = None


class Health(Record):
    """``ok``, or what is wrong: a line for each part."""

    status: str
    parts: dict[str, str] = Field(default_factory=dict)
