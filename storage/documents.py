"""What investigations wrote, as others read it: documents as text, a line a unit, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, false, func, or_, select

from core.ids import UnitId, UnitIdField
from core.results import Finite, Polarity, Record, Side, Verdict
from storage.faults import translated
from storage.part import Part
from storage.records import UtcTime
from storage.rows import is_main, is_unit
from storage.schema import explanations, runs, scores, units

_ESCAPED = re.compile("\x1a([0-9a-f]{4})")
_FIGURES = ("value", "low", "high", "null_p95")
_TOLD = ("version", "text", "side", "polarity", "method", "started", "verdict")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document and the run that wrote it. ``text`` is JSON that any encoding can hold."""

    run: str
    text: str


class SiteLine(Record):
    """A unit and what its newest finished run found: the first explanation and its main score."""

    unit: UnitIdField
    verdict: Verdict
    run: str
    finished: UtcTime
    text: str | None = None
    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    null_p95: Finite | None = None


class Version(Record):
    """Something that was said of a unit: in which run, and its main score there.

    ``mode`` is how the run investigated. It is None, as are ``verdict`` and ``finished``, where it
    was no investigation: a sentence of a person, or of another tool.
    """

    explanation: str
    version: int
    text: str
    side: Side
    polarity: Polarity
    method: str
    run: str
    started: UtcTime
    finished: UtcTime | None = None
    verdict: Verdict | None = None
    mode: str | None = None
    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    null_p95: Finite | None = None


class DocumentStore(Part):
    """May be shared by threads. Got from :attr:`storage.Store.documents`."""

    def newest(self, unit: UnitId) -> DocumentText | None:
        """What the newest finished investigation of a unit wrote; None without any."""
        return self._document(*is_unit(unit, None))

    def of_run(self, id: str) -> DocumentText | None:
        """What the finished run of an id wrote; None without it."""
        return self._document(runs.c.id == id)

    def of_key(self, key: str) -> DocumentText | None:
        """The stored answer to a request, by its key; None without any, or where it failed."""
        return self._document(runs.c.key == key, runs.c.verdict.is_distinct_from("failed"))

    def run_of(self, explanation: str) -> str | None:
        """The id of the run that said an explanation; None without it."""
        asked = select(explanations.c.run_id).where(explanations.c.id == explanation)
        with self._reading() as connection:
            found: str | None = connection.execute(asked).scalar()
        return found

    def lines(self, subject: str, site: str, after: int, limit: int) -> list[SiteLine]:
        """Units of a site that were investigated and have numbers above ``after``, by number."""
        there = (units.c.subject == subject, units.c.site == site)
        investigated = exists().where(runs.c.unit_number == units.c.number, runs.c.status == "done")
        behind = units.c.unit_index > after
        here = select(units.c.unit_index).where(*there, behind, investigated).distinct()
        page = here.order_by(units.c.unit_index).limit(max(limit, 0)).subquery()
        return self._lines(*there, units.c.unit_index.in_(select(page.c.unit_index)))

    def lines_of(self, named: Iterable[UnitId]) -> dict[UnitId, SiteLine]:
        """What :meth:`lines` says of these units; those that were never investigated are left out.

        One question to the database, so not for thousands of units.
        """
        by_site: dict[tuple[str, str], list[int]] = {}
        for unit in named:
            by_site.setdefault((unit.subject, unit.site), []).append(unit.index)
        places = (
            and_(units.c.subject == subject, units.c.site == site, units.c.unit_index.in_(indexes))
            for (subject, site), indexes in by_site.items()
        )
        return {line.unit: line for line in self._lines(or_(false(), *places))}

    def _lines(self, *conditions: ColumnElement[bool]) -> list[SiteLine]:
        """A line for each unit that fits and was investigated, by number.

        The conditions must leave few units: all runs of theirs are ranked.
        """
        place = (units.c.subject, units.c.site, units.c.unit_index)
        newest = func.row_number().over(
            partition_by=place, order_by=(runs.c.finished.desc(), runs.c.number.desc())
        )
        ranked = (
            select(*place, runs.c.id, runs.c.verdict, runs.c.finished, newest.label("n"))
            .join_from(runs, units)
            .where(*conditions, runs.c.status == "done")
            .subquery()
        )
        asked = select(ranked).where(ranked.c.n == 1).order_by(ranked.c.unit_index)
        with self._reading() as connection:
            found = list(connection.execute(asked))
            said = _first(connection, [row.id for row in found])
        with translated(self._name):
            return [
                SiteLine(
                    unit=UnitId(row.subject, row.site, row.unit_index),
                    verdict=row.verdict,
                    run=row.id,
                    finished=row.finished,
                    **said.get(row.id, {}),
                )
                for row in found
            ]

    def versions(self, unit: UnitId, limit: int) -> list[Version]:
        """What was said of a unit: the newest runs first, versions of a run in their order."""
        asked = (
            select(explanations, runs.c.started, runs.c.finished, runs.c.verdict, runs.c.status)
            .join_from(explanations, runs, explanations.c.run_id == runs.c.id)
            .join(units, explanations.c.unit_number == units.c.number)
            .where(*is_unit(unit, None))
            .order_by(runs.c.number.desc(), explanations.c.version)
            .limit(max(limit, 0))
        )
        with self._reading() as connection:
            found = list(connection.execute(asked))
            scored = _main_scores(connection, {row.id: row.run_id for row in found})
            modes = _modes(connection, {row.run_id for row in found if row.status == "done"})
        with translated(self._name):
            return [
                Version(
                    **{name: getattr(row, name) for name in _TOLD},
                    explanation=row.id,
                    run=row.run_id,
                    finished=row.finished if row.run_id in modes else None,
                    mode=modes.get(row.run_id),
                    **scored.get(row.id, {}),
                )
                for row in found
            ]

    def _document(self, *conditions: ColumnElement[bool]) -> DocumentText | None:
        asked = (
            select(runs.c.id, cast(runs.c.document, Text).label("text"))
            .join_from(runs, units)
            .where(*conditions, runs.c.status == "done")
            .order_by(runs.c.finished.desc(), runs.c.number.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(asked).first()
        if row is None or row.text is None:
            return None
        return DocumentText(row.id, _ESCAPED.sub(r"\\u\1", row.text))


def _first(connection: Connection, ids: list[str]) -> dict[str, dict[str, Any]]:
    """The first explanation of each run, with its correlation on the whole corpus."""
    found: dict[str, dict[str, Any]] = {}
    written = select(explanations.c.id, explanations.c.run_id, explanations.c.text).where(
        explanations.c.run_id.in_(ids), explanations.c.side == "input"
    )
    first: dict[str, str] = {}
    for row in connection.execute(written.order_by(explanations.c.version)):
        if row.run_id not in found:
            found[row.run_id] = {"text": row.text}
            first[row.id] = row.run_id
    for explanation, figures in _main_scores(connection, first).items():
        found[first[explanation]] |= figures
    return found


def _main_scores(connection: Connection, said: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The correlation of explanations on the whole corpus, each as its run measured it first.

    ``said`` holds the run of each explanation.
    """
    asked = select(scores).where(
        scores.c.run_id.in_(set(said.values())),
        scores.c.explanation_id.in_(said),
        *is_main(scores),
    )
    return {
        row.explanation_id: {name: getattr(row, name) for name in _FIGURES}
        for row in connection.execute(asked.order_by(scores.c.number.desc()))
        if said[row.explanation_id] == row.run_id
    }


def _modes(connection: Connection, ids: set[str]) -> dict[str, str]:
    """How investigations went about it; documents of older versions do not say."""
    asked = select(runs.c.id, runs.c.document).where(runs.c.id.in_(ids))
    return {row.id: row.document.get("mode", "agent") for row in connection.execute(asked)}
