"""Directions of explanations by what they mean: kept once for each embedder, read all at once.

Who gives the directions is told apart by a fingerprint; the store knows nothing else of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.faults import translated
from storage.found import FoundExplanation
from storage.part import Part
from storage.schema import explanation_vectors, explanation_words, explanations
from storage.search_rows import Search, fitting, hit, only

_AT_ONCE = 500


class VectorStore(Part):
    """May be shared by threads. Got from :attr:`storage.Store.vectors`.

    Explanations are named by the number that counts them in the order in which they were stored.
    What fits a :class:`Search` is what fits its filters; its text is not looked at.
    """

    def missing(self, embedder: str, asked: Search) -> list[tuple[str, str]]:
        """ID and text of explanations that fit and have no vector, oldest first."""
        held = select(explanation_vectors.c.embedder).where(_is_of(embedder)).exists()
        found = only(asked, explanations.c.id, explanations.c.text, where=[~held])
        return [(row.id, row.text) for row in self._rows(found)]

    def save(self, embedder: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors by explanation ID; what is kept already stays as it is."""
        rows = [
            {"explanation_id": id, "embedder": embedder, "vector": vector}
            for id, vector in vectors.items()
        ]
        if not rows:
            return
        with self._writing() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            kept = dialect.insert(explanation_vectors).on_conflict_do_nothing()
            connection.execute(kept, rows)

    def kept(self, embedder: str, first: int = 0) -> list[tuple[int, bytes]]:
        """Number and vector of explanations that have one, by number, from ``first`` on."""
        found = (
            select(explanation_words.c.number, explanation_vectors.c.vector)
            .join_from(
                explanation_words,
                explanation_vectors,
                explanation_words.c.explanation_id == explanation_vectors.c.explanation_id,
            )
            .where(explanation_vectors.c.embedder == embedder, explanation_words.c.number >= first)
        )
        return [(row.number, bytes(row.vector)) for row in self._rows(found)]

    def numbers(self, asked: Search) -> list[int]:
        """The numbers of explanations that fit, ascending."""
        return [row.number for row in self._rows(only(asked, explanation_words.c.number))]

    def found(self, numbers: Sequence[int]) -> dict[int, FoundExplanation]:
        """What a hit says of these explanations, by number."""
        found: dict[int, FoundExplanation] = {}
        number = explanation_words.c.number.label("counted")
        for start in range(0, len(numbers), _AT_ONCE):
            part = explanation_words.c.number.in_(numbers[start : start + _AT_ONCE])
            asked = fitting(Search(only_newest=False), part).add_columns(number)
            with self._reading() as connection:
                rows = connection.execute(asked).all()
            with translated(self._name):
                found |= {row.counted: hit(row) for row in rows}
        return found

    def _rows(self, statement: Select[Any]) -> list[Any]:
        asked = statement.order_by(explanation_words.c.number)
        with self._reading() as connection:
            return list(connection.execute(asked).all())


def _is_of(embedder: str) -> ColumnElement[bool]:
    return and_(
        explanation_vectors.c.explanation_id == explanations.c.id,
        explanation_vectors.c.embedder == embedder,
    )
