"""The words of explanations as rows: written with them, searched instead of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Text, bindparam, cast, insert, literal, select
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from core.results import Explanation
from storage.schema import explanation_search, explanation_words
from storage.search_query import SearchQuery, Term
from storage.words import as_tsvector, stored_words


def write(connection: Connection, written: Sequence[Explanation]) -> None:
    """Take up the words of explanations that were just written."""
    on_postgresql = connection.dialect.name == "postgresql"
    rows = []
    for explanation in written:
        codes = stored_words(explanation.text)
        text = as_tsvector(codes) if on_postgresql else " ".join(codes)
        rows.append({"explanation_id": explanation.id, "length": len(codes), "given": text})
    given: ColumnElement[str] = bindparam("given", type_=Text())
    words = cast(given, TSVECTOR) if on_postgresql else given
    connection.execute(insert(explanation_words).values(words=words), rows)


def matches(query: SearchQuery, dialect: str) -> list[ColumnElement[bool]]:
    """Conditions on ``explanation_words``: all that is required, nothing that is excluded."""
    conditions = []
    if query.required:
        conditions.append(_all_of(query.required, dialect))
    conditions += [~_all_of([term], dialect) for term in query.excluded]
    return conditions


def holds(term: Term, dialect: str) -> ColumnElement[bool]:
    """The condition that the words hold ``term``."""
    return _all_of([term], dialect)


def _all_of(terms: Sequence[Term], dialect: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        wanted = cast(literal(" & ".join(term.tsquery() for term in terms), Text()), TSQUERY)
        return explanation_words.c.words.bool_op("@@")(wanted)
    match = explanation_search.c.explanation_search.bool_op("MATCH")
    held = match(literal(" AND ".join(term.fts5() for term in terms), Text()))
    found = select(explanation_search.c.rowid).where(held)
    return explanation_words.c.number.in_(found)
