"""What a desk answers out of the store alone: no subject is loaded for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import NotStored
from core.ids import UnitId
from service.documents import Page, ScoredExplanation
from storage.findings import FindingLine, StoredFinding

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from service.bodies import FindingsAsked, SearchAsked
    from storage import Store
    from storage.documents import DocumentText, SiteLine, Version
    from storage.found import SearchPage

VERSIONS_SHOWN = 200


@dataclass(slots=True)
class StoredAnswers:
    """Part of :class:`neuroscribe.serving.desk.LocalDesk`."""

    workspace: Workspace
    store: Store

    async def check(self, unit: UnitId) -> None:
        """Raises where there is no such subject, site or unit."""
        raise NotImplementedError

    async def document(self, unit: UnitId) -> DocumentText:
        """The newest investigation of a unit."""
        found = await asyncio.to_thread(self.store.documents.newest, unit)
        if found is None:
            raise NotStored(
                f"unit {str(unit)!r} was not explained yet", "POST /v1/explanations explains it"
            )
        return found

    async def run(self, id: str) -> DocumentText:
        """The investigation of an id."""
        found = await asyncio.to_thread(self.store.documents.of_run, id)
        if found is None:
            raise NotStored(f"run {id!r} is not in the store", "check the id")
        return found

    async def run_of(self, explanation: str) -> str | None:
        """The run that said an explanation."""
        return await asyncio.to_thread(self.store.documents.run_of, explanation)

    async def versions(self, unit: UnitId) -> list[ScoredExplanation]:
        """Everything ever said about a unit."""

        def read() -> list[ScoredExplanation]:
            return [
                ScoredExplanation(explanation=e, scores=self.store.scores(e.id))
                for e in self.store.explanations(unit)
            ]

        found = sorted(await asyncio.to_thread(read), key=lambda e: e.explanation.version)
        if not found:
            await self.check(unit)
        return found

    async def units(self, subject: str, site: str, after: int, limit: int) -> Page[SiteLine]:
        """Units of a site that were investigated."""
        found = await asyncio.to_thread(self.store.documents.lines, subject, site, after, limit + 1)
        if not found:
            await self.check(UnitId(subject, site, 0))
        lines = found[:limit]
        return Page(items=lines, next=str(lines[-1].unit.index) if len(found) > limit else None)

    async def search(self, asked: SearchAsked) -> SearchPage:
        """Explanations by their words."""
        return await asyncio.to_thread(
            self.store.search,
            asked.q,
            subject=asked.subject,
            site=asked.site,
            verdict=asked.verdict,
            method=asked.method,
            min_score=asked.min_score,
            only_newest=not asked.everything,
            limit=asked.limit,
            after=asked.after,
        )

    async def history(self, unit: UnitId) -> list[Version]:
        """The newest versions of what was said about a unit."""
        return await asyncio.to_thread(self.store.documents.versions, unit, VERSIONS_SHOWN)

    async def findings(self, asked: FindingsAsked) -> Page[FindingLine]:
        """Findings, newest first."""
        found = await asyncio.to_thread(
            self.store.findings.newest,
            asked.limit + 1,
            before=asked.after,
            subject=asked.subject,
            site=asked.site,
            method=asked.method,
        )
        shown = found[: asked.limit]
        return Page(
            items=[FindingLine.of(one) for one in shown],
            next=str(shown[-1].number) if len(found) > asked.limit else None,
        )

    async def finding(self, id: str) -> StoredFinding:
        """The finding of an id."""
        return await asyncio.to_thread(self.store.findings.stored, id)
