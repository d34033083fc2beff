"""Jobs that are asked for over HTTP: the same request makes one, however often it is sent."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from core.errors import NotStored, StorageError
from neuroscribe.serving.worker import ENGINE
from neuroscribe.sweeping import SweepOptions, SweepRequest
from neuroscribe.sweeps.making import make_job, parameters_of, try_models, unfinished
from neuroscribe.sweeps.request import Keys
from neuroscribe.sweeps.units import Chosen
from service.problems import ServiceError

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from service.auth import Caller
    from storage import Store, StoredJob


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
    if id is None:
        found = unfinished(store, request, limits, chosen, engine=ENGINE, owner=caller.name)
        if found is not None:
            return found
    else:
        known = _known(store, id)
        if known is not None:
            return _same(known, request, limits, chosen)
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
        return _same(known, request, limits, chosen)


def _known(store: Store, id: str) -> StoredJob | None:
    try:
        found = store.jobs.get(id)
    except NotStored:
        return None
    return found if found.id == id else None


def _same(
    known: StoredJob, request: SweepRequest, limits: SweepOptions, chosen: Chosen
) -> StoredJob:
    asked = (parameters_of(request, chosen), limits.budget_usd, limits.max_calls)
    if (known.parameters, known.budget_usd, known.max_calls) != asked:
        raise ServiceError(
            422,
            "idempotency_key_reused",
            "this Idempotency-Key was sent with another body",
            "send a new key with a new request",
        )
    return known


class KnownKeys:
    """Keys of requests, worked out once for each subject and choice: that reads all its weights.

    Subjects are loaded once for as long as the service runs, and keys must be of what is loaded.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._plain = lru_cache(maxsize=256)(lambda request: request.keys(workspace).shared)

    def of(self, request: SweepRequest) -> Keys:
        """The keys of a request's units."""
        return Keys(request, self._plain(replace(request, units=None, sample=None)))
