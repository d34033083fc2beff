"""Findings as pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from service.auth import Reader
from service.bodies import FindingsAsked
from service.pages.finding import finding_page, findings_page
from service.routes.common import Identifier, Work

router = APIRouter(include_in_schema=False)


@router.get("/findings")
async def findings(
    desk: Work,
    caller: Reader,
    subject: Annotated[str, Query(max_length=200)] = "",
    site: Annotated[str, Query(max_length=200)] = "",
    method: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> HTMLResponse:
    """Findings, newest first."""
    asked = FindingsAsked(
        subject=subject or None, site=site or None, method=method or None, after=after
    )
    return HTMLResponse(findings_page(await desk.findings(asked), asked))


@router.get("/findings/{id}")
async def finding(id: Identifier, desk: Work, caller: Reader) -> HTMLResponse:
    """A finding with its units."""
    return HTMLResponse(finding_page(await desk.finding(id)))
