"""What a finding was found by, in words, and other features that it can be mistaken for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.findings import Finding
from core.hashing import text_hash
from neuroscribe.studies.content_words import same_feature

if TYPE_CHECKING:
    from storage import Store

OPTIONS = 8
"""The feature and so many others, less one: who guesses is right one time in eight."""
LOOKED_AT = 200
STATED = (
    "names of people",
    "numbers and digits",
    "words in capital letters",
    "text in quotation marks",
    "comments in program code",
    "plural nouns",
    "verbs in the past tense",
    "negation",
    "names of places",
    "the beginning of a sentence",
    "brackets and other punctuation",
    "text in French",
    "words for colours",
    "dates and times",
)
"""Stand in where too few features of other findings are stored."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What units were looked for: ``shown`` says it best; ``texts`` are all that say it."""

    shown: str
    texts: tuple[str, ...]

    @classmethod
    def of(cls, finding: Finding) -> Feature:
        """A finding's description, else the name of its feature, else its question."""
        said = (
            finding.figures.get("description"),
            finding.parameters.get("feature"),
            finding.question,
        )
        texts = [" ".join(text.split()) for text in said if isinstance(text, str)]
        texts = [text for text in texts if text] or [""]
        return cls(texts[0], tuple(dict.fromkeys(texts)))


@dataclass(frozen=True, slots=True)
class Others:
    """Features that are not the finding's; the last ``stated`` of them are of no finding."""

    features: tuple[Feature, ...]
    stated: int


def others_than(feature: Feature, finding: Finding, store: Store, seed: int) -> Others:
    """Features of other findings of the method and subject, filled up with stated ones.

    Drawn by hash of the seed. One that says no more than the feature, or all of it and more, is
    left out, since naming it would be no mistake.
    """
    kept = store.findings.newest(LOOKED_AT, subject=finding.subject, method=finding.method)
    own = (Feature.of(stored.finding) for stored in kept if stored.finding.id != finding.id)
    found = _unlike([feature], _drawn(own, seed))[: OPTIONS - 1]
    stated = _drawn((Feature(text, (text,)) for text in STATED), seed)
    more = _unlike([feature, *found], stated)[: OPTIONS - 1 - len(found)]
    return Others((*found, *more), len(more))


def shuffled(feature: Feature, others: Others, salt: str) -> list[Feature]:
    """The true one among the others, in an order that depends on ``salt``."""
    return sorted(
        (feature, *others.features),
        key=lambda f: text_hash("neuroscribe/naming/order/1", salt, f.shown),
    )


def _drawn(features: Iterable[Feature], seed: int) -> list[Feature]:
    return sorted(
        features, key=lambda f: text_hash("neuroscribe/naming/drawn/1", str(seed), f.shown)
    )


def _unlike(known: list[Feature], drawn: list[Feature]) -> list[Feature]:
    """Those that are neither one of ``known`` nor of those before them."""
    found: list[Feature] = []
    for one in drawn:
        if one.shown and not any(same_feature(one.shown, k.shown) for k in (*known, *found)):
            found.append(one)
    return found
