"""What methods of discovery found: units that answer a question."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.findings import Finding
from service.auth import Reader
from service.bodies import FindingsAsked
from service.documents import Page
from service.problems import documented
from service.routes.common import Identifier, Work
from storage.findings import FindingLine

router = APIRouter(prefix="/v1", tags=["findings"])


@router.get("/findings", responses=documented())
async def list_findings(
    asked: Annotated[FindingsAsked, Query()], desk: Work, caller: Reader
) -> Page[FindingLine]:
    """Findings, newest first, without their units."""
    return await desk.findings(asked)


@router.get("/findings/{id}", responses=documented(404))
async def show_finding(id: Identifier, desk: Work, caller: Reader) -> Finding:
    """One finding: its question, its units with their weights and figures, what made it."""
    return (await desk.finding(id)).finding
