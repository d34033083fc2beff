"""The object ``neuroscribe``: what our records hold and a foreign format has no place for.

It repeats nothing that the foreign fields say, so the two cannot disagree. ``version`` is raised
when its meaning changes; a version that is not known is not read.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from core.documents import ExplainDocument, ShownExcerpt, Source, Statistics
from core.evidence import Split
from core.ids import UnitId, UnitIdField
from core.results import Explanation, Finite, Polarity, Provenance, Record, Score, Side, Verdict


class Extension(Record):
    """Base of all of them."""

    version: Literal[1] = 1


class UnitExtension(Extension):
    """Which unit a record is about, and the run that the record was written from."""

    unit: UnitIdField
    run: str
    created: str
    code_version: str
    verdict: Verdict
    reason: str
    source: Source

    @classmethod
    def of(cls, document: ExplainDocument, **more: Any) -> Self:
        """From a stored answer; ``more`` are the fields of a subclass."""
        return cls(
            unit=document.unit,
            run=document.run,
            created=document.created,
            code_version=document.code_version,
            verdict=document.verdict,
            reason=document.reason,
            source=document.profile.source,
            **more,
        )


class OtherStatistics(Record):
    """:class:`Statistics` without the moments, which the foreign record states."""

    min: Finite
    max: Finite
    share_active: Finite
    documents_active: int
    n_tokens: int
    live: bool

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        """The fields of ``statistics`` that stand here."""
        return cls(**{name: getattr(statistics, name) for name in cls.model_fields})


class ExcerptExtension(Extension):
    """How an excerpt was drawn and what was simulated; ``position`` in its document."""

    kind: str
    split: Split
    document: str
    offset: int
    simulated: list[Finite | None] | None
    position: int

    @classmethod
    def of(cls, excerpt: ShownExcerpt, position: int) -> Self:
        """Without tokens and activations."""
        fields = excerpt.model_dump(exclude={"tokens", "activations"})
        return cls(**fields, position=position)

    def excerpt(self, tokens: list[str], activations: list[float]) -> ShownExcerpt:
        """The excerpt itself."""
        fields = self.model_dump(exclude={"version", "position"})
        return ShownExcerpt(**fields, tokens=tokens, activations=activations)


class OwnExplanation(Record):
    """:class:`Explanation` without its unit and its text."""

    id: str
    polarity: Polarity
    share: Finite | None
    method: str
    version: int
    symbols: int
    provenance: Provenance
    side: Side = "input"


class ExplanationExtension(Extension):
    """The rest of an explanation, and all its scores."""

    explanation: OwnExplanation
    scores: tuple[Score, ...]

    @classmethod
    def of(cls, explanation: Explanation, scores: list[Score]) -> Self:
        """``scores`` may hold those of other explanations too."""
        rest = explanation.model_dump(exclude={"unit", "text"})
        own = tuple(s for s in scores if s.explanation_id == explanation.id)
        return cls(explanation=OwnExplanation(**rest), scores=own)

    def whole(self, unit: UnitId, text: str) -> Explanation:
        """The explanation itself."""
        return Explanation(unit=unit, text=text, **self.explanation.model_dump())
