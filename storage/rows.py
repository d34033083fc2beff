"""Between records and table rows: what each table takes from a record, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, FromClause, Row, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.ids import UnitId
from storage import word_rows
from storage.records import RunRecord
from storage.schema import experiments, explanations, report_openings, runs, scores, units


def fields(row: Row[Any], model: type[BaseModel], *without: str) -> dict[str, Any]:
    """The columns of ``row`` that are fields of ``model``, except those named in ``without``."""
    return {name: row._mapping[name] for name in model.model_fields if name not in without}


def is_unit(unit: UnitId, spec_hash: str | None) -> list[ColumnElement[bool]]:
    """Conditions on ``units``: this unit, of one subject spec or of any."""
    conditions = [
        units.c.subject == unit.subject,
        units.c.site == unit.site,
        units.c.unit_index == unit.index,
    ]
    if spec_hash is not None:
        conditions.append(units.c.spec_hash == spec_hash)
    return conditions


def is_main(figures: FromClause) -> list[ColumnElement[bool]]:
    """Conditions on ``scores``, or an alias of it: the correlation on the whole corpus."""
    return [
        figures.c.scorer == "simulation",
        figures.c.measure == "correlation",
        figures.c.calibration == "none",
        figures.c.mode == "corpus",
        figures.c.split == "report",
    ]


def unit_number(connection: Connection, unit: UnitId, spec_hash: str) -> int:
    """The row number of a unit, which is added when it is new."""
    asked = select(units.c.number).where(*is_unit(unit, spec_hash))
    number: int | None = connection.execute(asked).scalar()
    if number is not None:
        return number
    added = insert(units).values(
        subject=unit.subject,
        spec_hash=spec_hash,
        site=unit.site,
        unit_index=unit.index,
        last_version=0,
    )
    try:
        with connection.begin_nested():
            number = connection.execute(added.returning(units.c.number)).scalar_one()
    except IntegrityError:  # another process added it in between (PostgreSQL only)
        number = connection.execute(asked).scalar_one()
    return number


def raise_version(connection: Connection, number: int, by: int = 1) -> int:
    """Raise the unit's version counter and return it."""
    raised = update(units).where(units.c.number == number)
    raised = raised.values(last_version=units.c.last_version + by)
    version: int = connection.execute(raised.returning(units.c.last_version)).scalar_one()
    return version


def write_run(connection: Connection, run: RunRecord, number: int) -> None:
    """Write ``run`` and its results for the unit with row ``number``."""
    results = {"explanations", "scores", "experiments", "openings"}
    values = run.model_dump(exclude={"unit", "spec_hash", *results}) | {"unit_number": number}
    completed = update(runs).where(
        runs.c.id == run.id,
        runs.c.status == "running",
        runs.c.unit_number == number,
        runs.c.key == run.key,
    )
    if connection.execute(completed.values(values)).rowcount == 0:
        connection.execute(insert(runs).values(values))
    _write_explanations(connection, run, number)
    _write(connection, scores, run.id, run.scores)
    _write(connection, experiments, run.id, run.experiments)
    _write(connection, report_openings, run.id, run.openings)


def _write_explanations(connection: Connection, run: RunRecord, number: int) -> None:
    if not run.explanations:
        return
    rows = [
        explanation.model_dump(exclude={"unit", "provenance"})
        | {
            "unit_number": number,
            "run_id": run.id,
            "provenance": explanation.provenance.model_dump(mode="python"),
        }
        for explanation in run.explanations
    ]
    connection.execute(insert(explanations), rows)
    word_rows.write(connection, run.explanations)
    # a version that was not reserved must not be given out later
    highest = max(explanation.version for explanation in run.explanations)
    connection.execute(
        update(units)
        .where(units.c.number == number, units.c.last_version < highest)
        .values(last_version=highest)
    )


def _write(connection: Connection, table: Table, run_id: str, records: Iterable[BaseModel]) -> None:
    if rows := [record.model_dump() | {"run_id": run_id} for record in records]:
        connection.execute(insert(table), rows)
