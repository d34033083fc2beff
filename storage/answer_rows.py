"""The question for all answers of a site, as SQL: three statements however many units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from core.ids import UnitId
from core.results import Explanation, Score
from storage.answers import Answer, SiteAnswers, Unanswered
from storage.rows import fields
from storage.schema import explanations, runs, scores, units

_RUN = (
    units.c.unit_index,
    units.c.spec_hash,
    *(runs.c.id, runs.c.status, runs.c.verdict, runs.c.reason, runs.c.finished),
)
_WRITTEN = select(explanations).join(runs, explanations.c.run_id == runs.c.id).join(units)
_SCORED = select(scores).join(runs, scores.c.run_id == runs.c.id).join(units)


def of_site(connection: Connection, subject: str, site: str) -> SiteAnswers:
    """The newest finished run of each unit; of units without any the newest other run.

    Runs that were no investigation (their key is no fingerprint but has a slash) do not count.
    """
    here = (units.c.subject == subject, units.c.site == site, ~runs.c.key.contains("/"))
    asked = select(*_RUN).join_from(runs, units).where(*here)
    done: dict[int, Row[Any]] = {}
    other: dict[int, Row[Any]] = {}
    for row in _rows(connection, asked.order_by(runs.c.finished, runs.c.number)):
        (done if row.status == "done" else other)[row.unit_index] = row
    chosen = {row.id: UnitId(subject, site, number) for number, row in done.items()}
    finished = (*here, runs.c.status == "done")
    said: dict[str, list[Explanation]] = defaultdict(list)
    for row in _rows(connection, _WRITTEN.where(*finished).order_by(explanations.c.version)):
        if unit := chosen.get(row.run_id):
            said[row.run_id].append(Explanation(unit=unit, **fields(row, Explanation, "unit")))
    scored: dict[str, list[Score]] = defaultdict(list)
    for row in _rows(connection, _SCORED.where(*finished).order_by(scores.c.number)):
        if row.run_id in chosen:
            scored[row.run_id].append(Score(**fields(row, Score)))
    return SiteAnswers(
        answers=tuple(
            Answer(
                unit=chosen[row.id],
                run=row.id,
                spec_hash=row.spec_hash,
                verdict=row.verdict,
                reason=row.reason,
                finished=row.finished,
                explanations=tuple(said[row.id]),
                scores=tuple(scored[row.id]),
            )
            for _, row in sorted(done.items())
        ),
        unanswered=tuple(
            Unanswered(
                unit=UnitId(subject, site, number),
                run=row.id,
                status=row.status,
                reason=row.reason,
            )
            for number, row in sorted(other.items())
            if number not in done
        ),
    )


def _rows(connection: Connection, asked: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(asked)
