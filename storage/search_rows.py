"""The question of a search, as SQL: what fits, in which order, page by page.

Explanations come first in which all words stand side by side as they were typed, then those with
fewer words, then newer ones. Nothing of that depends on other rows, so pages stay where they are
while explanations are added. Without required words the newest come first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from core.errors import InvalidSetting
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Verdict
from storage.columns import escape
from storage.found import FoundExplanation, FoundScore, SearchPage, snippet
from storage.rows import fields, is_main
from storage.schema import explanation_words, explanations, runs, scores, units
from storage.search_query import SearchQuery, Term, read_query
from storage.word_rows import holds, matches

MOST_AT_ONCE = 1000
_AFTER = re.compile("([0-9a-f]{16})((?:-[0-9]{1,10})+)")
_LARGEST = 2**31 - 1
_OF_SCORE = tuple(scores.c[name].label(f"score_{name}") for name in FoundScore.model_fields)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for; ``None`` is any.

    ``only_newest`` leaves out what an investigation said of a unit that was investigated again
    since.
    """

    text: str = ""
    subject: str | None = None
    site: str | None = None
    verdict: str | None = None
    method: str | None = None
    min_score: float | None = None
    only_newest: bool = True

    def __post_init__(self) -> None:
        if self.verdict is not None and self.verdict not in get_args(Verdict):
            known = ", ".join(get_args(Verdict))
            raise InvalidSetting(f"{self.verdict!r} is no verdict", f"there are {known}")
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise InvalidSetting(f"a score of {self.min_score!r} cannot be asked for", "")


def page(connection: Connection, asked: Search, limit: int, after: str | None) -> SearchPage:
    """At most ``limit`` explanations; ``after`` is the end of the page before.

    :class:`InvalidSetting` for what cannot be meant, an ``after`` of another search included.
    """
    if not 1 <= limit <= MOST_AT_ONCE:
        raise InvalidSetting(
            f"a page of {limit!r} explanations cannot be given", f"from 1 to {MOST_AT_ONCE:,} can"
        )
    query = read_query(asked.text)
    name = fingerprint(asdict(asked))
    place = _place(query, connection.dialect.name)
    statement = fitting(asked, *matches(query, connection.dialect.name)).add_columns(
        *(part.label(f"place_{i}") for i, part in enumerate(place))
    )
    if after is not None:
        behind = tuple_(*map(literal, _read(after, name, len(place))))
        statement = statement.where(tuple_(*place) > behind)
    rows = connection.execute(statement.order_by(*place).limit(limit + 1)).all()
    end = None
    if len(rows) > limit:
        last = (rows[limit - 1]._mapping[f"place_{i}"] for i in range(len(place)))
        end = "-".join([name, *(str(abs(number)) for number in last)])
    return SearchPage(hits=tuple(hit(row, query.required) for row in rows[:limit]), after=end)


def fitting(asked: Search, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Explanations that fit everything but the text of ``asked``, with what a hit says of them.

    ``conditions`` are more of them, on ``explanation_words``.
    """
    shown = (
        explanations, units.c.subject, units.c.site, units.c.unit_index, runs.c.verdict,
        runs.c.finished, scores.c.number.label("score"), *_OF_SCORE,
    )  # fmt: skip
    return _fitting(asked, shown, conditions, scored=True)


def only(
    asked: Search, *columns: ColumnElement[Any], where: Sequence[ColumnElement[bool]] = ()
) -> Select[Any]:
    """These columns of what :func:`fitting` finds; no score is looked up that is not asked for."""
    return _fitting(asked, columns, where, scored=asked.min_score is not None)


def _fitting(
    asked: Search, shown: Sequence[Any], conditions: Sequence[ColumnElement[bool]], *, scored: bool
) -> Select[Any]:
    investigated = ~runs.c.key.contains("/")
    wanted = [*conditions, or_(runs.c.status == "done", ~investigated), *_filters(asked)]
    if asked.only_newest:
        wanted.append(or_(~investigated, ~_newer()))
    found = (
        select(*shown)
        .select_from(explanation_words)
        .join(explanations, explanation_words.c.explanation_id == explanations.c.id)
        .join(units, explanations.c.unit_number == units.c.number)
        .join(runs, explanations.c.run_id == runs.c.id)
        .where(*wanted)
    )
    return found.outerjoin(scores, scores.c.number == _main_score()) if scored else found


def _main_score() -> ScalarSelect[int]:
    """The number of the main score of an explanation in its own run."""
    main = scores.alias()
    return (
        select(func.min(main.c.number))
        .where(
            main.c.explanation_id == explanations.c.id,
            main.c.run_id == explanations.c.run_id,
            *is_main(main),
        )
        .scalar_subquery()
    )


def _filters(asked: Search) -> list[ColumnElement[bool]]:
    named = (
        (units.c.subject, asked.subject),
        (units.c.site, asked.site),
        (runs.c.verdict, asked.verdict),
        (explanations.c.method, asked.method),
    )
    # escaped, because what a database cannot even store is not in it
    conditions = [column == escape(value) for column, value in named if value is not None]
    if asked.min_score is not None:
        conditions.append(scores.c.value >= asked.min_score)
    return conditions


def _newer() -> ColumnElement[bool]:
    """Whether the unit was investigated again, in any variant of its subject."""
    again, there = runs.alias(), units.alias()
    return exists(
        select(again.c.id)
        .join(there, again.c.unit_number == there.c.number)
        .where(
            there.c.subject == units.c.subject,
            there.c.site == units.c.site,
            there.c.unit_index == units.c.unit_index,
            again.c.status == "done",
            ~again.c.key.contains("/"),
            or_(
                again.c.finished > runs.c.finished,
                and_(again.c.finished == runs.c.finished, again.c.number > runs.c.number),
            ),
        )
    )


def _place(query: SearchQuery, dialect: str) -> list[ColumnElement[int]]:
    """What explanations are ordered by; the last is negative."""
    newest = -explanation_words.c.number
    if not query.required:
        return [newest]
    if query.together is None:
        return [explanation_words.c.length, newest]
    apart = case((holds(query.together, dialect), 0), else_=1)
    return [apart, explanation_words.c.length, newest]


def _read(after: str, name: str, length: int) -> tuple[int, ...]:
    read = _AFTER.fullmatch(after)
    if read is not None and read[1] == name:
        *first, last = (int(number) for number in read[2][1:].split("-"))
        if len(first) == length - 1 and max([*first, last]) <= _LARGEST:
            return *first, -last
    raise InvalidSetting(
        f"{after[:60]!r} is not where a page of this search ended", "begin it without"
    )


def hit(row: Row[Any], terms: Sequence[Term] = ()) -> FoundExplanation:
    """A row of :func:`fitting`, with ``terms`` marked in its text."""
    score = None
    if row.score is not None:
        figures = {name: row._mapping[f"score_{name}"] for name in FoundScore.model_fields}
        score = FoundScore(**figures)
    made_here = ("unit", "explanation", "run", "score", "snippet")
    return FoundExplanation(
        unit=UnitId(row.subject, row.site, row.unit_index),
        explanation=row.id,
        run=row.run_id,
        score=score,
        snippet=snippet(row.text, terms),
        **fields(row, FoundExplanation, *made_here),
    )
