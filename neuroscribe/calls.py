"""The record of calls to language models: list them, look at one, put one again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast, get_args

from core.errors import InvalidSetting, ModelError, StorageError
from neuroscribe.models import Spending
from neuroscribe.workspace import Workspace

if TYPE_CHECKING:
    from llms.protocol import Request
    from storage.calls import CallRecord, CallStatus, Spent

REPLAY = "replay"


def list_calls(
    *, run: str | None = None, role: str | None = None, status: str | None = None, limit: int = 20
) -> tuple[list[CallRecord], Spent]:
    """Calls, newest first, and what all calls (of the run) cost together."""
    from storage.calls import CallStatus

    known = get_args(CallStatus)
    if status is not None and status not in known:
        raise InvalidSetting(f"{status!r} is no status of a call", f"known: {', '.join(known)}")
    with Workspace().store() as store:
        chosen = cast("CallStatus | None", status)
        return store.calls(run=run, role=role, status=chosen, limit=limit), store.spent(run)


def find_call(id: str) -> CallRecord:
    """One call by its id or a prefix of it; :class:`NotStored` if there is none."""
    with Workspace().store() as store:
        return store.call(id)


def replay_call(
    id: str, *, model: str | None = None, usd: float | None = None
) -> tuple[CallRecord, CallRecord]:
    """Put a stored request again, past the cache: the old call and the new one, both stored."""
    workspace = Workspace()
    with workspace.store() as store:
        old = store.call(id)
        request = _request(old)
        name = model or old.model

        async def ask() -> None:
            from llms.budget import Budget
            from llms.open import open_model
            from llms.protocol import ChatRequest
            from llms.wrappers.record import Recorder
            from neuroscribe.models import options_of

            options = options_of(workspace.settings, Spending(), run=REPLAY, reuse=False)
            opened = open_model(name, Recorder(store), Budget(usd=usd), options)
            try:
                if isinstance(request, ChatRequest):
                    await opened.chat(request)
                else:
                    await opened.slots(request)
            finally:
                await opened.close()

        try:
            asyncio.run(ask())
        except ModelError:
            newest = store.calls(run=REPLAY, limit=1)
            if not newest or newest[0].key != request.key(name):
                raise
        return old, store.calls(run=REPLAY, limit=1)[0]


def _request(call: CallRecord) -> Request:
    from pydantic import ValidationError

    from llms.protocol import ChatRequest, SlotRequest

    kind = SlotRequest if "segments" in call.request else ChatRequest
    try:
        return kind.model_validate(call.request)
    except ValidationError as error:
        raise StorageError(
            f"the request of call {call.id!r} is of another version", "it cannot be replayed"
        ) from error
