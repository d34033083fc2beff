"""The questions about ratings and the explanations they are about, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select

from core.errors import NotStored, StorageError
from core.ids import UnitId
from core.results import Explanation
from storage.ratings import RatingRecord, StoredExplanation
from storage.rows import fields, is_unit
from storage.schema import explanations, ratings, runs, units


def of_site(subject: str, site: str, index: int | None) -> Select[Any]:
    """Explanations of all finished runs on a site, or on one unit of it, as they were written."""
    return (
        select(explanations, units.c.unit_index, units.c.spec_hash)
        .join(units, explanations.c.unit_number == units.c.number)
        .join(runs, explanations.c.run_id == runs.c.id)
        .where(*_on_site(subject, site, index), runs.c.status == "done")
        .order_by(runs.c.number, explanations.c.version)
    )


def stored_explanation(row: Row[Any], subject: str, site: str) -> StoredExplanation:
    """A row of :func:`of_site`."""
    unit = UnitId(subject, site, row.unit_index)
    explanation = Explanation(unit=unit, **fields(row, Explanation, "unit"))
    return StoredExplanation(explanation=explanation, run=row.run_id, spec_hash=row.spec_hash)


def given(subject: str, site: str, index: int | None) -> Select[Any]:
    """Ratings that were given beside excerpts of a site, or of one unit of it, oldest first."""
    return (
        select(ratings, units.c.unit_index)
        .join(units, ratings.c.unit_number == units.c.number)
        .where(*_on_site(subject, site, index))
        .order_by(ratings.c.time, ratings.c.number)
    )


def rating(row: Row[Any], subject: str, site: str) -> RatingRecord:
    """A row of :func:`given`."""
    unit = UnitId(subject, site, row.unit_index)
    return RatingRecord(unit=unit, **fields(row, RatingRecord, "unit"))


def write(connection: Connection, records: Sequence[RatingRecord]) -> int:
    """Write the ratings that are not stored yet; their number.

    Raises :class:`NotStored` for an unknown explanation or unit, :class:`StorageError` where the
    mark of a control contradicts them.
    """
    added = 0
    for record in records:
        held = select(ratings.c.number).where(ratings.c.id == record.id)
        if connection.execute(held).first() is not None:
            continue
        values = record.model_dump(exclude={"unit"})
        values |= {"id": record.id, "unit_number": _unit_number(connection, record)}
        connection.execute(insert(ratings).values(values))
        added += 1
    return added


def _unit_number(connection: Connection, record: RatingRecord) -> int:
    """The row of the unit whose excerpts were shown, of the explanation's variant of the subject.

    The rating is refused where explanation or unit are unknown or contradict its mark.
    """
    asked = (
        select(units.c.number, units.c.spec_hash)
        .join(explanations, explanations.c.unit_number == units.c.number)
        .where(explanations.c.id == record.explanation_id)
    )
    about = connection.execute(asked).first()
    if about is None:
        raise NotStored(
            f"explanation {record.explanation_id!r} is not in the store", "nothing was changed"
        )
    shown = select(units.c.number).where(*is_unit(record.unit, about.spec_hash))
    number: int | None = connection.execute(shown).scalar()
    if number is None:
        raise NotStored(f"unit {str(record.unit)!r} is not in the store", "nothing was changed")
    if record.control != (number != about.number):
        marked = "a control" if record.control else "no control"
        raise StorageError(
            f"explanation {record.explanation_id!r} beside excerpts of {str(record.unit)!r} "
            f"is marked as {marked}",
            "nothing was changed",
        )
    return number


def _on_site(subject: str, site: str, index: int | None) -> list[ColumnElement[bool]]:
    conditions = [units.c.subject == subject, units.c.site == site]
    return conditions if index is None else [*conditions, units.c.unit_index == index]
