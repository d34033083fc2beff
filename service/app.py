"""Puts the service together from a desk and a gate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp as App

from core.version import code_version
from service import problems
from service.auth import Gate
from service.desk import Desk
from service.events import Feeds
from service.guard import Guard, Limits
from service.metrics import Metrics
from service.routes import (
    chat,
    chat_pages,
    exports,
    finding_pages,
    findings,
    health,
    pages,
    units,
    work,
)

__all__ = ["App", "api", "create_app"]

DESCRIPTION = """Explain single units of language models, score every explanation on text that no
earlier step has seen, and show the evidence. Errors are problem documents with a stable `code`."""


def create_app(
    desk: Desk, gate: Gate, *, limits: Limits | None = None, feeds: Feeds | None = None
) -> App:
    """The whole service as an ASGI application."""
    inner = api(desk, gate, feeds)
    return Guard(inner, limits or Limits(), inner.state.metrics)


def api(desk: Desk, gate: Gate, feeds: Feeds | None = None) -> FastAPI:
    """The routes, without what stands before them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with desk:
            yield

    app = FastAPI(
        title="Neuroscribe",
        version=code_version(),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.desk, app.state.gate = desk, gate
    app.state.feeds = feeds or Feeds(desk)
    app.state.metrics = Metrics()
    app.state.metrics.follow(lambda: app.state.feeds.following)
    app.state.metrics.hold(lambda: desk.held())
    for routes in (
        health,
        exports,
        units,
        findings,
        work,
        chat,
        chat_pages,
        finding_pages,
        pages,
    ):
        app.include_router(routes.router)
    problems.install(app)
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    """Problem documents in the OpenAPI document, in place of the framework's own errors."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = plain()
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas["Problem"] = schema
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
