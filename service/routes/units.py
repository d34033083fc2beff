"""What is known of subjects and their units; nothing here spends."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from core.documents import ExplainDocument, UnitProfile
from service.auth import Admin, Reader
from service.bodies import SearchAsked, SubjectBody
from service.documents import Page, ScoredExplanation, SubjectShown, SubjectSites
from service.problems import documented
from service.routes.common import Identifier, PageSize, Site, Subject, Unit, Work, document
from storage.documents import SiteLine
from storage.found import MeaningPage, SearchPage

router = APIRouter(prefix="/v1", tags=["units"])
READ = documented(404, 409)
DOCUMENT = READ | {
    200: {"model": ExplainDocument, "description": "the investigation"},
    304: {"description": "what was sent in If-None-Match is still the newest"},
}


@router.get("/subjects", responses=documented())
async def list_subjects(desk: Work, caller: Reader) -> list[SubjectShown]:
    """Every model that may be asked about."""
    return await desk.subjects()


@router.get("/subjects/{subject}", responses=documented(404))
async def show_subject(subject: Subject, desk: Work, caller: Reader) -> SubjectSites:
    """A model with its sites; it is loaded if it was not."""
    return await desk.subject(subject)


@router.post("/subjects", status_code=201, responses=documented(404, 502))
async def add_subject(
    body: SubjectBody, response: Response, desk: Work, caller: Admin
) -> SubjectSites:
    """Register a model of the Hugging Face hub that the service's settings list.

    It is fetched and loaded first: what cannot be a subject is not registered.
    """
    found = await desk.add_subject(body)
    response.headers["Location"] = f"/v1/subjects/{found.name}"
    return found


@router.delete("/subjects/{subject}", status_code=204, responses=documented(404, 409))
async def remove_subject(subject: Subject, desk: Work, caller: Admin) -> None:
    """Forget a model that was registered; what is stored of it stays."""
    await desk.remove_subject(subject)


@router.get("/units/{subject}/{site}", responses=documented(404))
async def list_units(
    subject: Subject,
    site: Site,
    desk: Work,
    caller: Reader,
    limit: PageSize = 100,
    after: Annotated[int, Query(ge=-1, lt=10**9, description="the last number seen")] = -1,
) -> Page[SiteLine]:
    """Units of a site that were investigated, by number."""
    return await desk.units(subject, site, after, limit)


@router.get("/units/{subject}/{site}/{index}", response_model=None, responses=DOCUMENT)
async def show_unit(request: Request, unit: Unit, desk: Work, caller: Reader) -> Response:
    """The newest investigation of a unit: evidence, explanations, scores, experiments."""
    return document(request, await desk.document(unit))


@router.get("/runs/{id}", response_model=None, responses=DOCUMENT)
async def show_run(request: Request, id: Identifier, desk: Work, caller: Reader) -> Response:
    """One investigation, whatever came after it."""
    return document(request, await desk.run(id))


@router.get("/units/{subject}/{site}/{index}/profile", responses=READ)
async def show_profile(unit: Unit, desk: Work, caller: Reader) -> UnitProfile:
    """What a unit fires on, without explaining it; its site must have been collected."""
    return await desk.profile(unit)


@router.get("/units/{subject}/{site}/{index}/explanations", responses=READ)
async def list_explanations(
    unit: Unit,
    desk: Work,
    caller: Reader,
    limit: PageSize = 100,
    after: Annotated[int, Query(ge=0, lt=2**31, description="the last version seen")] = 0,
) -> Page[ScoredExplanation]:
    """Everything ever said about a unit, with its scores, oldest version first."""
    found = [e for e in await desk.versions(unit) if e.explanation.version > after]
    more = len(found) > limit
    return Page(
        items=found[:limit],
        next=str(found[limit - 1].explanation.version) if more else None,
    )


@router.get("/search", responses=documented(501))
async def search(
    asked: Annotated[SearchAsked, Query()], desk: Work, caller: Reader
) -> MeaningPage | SearchPage:
    """Stored explanations that hold all words, or are nearest in meaning; best match first."""
    if asked.by == "meaning":
        return await desk.meaning(asked)
    return await desk.search(asked)
