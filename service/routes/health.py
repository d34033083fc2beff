"""Whether the service is alive and ready, for those who watch over it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service.documents import Health
from service.problems import documented
from service.routes.common import Work

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, responses=documented() | {503: {"model": Health}})
async def ready(desk: Work) -> Response:
    """The database can be written and the place for indexes as well; 503 where not."""
    found = await desk.ready()
    return JSONResponse(found.model_dump(), 200 if found.status == "ok" else 503)
