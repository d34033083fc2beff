"""What people said of explanations, as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select

from storage import rating_rows
from storage.faults import translated
from storage.part import Part
from storage.ratings import RatingRecord, StoredExplanation


class RatingStore(Part):
    """Ratings by people; may be shared by threads. Got from :attr:`storage.Store.ratings`."""

    def explanations(
        self, subject: str, site: str, index: int | None = None
    ) -> list[StoredExplanation]:
        """Explanations of every finished run on a site, or on one unit of it, oldest run first."""
        rows = self._rows(rating_rows.of_site(subject, site, index))
        with translated(self._name):
            return [rating_rows.stored_explanation(row, subject, site) for row in rows]

    def of(self, subject: str, site: str, index: int | None = None) -> list[RatingRecord]:
        """Every rating given beside excerpts of a site, or of one unit of it, oldest first."""
        rows = self._rows(rating_rows.given(subject, site, index))
        with translated(self._name):
            return [rating_rows.rating(row, subject, site) for row in rows]

    def save(self, ratings: Sequence[RatingRecord]) -> int:
        """Write those of the ratings that are not stored yet; how many that were.

        Nothing is written when one is about an explanation or a unit that is not stored
        (:class:`NotStored`), or when its mark as a control contradicts them.
        """
        with self._writing() as connection:
            return rating_rows.write(connection, ratings)

    def _rows(self, asked: Select[Any]) -> list[Row[Any]]:
        with self._reading() as connection:
            return list(connection.execute(asked))
