"""What the API answers with, beside the documents of :mod:`core.documents` and stored records."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import Field

from core.ids import UnitIdField
from core.results import Explanation, Finite, Record, Score, Verdict

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


class FiringUnit(Record):
    """A unit on a text: its peak is ``value``, at token number ``position``.

    ``share`` of the corpus's windows have a peak of this unit as high (or up to a fifth lower: they
    were counted in bins), ``random_share`` of random texts as long as this one (None without any);
    this text is counted in both. ``typical_peak`` is the median of its strongest windows (None: it
    is silent in those that explanations are made from), ``ratio`` the value in its terms.
    ``verdict`` and ``text`` are what its newest investigation said, where there is one.
    """

    unit: UnitIdField
    value: Finite
    token: str
    position: int
    share: Finite
    random_share: Finite | None
    typical_peak: Finite | None
    ratio: Finite | None
    verdict: Verdict | None
    text: str | None


class FiringNull(Record):
    """How many units are as unusual on random text of the same length, in ``draws`` of it.

    None of it is of documents that the shares are counted in. ``p`` is the share of draws, this
    text among them, with as many units or more, ``smallest_p`` the least that so few draws allow.
    """

    draws: int
    mean: Finite
    p95: Finite
    p: Finite
    smallest_p: Finite


class FiringFound(Record):
    """Units that a text makes fire, the most unusual first.

    ``ranked`` live units of ``sites`` were looked at; ``not_collected`` sites cannot be. ``above``
    counts units with a ``share`` of at most ``unusual``; ``null`` says how many there are anyway.
    ``reason`` says why one of these is None. The subject read the text in ``windows`` pieces.
    """

    subject: str
    corpus: str
    tokens: list[str]
    windows: int
    units: list[FiringUnit]
    ranked: int
    sites: list[str]
    not_collected: list[str]
    unusual: Finite
    above: int | None
    null: FiringNull | None
    reason: str | None


class Health(Record):
    """``ok``, or what is wrong: a line for each part."""

    status: str
    parts: dict[str, str] = Field(default_factory=dict)
