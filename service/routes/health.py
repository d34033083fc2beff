"""Whether the service is alive and ready, for those who watch over it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service.auth import Reader
from service.documents import Health
from service.metrics import MEDIA_TYPE, Metrics
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


@router.get(
    "/metrics",
    response_class=Response,
    responses=documented() | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, caller: Reader) -> Response:
    """Counters, for Prometheus."""
    found: Metrics = request.app.state.metrics
    return Response(found.written(), media_type=MEDIA_TYPE)
