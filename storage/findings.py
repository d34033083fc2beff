"""Findings as they are kept: written once, never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select

from core.findings import Finding
from storage.faults import translated
from storage.lookup import find_by_id
from storage.part import Part
from storage.schema import findings


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
        with self._reading() as connection:
            row = find_by_id(connection, findings, "finding", id)
        return self._finding(row)

    def newest(self, limit: int = 20) -> list[Finding]:
        """Findings, newest first."""
        asked = select(findings).order_by(findings.c.number.desc()).limit(max(limit, 0))
        with self._reading() as connection:
            rows = list(connection.execute(asked))
        return [self._finding(row) for row in rows]

    def _finding(self, row: Row[Any]) -> Finding:
        with translated(self._name):
            return Finding.model_validate(row.document)
