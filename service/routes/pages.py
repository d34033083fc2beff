"""The web page: server-rendered, readable without scripts, loading nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.documents import ExplainDocument
from core.errors import NeuroscribeError, NotStored
from core.ids import UnitId
from service.auth import COOKIE, Gate, Reader
from service.bodies import FiringBody, SearchAsked
from service.pages import served
from service.pages.history import not_the_newest, notices
from service.pages.site import site_page
from service.pages.unit import unit_page
from service.problems import ServiceError, status_of
from service.routes.common import Identifier, Site, Subject, Unit, Work, form_of, typed
from service.routes.trying import READ_ONLY, Trying

router = APIRouter(include_in_schema=False)
SHOWN = 500
STATIC = {
    "unit.css": ("templates", "text/css"),
    "app.css": ("static", "text/css"),
    "app.js": ("static", "text/javascript"),
    "talk.js": ("static", "text/javascript"),
    "icon.svg": ("static", "image/svg+xml"),
}


@router.get("/")
async def home(desk: Work, caller: Reader) -> HTMLResponse:
    """Models and jobs."""
    return HTMLResponse(served.home_page(await desk.subjects(), await desk.jobs(10)))


@router.get("/ask")
async def ask(unit: Annotated[str, Query(max_length=500)], caller: Reader) -> Response:
    """From what was typed to its page."""
    named = unit.strip().strip("/")
    if named.count("/") == 1 and "/L" not in named:
        UnitId.parse(f"{named}/0")
        return RedirectResponse(f"/units/{named}", 303)
    return RedirectResponse(f"/units/{UnitId.parse(named)}", 303)


@router.get("/subjects/{subject}")
async def subject(subject: Subject, desk: Work, caller: Reader) -> HTMLResponse:
    """A model's layers."""
    return HTMLResponse(served.subject_page(await desk.subject(subject)))


@router.get("/units/{subject}/{site}")
async def site(
    subject: Subject,
    site: Site,
    desk: Work,
    caller: Reader,
    sort: Annotated[str, Query(pattern="^(index|verdict|value)$")] = "index",
) -> HTMLResponse:
    """A layer."""
    found = await desk.subject(subject)
    width = {s.name: s.width for s in found.sites}.get(site)
    if width is None:
        raise NotStored(f"subject {subject!r} has no site {site!r}", "see its page")
    lines = await desk.units(subject, site, -1, SHOWN)
    name = f"{subject}/{site}"
    return HTMLResponse(site_page(name, width, lines.items, lines.next is not None, sort))


@router.get("/units/{subject}/{site}/{index}")
async def unit(unit: Unit, desk: Work, caller: Reader, tried: Trying) -> HTMLResponse:
    """A unit, and what the reader tries on it."""
    try:
        stored = await desk.document(unit)
        document = ExplainDocument.model_validate_json(stored.text)
    except NotStored:
        await desk.check(unit)
        document = None
    versions = await desk.history(unit)
    page = served.unit_page(
        unit,
        document,
        versions=versions,
        notices=[] if document is None else notices(document, versions),
        tried=tried,
    )
    return HTMLResponse(page)


@router.get("/runs/{id}")
async def run(id: Identifier, desk: Work, caller: Reader) -> HTMLResponse:
    """One investigation of a unit, whatever came after it."""
    document = ExplainDocument.model_validate_json((await desk.run(id)).text)
    newest = await desk.document(document.unit)
    page = served.unit_page(
        document.unit,
        document,
        versions=await desk.history(document.unit),
        notices=not_the_newest(document, newest.run),
    )
    return HTMLResponse(page)


@router.get("/units/{subject}/{site}/{index}/file")
async def unit_file(unit: Unit, desk: Work, caller: Reader) -> HTMLResponse:
    """The newest investigation of a unit as one file."""
    stored = await desk.document(unit)
    page = unit_page(ExplainDocument.model_validate_json(stored.text))
    name = str(unit).replace("/", "-")
    return HTMLResponse(
        page, headers={"Content-Disposition": f'attachment; filename="{name}.html"'}
    )


@router.get("/search")
async def search(
    desk: Work,
    caller: Reader,
    q: Annotated[str, Query(max_length=2_000)] = "",
    by: Annotated[str, Query(pattern="^(words|meaning)$")] = "words",
    after: Annotated[str | None, Query(max_length=500)] = None,
) -> HTMLResponse:
    """Stored explanations by their words or their meaning."""
    asked = {"q": q, "by": by, "embedder": desk.embedder, "subjects": await desk.subjects()}
    if not q.strip():
        return HTMLResponse(served.search_page(asked))
    try:
        if by == "meaning":
            wanted = SearchAsked(q=q, by="meaning", after=after or None)
            return HTMLResponse(served.search_page(asked, await desk.meaning(wanted)))
        found = await desk.search(SearchAsked(q=q, after=after or None))
    except NeuroscribeError as error:
        return HTMLResponse(served.search_page(asked, fault=str(error)), status_of(error))
    return HTMLResponse(served.search_page(asked, found))


@router.get("/search/firing")
async def firing(
    desk: Work,
    caller: Reader,
    subject: Annotated[str, Query(max_length=200)] = "",
    site: Annotated[str, Query(max_length=200)] = "",
    text: Annotated[str, Query(max_length=2_000)] = "",
) -> HTMLResponse:
    """Units that fire on a text."""
    text = typed(text)
    asked = {"subject": subject, "site": site, "text": text, "subjects": await desk.subjects()}
    if not (subject and text.strip()):
        return HTMLResponse(served.firing_page(asked))
    if not caller.may("run"):
        return HTMLResponse(served.firing_page(asked, fault=READ_ONLY), 403)
    try:
        found = await desk.firing(FiringBody(subject=subject, site=site or None, text=text))
    except NeuroscribeError as error:
        return HTMLResponse(served.firing_page(asked, fault=str(error)), status_of(error))
    return HTMLResponse(served.firing_page(asked, found))


@router.get("/jobs")
async def jobs(desk: Work, caller: Reader) -> HTMLResponse:
    """The newest jobs."""
    return HTMLResponse(served.jobs_page(await desk.jobs(50)))


@router.get("/jobs/{id}")
async def job(id: Identifier, desk: Work, caller: Reader) -> HTMLResponse:
    """How a job stands; a script follows it."""
    found = await desk.job(id)
    events = await desk.events(found.id, 0, served.EVENTS_SHOWN)
    return HTMLResponse(served.job_page(found, events))


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A style sheet or script of ours; there are no others."""
    if name not in STATIC:
        raise NotStored(f"there is no file {name!r}")
    folder, kind = STATIC[name]
    content = (files("service.pages") / folder / name).read_text(encoding="utf-8")
    return Response(content, media_type=kind, headers={"Cache-Control": "max-age=300"})


@router.get("/login")
async def login_page() -> HTMLResponse:
    """Where a key is typed."""
    return HTMLResponse(served.page("login.html.j2", refused=""))


@router.post("/login")
async def login(request: Request) -> Response:
    """Keeps the key in a cookie that no script can read and no other site can send."""
    key = (await form_of(request)).get("key", "").strip()
    gate: Gate = request.app.state.gate
    try:
        await gate.caller(key)
    except ServiceError as error:
        return HTMLResponse(served.page("login.html.j2", refused=error.message), error.status)
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=secure)
    return answer
