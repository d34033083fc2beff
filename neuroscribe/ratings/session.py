"""What a rater is asked: which explanation beside whose excerpts, in an order drawn from a seed.

Everything is drawn by hashes of the seed and of what is drawn from, so the same seed asks the same,
and explanations stored later change little of what was planned before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from core.documents import ExplainDocument, ShownExcerpt
from core.errors import StorageError
from core.hashing import fingerprint, unit_interval
from core.ids import UnitId
from core.results import Explanation
from neuroscribe.ratings.claims import Claim, ClaimKey, Target, claims_of, counted
from storage import RatingRecord, Seen, Store

CONTROLS: Final = 0.2
MOST_CONTROLS: Final = 0.5
SHOWN: Final = {"top": 4, "bottom": 4, "band": 4, "random": 2}
_DRAW: Final = "neuroscribe/rate/1"


@dataclass(frozen=True, slots=True)
class Item:
    """One question: does the explanation fit these excerpts of ``unit``?

    ``scale`` is the largest activation in all stored excerpts of the unit.
    """

    explanation: Explanation
    unit: UnitId
    excerpts: tuple[ShownExcerpt, ...]
    scale: float

    @property
    def seen(self) -> tuple[Seen, ...]:
        """References to the excerpts, as they are stored."""
        return tuple(
            Seen(document=e.document, offset=e.offset, kind=e.kind, split=e.split)
            for e in self.excerpts
        )

    @property
    def id(self) -> str:
        """A digest of what is asked."""
        return item_id(self.explanation, self.unit, self.seen)

    def rated(
        self, rater: str, rating: int, comment: str | None, seed: int, time: str | None = None
    ) -> RatingRecord:
        """The rating to store; ``time`` is now unless it is given."""
        return RatingRecord(
            explanation_id=self.explanation.id,
            unit=self.unit,
            control=self.explanation.unit != self.unit,
            rater=rater,
            rating=rating,
            comment=comment,
            time=time or datetime.now(UTC).isoformat(),
            seed=seed,
            seen=self.seen,
        )


def item_id(explanation: Explanation, unit: UnitId, seen: Sequence[Seen]) -> str:
    """The digest of an explanation shown beside these excerpts of ``unit``."""
    shown = [item.model_dump() for item in seen]
    return fingerprint([explanation.id, explanation.text, explanation.polarity, str(unit), shown])


@dataclass(frozen=True, slots=True)
class Question:
    """A claim beside the excerpts of the unit of ``beside``; a control if that is another one."""

    claim: Claim
    beside: Claim

    def drawn(self, seed: int, *what: str) -> float:
        """A number in [0, 1) that belongs to this question and this seed."""
        return unit_interval(_DRAW, str(seed), *self.claim.key, str(self.beside.unit), *what)


@dataclass(frozen=True, slots=True)
class Plan:
    """A session: ``questions`` still to ask, in order; ``done`` were answered in an earlier one."""

    target: Target
    seed: int
    questions: tuple[Question, ...]
    done: int

    def item(self, question: Question, store: Store) -> Item:
        """What is shown for a question; raises :class:`StorageError` for an unreadable document."""
        stored = store.run(question.beside.run)
        try:
            document = ExplainDocument.model_validate(stored.document)
        except ValidationError:
            raise StorageError(
                f"the document of run {stored.id!r} is of another version",
                f"run neuroscribe explain {stored.unit} --fresh",
            ) from None
        shown = document.profile.excerpts
        return Item(
            explanation=question.claim.explanation,
            unit=question.beside.unit,
            excerpts=_chosen(shown, question, self.seed),
            scale=max((abs(v) for e in shown for v in e.activations), default=0.0),
        )


def plan(
    store: Store, target: Target, rater: str, *, seed: int, controls: float, again: bool
) -> Plan:
    """The session of a rater; what was rated already is left out unless ``again``.

    ``controls`` is the share of questions that show the explanation of another unit, at least one
    where there is any and the share is not 0. Raises :class:`NotStored` when nothing is stored yet.
    """
    claims = claims_of(store, target)
    asked = [claim for claim in claims if target.covers(claim.unit)]
    questions = [Question(claim, claim) for claim in asked]
    questions += _controls(asked, claims, seed, math.ceil(len(asked) * controls / (1 - controls)))
    questions.sort(key=lambda question: question.drawn(seed, "order"))
    rated = counted(store.ratings.of(target.subject, target.site), claims)
    left = [q for q in questions if again or (rater, q.claim.key, q.beside.unit) not in rated]
    return Plan(target, seed, tuple(left), len(questions) - len(left))


def _controls(
    asked: Sequence[Claim], claims: Sequence[Claim], seed: int, count: int
) -> list[Question]:
    """Up to ``count`` claims that are shown beside excerpts of a unit they do not speak of.

    A sentence that was also written about that unit is no control for it.
    """
    found: dict[tuple[ClaimKey, UnitId], Question] = {}
    ordered = sorted(asked, key=lambda claim: Question(claim, claim).drawn(seed, "control"))
    for beside in ordered:
        if len(found) >= count:
            break
        own = {claim.explanation.text for claim in claims if claim.unit == beside.unit}
        others = [
            Question(claim, beside)
            for claim in claims
            if claim.spec_hash == beside.spec_hash
            and claim.unit != beside.unit
            and claim.explanation.text not in own
        ]
        if others:
            partner = min(others, key=lambda question: question.drawn(seed, "partner"))
            found[partner.claim.key, partner.beside.unit] = partner
    return list(found.values())


def _chosen(
    excerpts: Sequence[ShownExcerpt], question: Question, seed: int
) -> tuple[ShownExcerpt, ...]:
    """Strong, weaker and random excerpts in mixed order, without what a simulator said.

    Text that the explainer did not read (``select`` and ``report``) comes before text that it did.
    """

    def drawn(excerpt: ShownExcerpt, what: str) -> float:
        return question.drawn(seed, what, excerpt.document, str(excerpt.offset))

    chosen: dict[tuple[str, int], ShownExcerpt] = {}
    for kind, count in SHOWN.items():
        members = {(e.document, e.offset): e for e in excerpts if e.kind.partition(":")[0] == kind}
        new = [excerpt for place, excerpt in members.items() if place not in chosen]
        new.sort(key=lambda excerpt: (excerpt.split == "explain", drawn(excerpt, "excerpt")))
        chosen |= {(e.document, e.offset): e for e in new[:count]}
    mixed = sorted(chosen.values(), key=lambda excerpt: drawn(excerpt, "place"))
    return tuple(excerpt.model_copy(update={"simulated": None}) for excerpt in mixed)
