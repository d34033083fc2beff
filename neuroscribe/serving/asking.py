"""Jobs that are asked for over HTTP: the same request makes one, however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import NotStored, StorageError
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
    from neuroscribe.serving.allowances import Allowances, Purse
    from neuroscribe.workspace import Workspace
    from service.auth import Caller
    from service.bodies import Spend
    from storage import Store, StoredJob


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a job, and what of: the limits of the caller, or of an answer of the chat."""

    caller: Caller
    allowances: Allowances
    purse: Purse | None = None

    def may(self, request: SweepRequest, limits: SweepOptions) -> SweepOptions:
        """The limits of a new job; :class:`BudgetReached` when nothing is left."""
        if not request.models.asked:
            return limits
        if self.purse is not None:
            return self.purse.part(limits)
        return self.allowances.within(self.caller, limits)

    def note(self, request: SweepRequest, job: str, limits: SweepOptions) -> None:
        """The job was made with these limits."""
        if self.purse is not None and request.models.asked:
            self.purse.give(job, limits)


def job_for(
    workspace: Workspace,
    store: Store,
    request: SweepRequest,
    limits: SweepOptions,
    chosen: Chosen,
    keys: Keys,
    asker: Asker,
    id: str | None,
) -> StoredJob:
    """The job of a request. With ``id`` that of this id, made now or before.

    Without, the caller's job of the same request that has not ended, or a new one.
    :class:`ServiceError` (422, ``idempotency_key_reused``) when the job of that id was made for
    something else.
    """
    asked, caller = limits, asker.caller
    if id is None:
        new = SweepOptions() if caller.limited else limits  # its limits stay as they were set
        found = unfinished(store, request, new, chosen, engine=ENGINE, owner=caller.name)
        if found is not None:
            return found
    else:
        known = _known(store, id)
        if known is not None:
            return _same(known, request, asked, chosen, caller)
    try_models(workspace, request, _least_usd(asker, limits))
    try:
        with asker.allowances.deciding():
            limits = asker.may(request, limits)
            made = make_job(
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
            asker.note(request, made.id, limits)
        return made
    except StorageError:
        known = None if id is None else _known(store, id)  # made at the same moment elsewhere
        if known is None:
            raise
        return _same(known, request, asked, chosen, caller)


def _least_usd(asker: Asker, limits: SweepOptions) -> float | None:
    """A limit in money, if there is any: then models without a price are refused."""
    return asker.caller.budget_usd if limits.budget_usd is None else limits.budget_usd


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
