"""Jobs that are asked for over HTTP: the same request makes one, however often it is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from core.errors import BudgetReached, NotStored, StorageError
from neuroscribe.models import PATTERN, ModelChoice, strategy_named
from neuroscribe.scorers import ScorerChoice
from neuroscribe.serving.worker import ENGINE
from neuroscribe.sweeping import SweepOptions, SweepRequest
from neuroscribe.sweeps.making import make_job, parameters_of, try_models, unfinished
from neuroscribe.sweeps.request import Keys
from neuroscribe.sweeps.units import Chosen
from service.problems import ServiceError

if TYPE_CHECKING:
    from core.settings import Settings
    from neuroscribe.workspace import Workspace
    from service.auth import Caller
    from service.bodies import Spend
    from storage import Store, StoredJob

N = TypeVar("N", int, float)


def job_for(
    workspace: Workspace,
    store: Store,
    request: SweepRequest,
    limits: SweepOptions,
    chosen: Chosen,
    keys: Keys,
    caller: Caller,
    id: str | None,
) -> StoredJob:
    """The job of a request. With ``id`` that of this id, made now or before.

    Without, the caller's job of the same request that has not ended, or a new one.
    :class:`ServiceError` (422, ``idempotency_key_reused``) when the job of that id was made for
    something else.
    """
    asked = limits
    if id is None:
        new = SweepOptions() if caller.limited else limits  # its limits stay as they were set
        found = unfinished(store, request, new, chosen, engine=ENGINE, owner=caller.name)
        if found is not None:
            return found
    else:
        known = _known(store, id)
        if known is not None:
            return _same(known, request, asked, chosen, caller)
    if request.models.asked:
        limits = within(store, caller, limits)
    try_models(workspace, request, limits.budget_usd)
    try:
        return make_job(
            workspace,
            store,
            request,
            limits,
            chosen,
            keys,
            id=id,
            engine=ENGINE,
            owner=caller.name,
        )
    except StorageError:
        known = None if id is None else _known(store, id)  # made at the same moment elsewhere
        if known is None:
            raise
        return _same(known, request, asked, chosen, caller)


def allowed_models(settings: Settings) -> tuple[str, ...]:
    """The models that may be named over HTTP, the one that is none first."""
    return PATTERN, *settings.service_models


def models_of(settings: Settings, body: Spend) -> ModelChoice:
    """The models that are named, if they may be over HTTP."""
    allowed = allowed_models(settings)
    for name in (body.explainer, body.simulator):
        if name is not None and name not in allowed:
            raise ServiceError(
                403,
                "model_not_allowed",
                f"model {name!r} may not be named over HTTP",
                "allowed: " + ", ".join(allowed),
            )
    simulates = body.explainer if body.simulator is None else body.simulator
    scorers = ScorerChoice.named(body.scorers, None, None, model=simulates != PATTERN)
    strategy = strategy_named(body.strategy)
    return ModelChoice(body.explainer, body.simulator, strategy, scorers=scorers)


def within(
    store: Store, caller: Caller, limits: SweepOptions, but: str | None = None
) -> SweepOptions:
    """The limits of a new job, such that all that the caller does keeps to those of the key.

    Conversations count with what they spent. Jobs that have not ended count with all that they may
    spend, job ``but`` not at all.
    :class:`BudgetReached` when nothing is left.
    """
    if not caller.limited:
        return limits
    usd, calls = store.conversations.spent(caller.name)
    for job in store.jobs.owned(caller.name):
        if job.id == but:
            continue
        spent = store.jobs.spent(job.id)
        open_still = job.finished is None
        usd += max(spent.usd or 0.0, (job.budget_usd or 0.0) if open_still else 0.0)
        calls += max(spent.calls, (job.max_calls or 0) if open_still else 0)
    left_usd = None if caller.budget_usd is None else caller.budget_usd - usd
    left_calls = None if caller.max_calls is None else caller.max_calls - calls
    if (left_usd is not None and left_usd <= 0) or (left_calls is not None and left_calls <= 0):
        raise BudgetReached(
            "what this API key may spend is spent, or set aside for jobs that have not ended",
            "use another key, or cancel a job",
        )
    return replace(
        limits,
        budget_usd=_least(limits.budget_usd, left_usd),
        max_calls=_least(limits.max_calls, left_calls),
    )


def _least(first: N | None, second: N | None) -> N | None:
    known = [value for value in (first, second) if value is not None]
    return min(known) if known else None


def _known(store: Store, id: str) -> StoredJob | None:
    try:
        found = store.jobs.get(id)
    except NotStored:
        return None
    return found if found.id == id else None


def _same(
    known: StoredJob, request: SweepRequest, limits: SweepOptions, chosen: Chosen, caller: Caller
) -> StoredJob:
    same = known.parameters == parameters_of(request, chosen)
    if not caller.limited:  # else what was set may be less than what was asked
        same &= (known.budget_usd, known.max_calls) == (limits.budget_usd, limits.max_calls)
    if not same:
        raise ServiceError(
            422,
            "idempotency_key_reused",
            "this Idempotency-Key was sent with another body",
            "send a new key with a new request",
        )
    return known
