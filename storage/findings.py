"""Findings as they are kept: written once, never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Row, insert, select

from core.findings import Figures, Finding
from core.results import Record
from storage.faults import translated
from storage.lookup import find_by_id
from storage.part import Part
from storage.records import UtcTime
from storage.schema import findings

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding and when it was stored. ``number`` counts findings in that order."""

    number: int
    created: str
    finding: Finding


class FindingLine(Record):
    """A finding without its units: how many there are of each site (``mlp.2``)."""

    id: str
    method: str
    subject: str
    question: str
    created: UtcTime
    sites: dict[str, int]
    figures: Figures

    @classmethod
    def of(cls, stored: StoredFinding) -> FindingLine:
        """What a list says of it."""
        finding = stored.finding
        return cls(
            id=finding.id,
            method=finding.method,
            subject=finding.subject,
            question=finding.question,
            created=stored.created,
            sites=dict(Counter(found.unit.site for found in finding.units)),
            figures=finding.figures,
        )


class FindingStore(Part):
    """May be shared by threads. Got from :attr:`storage.Store.findings`."""

    def save(self, finding: Finding) -> None:
        """Write a finding; :class:`StorageError` when its id is taken."""
        document = finding.model_dump(mode="json")
        values = {
            "id": finding.id,
            "method": finding.method,
            "subject": finding.subject,
            "created": datetime.now(UTC).isoformat(),
            "document": document,
        }
        with self._writing() as connection:
            connection.execute(insert(findings).values(values))

    def get(self, id: str) -> Finding:
        """The finding of an id, or of the only id that begins so; :class:`NotStored` without."""
        return self.stored(id).finding

    def stored(self, id: str) -> StoredFinding:
        """As :meth:`get`, with when it was stored."""
        with self._reading() as connection:
            row = find_by_id(connection, findings, "finding", id)
        return self._stored(row)

    def newest(
        self,
        limit: int = 20,
        *,
        before: int | None = None,
        subject: str | None = None,
        site: str | None = None,
        method: str | None = None,
    ) -> list[StoredFinding]:
        """Findings, newest first: of a subject, of a method, and that name a unit of a site.

        ``before`` is the number of the last one seen.
        """
        found = self._newest(before, subject, method)
        return list(islice((f for f in found if site is None or f.finding.on(site)), max(limit, 0)))

    def _newest(
        self, before: int | None, subject: str | None, method: str | None
    ) -> Iterator[StoredFinding]:
        asked = select(findings).order_by(findings.c.number.desc()).limit(_AT_ONCE)
        for column, value in ((findings.c.subject, subject), (findings.c.method, method)):
            if value is not None:
                asked = asked.where(column == value)
        while True:
            here = asked if before is None else asked.where(findings.c.number < before)
            with self._reading() as connection:
                rows = list(connection.execute(here))
            yield from map(self._stored, rows)
            if len(rows) < _AT_ONCE:
                return
            before = rows[-1].number

    def _stored(self, row: Row[Any]) -> StoredFinding:
        with translated(self._name):
            return StoredFinding(row.number, row.created, Finding.model_validate(row.document))
