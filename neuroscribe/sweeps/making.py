"""From a request to its job: the unfinished one of the same request, or a new one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from core.errors import JobState
from neuroscribe.models import Spending, open_models
from neuroscribe.sweeps.request import KIND, Keys, SweepRequest
from neuroscribe.sweeps.units import Chosen

if TYPE_CHECKING:
    from neuroscribe.sweeping import SweepOptions
    from neuroscribe.workspace import Workspace
    from storage import Store, StoredJob
    from storage.records import JsonObject

OFFLINE_CONCURRENCY = 2
"""Units at once without a language model: one has the processor while one is being stored."""
_LOOKED_THROUGH = 50


def unfinished(
    store: Store,
    request: SweepRequest,
    options: SweepOptions,
    chosen: Chosen,
    *,
    engine: str | None = None,
    owner: str | None = None,
) -> StoredJob | None:
    """The job of the same request that has not ended, resumed, with these limits.

    With ``engine`` only one that it runs and that has this ``owner``.
    """
    parameters = parameters_of(request, chosen)
    for known in store.jobs.newest(_LOOKED_THROUGH):
        same = (known.kind, known.subject, known.site) == (KIND, request.subject, request.site)
        if known.state in ("done", "cancelled") or not same or known.parameters != parameters:
            continue
        if engine is not None and (known.engine, known.owner) != (engine, owner):
            continue
        try:
            store.jobs.resume(known.id)
        except JobState:  # it has ended meanwhile
            continue
        return store.jobs.allow(
            known.id, budget_usd=options.budget_usd, max_calls=options.max_calls
        )
    return None


def make_job(
    workspace: Workspace,
    store: Store,
    request: SweepRequest,
    options: SweepOptions,
    chosen: Chosen,
    keys: Keys,
    *,
    id: str | None = None,
    engine: str | None = None,
    owner: str | None = None,
) -> StoredJob:
    """A new job about the chosen units."""
    from storage import JobRecord

    record = JobRecord(
        id=id or uuid4().hex[:16],
        kind=KIND,
        subject=request.subject,
        site=request.site,
        parameters=parameters_of(request, chosen),
        budget_usd=options.budget_usd,
        max_calls=options.max_calls,
        concurrency=concurrency_of(workspace, request, options),
        engine=engine or options.engine.name,
        owner=owner,
        created=datetime.now(UTC).isoformat(),
    )
    return store.jobs.create(record, chosen.units, keys.of(chosen.units))


def parameters_of(request: SweepRequest, chosen: Chosen) -> JsonObject:
    """What is kept with the job."""
    return {**request.parameters(), "dead": chosen.dead}


def concurrency_of(workspace: Workspace, request: SweepRequest, options: SweepOptions) -> int:
    """How many units are in hand at once."""
    default = workspace.settings.llm_concurrency if request.models.asked else OFFLINE_CONCURRENCY
    return options.concurrency or default


def try_models(workspace: Workspace, request: SweepRequest, usd: float | None) -> None:
    """Open and close the models, so that a missing key or price is told before a job is made."""
    spending = Spending(usd=usd, concurrency=1)

    async def attempt() -> None:
        with workspace.store() as store:
            models = open_models(request.models, store, workspace.settings, spending)
            await models.close()

    if request.models.explainer.startswith("vllm:"):
        return  # it takes the device's memory: once is enough
    asyncio.run(attempt())
