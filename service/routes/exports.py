"""Stored answers as files; they are sent while they are made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from service.auth import Reader
from service.bodies import ExportAsked
from service.desk import Export
from service.problems import documented
from service.routes.common import Site, Subject, Unit, Work

router = APIRouter(prefix="/v1", tags=["export"])
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
TEXT: dict[str, Any] = {"schema": {"type": "string"}}
FILE = documented(404, 507) | {
    200: {
        "description": "a page that needs nothing else, one document a line, or an archive",
        "content": {
            "text/html": TEXT,
            "application/x-ndjson": TEXT,
            "application/zip": BINARY,
        },
    }
}
Asked = Annotated[ExportAsked, Query()]


@router.get("/units/{subject}/{site}/export", response_model=None, responses=FILE)
async def export_site(
    subject: Subject, site: Site, asked: Asked, desk: Work, caller: Reader
) -> Response:
    """The newest answer of every unit of a site, as a file."""
    return _sent(await desk.export(subject, site, None, asked))


@router.get("/units/{subject}/{site}/{index}/export", response_model=None, responses=FILE)
async def export_unit(unit: Unit, asked: Asked, desk: Work, caller: Reader) -> Response:
    """The newest answer of a unit, as a file."""
    return _sent(await desk.export(unit.subject, unit.site, unit.index, asked))


def _sent(found: Export) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Cache-Control": "private, no-cache",
    }
    return StreamingResponse(found.chunks, media_type=found.media_type, headers=headers)
