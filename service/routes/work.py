"""What makes models work: explanations, sweeps, texts to run, and jobs to look after."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from core.documents import ExplainDocument
from core.interventions import InterventionDocument
from service.auth import Reader, Runner
from service.bodies import ExplainBody, FiringBody, InterveneBody, LimitsBody, RunBody, SweepBody
from service.documents import FiringFound, TextsRun
from service.events import Feeds
from service.problems import documented, failure
from service.routes.common import (
    Following,
    IdempotencyKey,
    Identifier,
    PageSize,
    Work,
    document,
    job_name,
    waited,
)
from storage.job_documents import JobDocument

Responses = dict[int | str, dict[str, Any]]
router = APIRouter(prefix="/v1", tags=["work"])
SPENDS: Responses = documented(402, 404, 409, 501, 502, 507)
JOB = documented(404, 409)
EVENT = {
    "type": "object",
    "description": "one server-sent event; data is JSON",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["job", "item", "step"]},
        "data": {"type": "string"},
    },
    "required": ["data"],
}
MADE: Responses = {202: {"model": JobDocument, "description": "a job that goes on by itself"}}


@router.post(
    "/explanations",
    response_model=None,
    responses=SPENDS | MADE | {200: {"model": ExplainDocument, "description": "the answer"}},
)
async def explain(
    request: Request,
    body: ExplainBody,
    desk: Work,
    feeds: Following,
    caller: Runner,
    key: IdempotencyKey = None,
) -> Response:
    """Explain a unit: the stored answer, or one that is made now and waited for.

    What takes longer than ``wait`` seconds goes on as a job: 202, with its place in ``Location``.
    """
    asked = await desk.explain(body, caller, job_name(caller, key))
    if asked.job is None:
        assert asked.document is not None
        return document(request, asked.document)
    ended = await waited(request, _ending(feeds, asked.job.id), body.wait)
    if ended is None:
        return _made(asked.job)
    if ended["state"] == "done":
        return document(request, await desk.run(ended["run_id"]))
    raise failure(ended["error_code"], ended["error"])


@router.post("/jobs", status_code=202, response_model=None, responses=SPENDS | MADE)
async def sweep(
    body: SweepBody, desk: Work, caller: Runner, key: IdempotencyKey = None
) -> Response:
    """Explain many units of a site as one job."""
    return _made(await desk.sweep(body, caller, job_name(caller, key)))


@router.get("/jobs", responses=documented())
async def list_jobs(desk: Work, caller: Reader, limit: PageSize = 20) -> list[JobDocument]:
    """Jobs, newest first."""
    return await desk.jobs(limit)


@router.get("/jobs/{id}", responses=JOB)
async def show_job(id: Identifier, desk: Work, caller: Reader) -> JobDocument:
    """How a job stands: what is done, what failed and why, what it cost, when it may end."""
    return await desk.job(id)


@router.get(
    "/jobs/{id}/events",
    response_class=StreamingResponse,
    responses=JOB
    | {
        200: {"content": {"text/event-stream": {"schema": EVENT}}},
        204: {"description": "the job has ended and nothing came since"},
    },
)
async def follow_job(
    id: Identifier,
    desk: Work,
    feeds: Following,
    caller: Reader,
    last: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=0, lt=2**31, description="goes on after it")
    ] = None,
    after: Annotated[int, Query(ge=0, lt=2**31, description="where Last-Event-ID is absent")] = 0,
) -> Response:
    """What happens in a job, as server-sent events, until it ends.

    ``item``: a unit ended; ``job``: the job is in another state; ``step``: a step of an
    investigation. Their ids count from 1 without gaps.
    """
    job = await desk.job(id)
    seen = after if last is None else last
    if seen and not await desk.events(job.id, seen - 1, 1):
        seen = 0  # that has not happened in this job: whoever says so is told all
    if job.finished is not None and not await desk.events(job.id, seen, 1):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        feeds.stream(job.id, seen), media_type="text/event-stream", headers=headers
    )


@router.post("/jobs/{id}/pause", responses=JOB)
async def pause(id: Identifier, desk: Work, caller: Runner) -> JobDocument:
    """Begin no more units; what was begun is finished."""
    return await desk.pause(id, caller)


@router.post("/jobs/{id}/resume", responses=SPENDS)
async def resume(
    id: Identifier, desk: Work, caller: Runner, body: LimitsBody | None = None
) -> JobDocument:
    """Go on with a job that was paused, with new limits if any are given."""
    return await desk.resume(id, body or LimitsBody(), caller)


@router.post("/jobs/{id}/cancel", responses=JOB)
async def cancel(id: Identifier, desk: Work, caller: Runner) -> JobDocument:
    """End a job now; answers that were found are kept."""
    return await desk.cancel(id, caller)


@router.post("/jobs/{id}/retry-failed", responses=SPENDS)
async def retry_failed(id: Identifier, desk: Work, caller: Runner) -> JobDocument:
    """Queue failed units again."""
    return await desk.retry_failed(id, caller)


@router.post("/activations", responses=documented(404, 501))
async def run_texts(body: RunBody, desk: Work, caller: Runner) -> TextsRun:
    """Run texts of your own on a unit; requests that wait for one model are answered together."""
    return await desk.texts(body)


@router.post("/search/firing", responses=documented(404, 409))
async def find_firing(body: FiringBody, desk: Work, caller: Runner) -> FiringFound:
    """Units that fire on a text, by how unusual that is for each; sites must be collected."""
    return await desk.firing(body)


@router.post("/interventions", responses=documented(404, 409))
async def intervene(body: InterveneBody, desk: Work, caller: Runner) -> InterventionDocument:
    """Ablate or push a unit while the model reads: how its prediction moves.

    Other units edited alike, and random directions, stand beside it.
    """
    return await desk.intervene(body)


async def _ending(feeds: Feeds, job: str) -> dict[str, Any] | None:
    """How the only unit of a job ended; None when the job was paused."""
    async with aclosing(feeds.follow(job, 0)) as events:
        async for event in events:
            if event is not None and event.kind == "item":
                return dict(event.data)
            if event is not None and event.data.get("state") == "paused":
                return None
    return None


def _made(job: JobDocument) -> Response:
    return Response(
        job.model_dump_json(),
        202,
        {"Location": f"/v1/jobs/{job.id}"},
        media_type="application/json",
    )
