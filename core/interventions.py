"""What came of an intervention: how a model's prediction moves when one of its units is edited.

Printed by ``neuroscribe intervene --json`` and answered by ``POST /v1/interventions``. Divergences
are Jensen-Shannon in nats, between 0 and ln 2.
"""

from __future__ import annotations

from typing import Literal

from core.ids import UnitIdField
from core.results import Finite, Record

InterventionKind = Literal["ablate", "push"]


class MovedToken(Record):
    """A token with its probability before and after the edit."""

    token: str
    before: Finite
    after: Finite


class MovedText(Record):
    """What the edit does after the last token of one text.

    ``origin`` says whether the text was given or is an excerpt on which the unit is most active,
    up to its peak. The last ``tokens`` of it were read, ``left_out`` before them were not.
    ``null_mean`` is the divergence by other units on this text (None: none was edited on it),
    ``random_mean`` by directions drawn at random. ``raised`` and ``lowered`` are the tokens whose
    probability moved most.
    """

    text: str
    origin: Literal["given", "excerpt"]
    tokens: int
    left_out: int
    divergence: Finite
    null_mean: Finite | None
    random_mean: Finite
    raised: list[MovedToken]
    lowered: list[MovedToken]


class MeanOverTexts(Record):
    """A mean over texts with its 95 % interval; ``reason`` says why there is no interval."""

    value: Finite
    low: Finite | None
    high: Finite | None
    reason: str | None


class MovedByOthers(Record):
    """The same edit done to ``units`` other units, each by its own mean or typical peak.

    ``texts`` says on which: the "same" that were given or, where the unit was edited on its
    strongest excerpts, as many of each one's "own excerpts", so that all texts were chosen alike.
    ``mean`` and ``largest`` are over these units' means over texts. ``at_least`` of them move the
    prediction as far as the unit does, or farther: ``p`` is (1 + at_least) / (1 + units), and
    ``smallest_p`` the least that so few units allow. ``excess`` is how much farther the unit moves
    it than they do on average, text by text (of excerpts: the strongest, the next, and so on).
    """

    texts: Literal["same", "own excerpts"]
    units: int
    mean: MeanOverTexts
    largest: Finite
    at_least: int
    p: Finite
    smallest_p: Finite
    excess: MeanOverTexts


class MovedAtRandom(Record):
    """A change of the same size at every token, along ``directions`` drawn at random in the site.

    ``mean`` and ``largest`` are over the directions' means over texts.
    """

    directions: int
    mean: Finite
    largest: Finite


class InterventionDocument(Record):
    """How the prediction after the last token moves when a unit is edited at every token.

    ``edit`` says it in words. ``amount`` is what the unit is set to (``ablate``) or what is added
    (``push``: ``by`` times the unit's typical peak where ``scale`` is "typical_peak", else ``by``
    itself). ``predicts`` is "token_itself" for masked models: they see the token that is asked
    about. ``null`` None says why in ``null_reason``.
    """

    unit: UnitIdField
    spec_hash: str
    kind: InterventionKind
    by: Finite | None
    edit: str
    scale: Literal["typical_peak", "own"] | None
    amount: Finite
    predicts: Literal["next_token", "token_itself"]
    divergence: MeanOverTexts
    null: MovedByOthers | None
    null_reason: str | None
    random: MovedAtRandom
    texts: list[MovedText]
