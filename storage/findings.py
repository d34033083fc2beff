"""Findings as they are kept: written once, never changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select

from core.findings import Figures, Finding
from core.results import Record
from storage.faults import translated
from storage.lookup import find_by_id
from storage.part import Part
from storage.records import UtcTime
from storage.schema import finding_sites, findings


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
            added = insert(findings).values(values).returning(findings.c.number)
            number = connection.execute(added).scalar_one()
            sites = sorted({found.unit.site for found in finding.units})
            if sites:
                rows = [{"finding": number, "site": site} for site in sites]
                connection.execute(insert(finding_sites), rows)

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
        asked = select(findings).order_by(findings.c.number.desc()).limit(max(limit, 0))
        if before is not None:
            asked = asked.where(findings.c.number < before)
        for column, value in ((findings.c.subject, subject), (findings.c.method, method)):
            if value is not None:
                asked = asked.where(column == value)
        if site is not None:
            named = select(finding_sites.c.finding).where(finding_sites.c.site == site)
            asked = asked.where(findings.c.number.in_(named))
        with self._reading() as connection:
            rows = list(connection.execute(asked))
        return [self._stored(row) for row in rows]

    def _stored(self, row: Row[Any]) -> StoredFinding:
        with translated(self._name):
            return StoredFinding(row.number, row.created, Finding.model_validate(row.document))
