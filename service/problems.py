"""Errors as problem documents (RFC 9457): a status, a stable code, one line, and what to do.

What the product raises on purpose keeps its code; its status is that of the nearest class in
``STATUSES``. Anything else is a defect: status 500, code ``internal``, and no detail, because the
text of an unforeseen error may hold what is nobody's business.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi import HTTPException as RouteException
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from core import errors
from core.errors import NeuroscribeError
from core.results import Record

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
LONGEST_INPUT = 200
STATUSES: dict[type[NeuroscribeError], int] = {
    errors.MisuseError: 422,
    errors.UnknownSubject: 404,
    errors.UnknownSite: 404,
    errors.UnitOutOfRange: 404,
    errors.JobState: 409,
    errors.SubjectError: 500,
    errors.HubUnavailable: 502,
    errors.SubjectOutOfMemory: 503,
    errors.MemoryShort: 503,
    errors.UnsupportedOperation: 422,
    errors.CorpusError: 422,
    errors.IndexFault: 500,
    errors.IndexMissing: 409,
    errors.StorageError: 503,
    errors.DiskFull: 507,
    errors.NotStored: 404,
    errors.InterchangeError: 422,
    errors.ModelError: 502,
    errors.ModelKeyMissing: 422,
    errors.UnknownModel: 422,
    errors.UnsupportedRequest: 422,
    errors.RequestRejected: 422,
    errors.ModelUnavailable: 502,
    errors.EngineError: 503,
    errors.RatingsUnusable: 422,
    errors.MissingExtra: 501,
    errors.BudgetReached: 402,
}
"""Statuses by class; one that is not named has that of its nearest ancestor."""

_UNREAD: dict[type[Exception], str] = {
    UnicodeDecodeError: "body: is not text in UTF-8",
    RecursionError: "body: is nested too deeply",
}
log = logging.getLogger(__name__)


class FieldFault(Record):
    """One thing that is wrong with a request: where (``body.unit``), and what."""

    where: str
    message: str


class Problem(Record):
    """What every answer that is no success holds. ``code`` is stable, ``detail`` is one line.

    ``hint`` says what to do; ``request`` is the id that the log knows the request by.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    request: str = ""
    faults: list[FieldFault] = Field(default_factory=list)


class ServiceError(NeuroscribeError):
    """A refusal of the service itself: ``status`` and ``headers`` of the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.headers = headers or {}


class Refusal(RouteException):
    """A refusal in the midst of reading a request, which the framework would take for a defect."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


def status_of(error: NeuroscribeError) -> int:
    """The status that answers with this error."""
    if isinstance(error, ServiceError):
        return error.status
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def failure(code: str, message: str) -> ServiceError:
    """The refusal that tells of an error which a job wrote down, with the status of its class."""
    by_code = {kind.code: status for kind, status in _with_descendants(NeuroscribeError, 500)}
    return ServiceError(by_code.get(code, 500), code, message)


def _with_descendants(
    kind: type[NeuroscribeError], inherited: int
) -> Iterator[tuple[type[NeuroscribeError], int]]:
    status = STATUSES.get(kind, inherited)
    yield kind, status
    for child in kind.__subclasses__():
        yield from _with_descendants(child, status)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    *,
    faults: list[FieldFault] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that holds a problem document."""
    found = Problem(
        type=f"urn:neuroscribe:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=" ".join(detail.split()),
        hint=hint,
        request=getattr(request.state, "id", ""),
        faults=faults or [],
    )
    return JSONResponse(found.model_dump(), status, _with_retry(status, headers), MEDIA_TYPE)


def _with_retry(status: int, headers: dict[str, str] | None) -> dict[str, str]:
    """The headers of an answer; 503 says when to come back."""
    return ({"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}) | (headers or {})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may also answer with these problems.

    What any route may answer (a key that is refused, a body that is wrong, a store that is busy) is
    among them.
    """
    every = sorted({400, 401, 403, 413, 422, 429, 500, 503, *statuses})
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in every}


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem document."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, NeuroscribeError)
        status = status_of(error)
        headers = error.headers if isinstance(error, ServiceError) else None
        if wants_page(request):
            if status == 401:
                return RedirectResponse("/login", 303)
            return page(status, error.message, error.hint, headers)
        if status >= 500:
            log.warning("%s: %s", error.code, error.message)
        return problem(request, status, error.code, error.message, error.hint, headers=headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [
            FieldFault(where=".".join(map(str, one["loc"]))[:LONGEST_INPUT], message=one["msg"])
            for one in error.errors()
        ]
        unread = any(one["type"] == "json_invalid" for one in error.errors())
        first = faults[0] if faults else FieldFault(where="body", message="is not valid")
        status, code = (400, "malformed_json") if unread else (422, "invalid_request")
        told = f"{first.where}: {first.message}"
        if wants_page(request):
            return page(status, told, "")
        return problem(request, status, code, told, "see /v1/openapi.json", faults=faults)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, detail = _told(error)
        headers = dict(error.headers or {})
        if wants_page(request):
            return page(error.status_code, detail, "", headers)
        return problem(request, error.status_code, code, detail, headers=headers)

    async def unforeseen(request: Request, error: Exception) -> Response:
        return internal(request)  # it is raised again, for the guard to log

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        NeuroscribeError: ours,
        RequestValidationError: invalid,
        HTTPException: plain,
        Exception: unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _told(error: HTTPException) -> tuple[str, str]:
    """Code and detail. Why a body cannot be read the framework does not say: its cause does."""
    if isinstance(error, Refusal):
        return error.code, str(error.detail)
    for kind, said in _UNREAD.items():
        if isinstance(error.__cause__, kind):
            return "malformed_json", said
    return HTTPStatus(error.status_code).phrase.lower().replace(" ", "_"), str(error.detail)


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asks, and not for the API."""
    path = request.url.path
    return not path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


def page(status: int, detail: str, hint: str, headers: dict[str, str] | None = None) -> Response:
    """The problem as a page."""
    from service.pages.served import page as drawn

    title = HTTPStatus(status).phrase
    drawing = drawn("problem.html.j2", title=title, detail=detail, hint=hint)
    return HTMLResponse(drawing, status, _with_retry(status, headers))


def internal(request: Request) -> Response:
    """The answer to what nobody foresaw."""
    return problem(
        request,
        500,
        "internal",
        "something went wrong that was not foreseen",
        "this is a defect: the log holds it under this request's id",
    )
