"""Ratings given away from the store: what a page carries, and the file that comes back from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from core.errors import MalformedId, NotStored, RatingsUnusable
from core.hashing import fingerprint
from core.ids import UnitIdField
from core.results import Explanation, Record
from neuroscribe.ratings.claims import Target
from neuroscribe.ratings.documents import ImportDocument
from neuroscribe.ratings.session import Item, Plan, item_id
from storage import RatingRecord, Seen, Store
from storage.ratings import Comment, RaterName, Stars
from storage.records import Seed, UtcTime

FORMAT: Literal["neuroscribe-ratings/1"] = "neuroscribe-ratings/1"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The items of a page, and what names them when the answers come back."""

    plan: Plan
    items: tuple[Item, ...]

    @classmethod
    def of(cls, plan: Plan, store: Store) -> Sheet:
        """Every question of a plan."""
        return cls(plan, tuple(plan.item(question, store) for question in plan.questions))

    @property
    def digest(self) -> str:
        """A digest of everything that is asked, in its order."""
        return sheet_digest(str(self.plan.target), self.plan.seed, [item.id for item in self.items])

    def data(self) -> dict[str, Any]:
        """What the page's script needs: references only, nothing that a rater must not know."""
        return {
            "format": FORMAT,
            "target": str(self.plan.target),
            "seed": str(self.plan.seed),
            "digest": self.digest,
            "items": [
                {
                    "item": item.id,
                    "explanation": item.explanation.id,
                    "unit": str(item.unit),
                    "seen": [seen.model_dump() for seen in item.seen],
                }
                for item in self.items
            ],
        }


def sheet_digest(target: str, seed: int, items: Sequence[str]) -> str:
    """The digest of a page."""
    return fingerprint([FORMAT, target, seed, list(items)])


class PageRating(Record):
    """One answer, with what the page showed."""

    item: str
    explanation: str
    unit: UnitIdField
    seen: tuple[Seen, ...]
    rating: Stars
    comment: Comment = None
    time: UtcTime


class RatingFile(Record):
    """What the page's download button writes. ``items`` are all items of the page in order."""

    format: Literal["neuroscribe-ratings/1"]
    target: str
    seed: Seed
    digest: str
    items: tuple[str, ...]
    rater: RaterName
    ratings: tuple[PageRating, ...]


def import_ratings(store: Store, path: Path) -> ImportDocument:
    """Store the ratings of a file, or none of them; what is stored already is left alone.

    Raises :class:`RatingsUnusable` for a file that cannot be read, is of another format, was
    changed, or speaks of explanations or units that are not stored.
    """
    read = _read(path)
    name = repr(str(path))
    if sheet_digest(read.target, read.seed, read.items) != read.digest:
        raise RatingsUnusable(f"{name}: the digest does not match the items", _CHANGED)
    target = Target.parse(read.target)
    stored = store.ratings.explanations(target.subject, target.site)
    explanations = {found.explanation.id: found.explanation for found in stored}
    answered: set[str] = set()
    records = []
    for rating in read.ratings:
        place = f"{name}: item {rating.item!r}"
        if rating.item not in read.items:
            raise RatingsUnusable(f"{place} is not one of the page's items", _CHANGED)
        if rating.item in answered:
            raise RatingsUnusable(f"{place} is rated twice", _CHANGED)
        answered.add(rating.item)
        explanation = explanations.get(rating.explanation)
        if explanation is None:
            raise RatingsUnusable(
                f"{place}: explanation {rating.explanation!r} is not stored for "
                f"{target.site_name!r}",
                "import it where the page was made; nothing was stored",
            )
        if item_id(explanation, rating.unit, rating.seen) != rating.item:
            raise RatingsUnusable(f"{place}: the digest does not match what was shown", _CHANGED)
        records.append(_record(rating, explanation, read))
    try:
        added = store.ratings.save(records)
    except NotStored as error:
        raise RatingsUnusable(f"{name}: {error.message}", "nothing was stored") from error
    return ImportDocument(
        file=str(path),
        target=read.target,
        rater=read.rater,
        stored=added,
        already_stored=len(records) - added,
    )


_CHANGED = "download it from the page again; nothing was stored"


def _record(rating: PageRating, explanation: Explanation, read: RatingFile) -> RatingRecord:
    return RatingRecord(
        explanation_id=explanation.id,
        unit=rating.unit,
        control=explanation.unit != rating.unit,
        rater=read.rater,
        rating=rating.rating,
        comment=rating.comment,
        time=rating.time,
        seed=read.seed,
        seen=rating.seen,
    )


def _read(path: Path) -> RatingFile:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise RatingsUnusable(
            f"{str(path)!r} cannot be read: {error.strerror}", "check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RatingsUnusable(
            f"{str(path)!r} is not JSON", "give the file that the page's download button writes"
        ) from error
    try:
        return RatingFile.model_validate(found)
    except (ValidationError, MalformedId) as error:
        raise RatingsUnusable(
            f"{str(path)!r}: {_said(error, found)}", "nothing was stored"
        ) from error


def _said(error: ValidationError | MalformedId, found: object) -> str:
    """The first thing that is wrong, with the item it is wrong in."""
    if isinstance(error, MalformedId):
        return error.message
    first = error.errors()[0]
    place = first["loc"]
    where = ".".join(str(part) for part in place)
    if len(place) > 1 and place[0] == "ratings" and isinstance(found, dict):
        rating = found["ratings"][place[1]]
        item = rating.get("item") if isinstance(rating, dict) else None
        where = f"item {item!r}: " + ".".join(str(part) for part in place[2:])
    return f"{where}: {first['msg']}" if where else first["msg"]
