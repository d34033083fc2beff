"""A person's rating of an explanation as it is kept, and what that person was shown.

Ratings are never overwritten: a person who rates an explanation again adds one, and the newest
counts.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.hashing import fingerprint
from core.ids import UnitIdField
from core.results import Explanation, Record
from storage.records import Seed, UtcTime

LONGEST_NAME = 80
LONGEST_COMMENT = 10_000
_API_KEY = re.compile(r"(sk|pk|rk)-[A-Za-z0-9_-]{16,}")


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise ValueError("a rater has a name")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a rater's name has at most {LONGEST_NAME} characters")
    if _API_KEY.fullmatch(name):
        raise ValueError("this looks like an API key: a rater has a name")
    return name


def _comment(text: str | None) -> str | None:
    text = (text or "").strip()
    if len(text) > LONGEST_COMMENT:
        raise ValueError(f"a comment has at most {LONGEST_COMMENT:,} characters")
    return text or None


Stars = Annotated[int, Field(ge=1, le=5, strict=True)]
"""From 1, does not fit at all, to 5, fits exactly."""
RaterName = Annotated[str, AfterValidator(_name)]
Comment = Annotated[str | None, AfterValidator(_comment)]


class Seen(Record):
    """An excerpt that was shown: which window of which document, and how it had been drawn."""

    document: str
    offset: int
    kind: str
    split: Literal["explain", "select", "report"]


class RatingRecord(Record):
    """One rating.

    ``unit`` is the unit whose excerpts (``seen``) were shown. In a ``control`` it is not the unit
    that the explanation speaks of, and the rater was not told. ``seed`` drew the order of the
    session. Two records with one :attr:`id` are the same rating.
    """

    explanation_id: str
    unit: UnitIdField
    control: bool
    rater: RaterName
    rating: Stars
    comment: Comment = None
    time: UtcTime
    seed: Seed
    seen: tuple[Seen, ...]

    @property
    def id(self) -> str:
        """A name made of everything that the rating is."""
        return "r" + fingerprint(self.model_dump())


class StoredExplanation(Record):
    """An explanation with the run that wrote it and the variant of the subject it speaks of."""

    explanation: Explanation
    run: str
    spec_hash: str
