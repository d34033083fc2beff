"""What the chat's tools have done elsewhere in the service: explanations and sweeps, as jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from core.documents import ExplainDocument
from core.errors import JobState
from neuroscribe.explaining import ExplainRequest
from neuroscribe.serving.allowances import Allowances, Purse
from neuroscribe.serving.answering import Answering
from neuroscribe.serving.asking import Asker, job_for
from neuroscribe.sweeping import SweepOptions, SweepRequest
from neuroscribe.sweeps.request import Keys
from neuroscribe.sweeps.units import Chosen
from service.bodies import ExplainBody
from service.desk import Asked
from service.problems import failure

if TYPE_CHECKING:
    from neuroscribe.chatting.desk import Desk
    from neuroscribe.workspace import Workspace
    from service.auth import Caller
    from storage import Store, StoredJob

LOOK_SECONDS = 0.2
Explain = Callable[[ExplainBody, "Caller", str | None, Purse | None], Awaitable[Asked]]


@dataclass(frozen=True, slots=True)
class WorkForTalks:
    """Jobs in the name of ``caller``. ``explain`` is the desk's; ``loop`` is where it is called.
    Steps of an investigation are told in ``answering``. Where language models are asked at all,
    they are paid from ``purse``.

    Both methods are called in threads of their own.
    """

    workspace: Workspace
    store: Store
    caller: Caller
    explain: Explain
    wake: Callable[[], None]
    loop: asyncio.AbstractEventLoop
    answering: Answering
    allowances: Allowances
    purse: Purse | None

    def investigate(self, desk: Desk, request: ExplainRequest) -> ExplainDocument:
        """The answer, stored or made by a job that is waited for.

        Raises what the job failed with; :class:`JobState` where it was paused or cancelled, or
        where nobody waits for the answer any more.
        """
        body = ExplainBody(
            unit=request.unit,
            explainer=request.models.explainer,
            simulator=request.models.simulator,
            mode=request.mode,
            seed=request.seed,
        )
        asked = asyncio.run_coroutine_threadsafe(self._asked(body), self.loop).result()
        if asked.document is not None:
            return ExplainDocument.model_validate_json(asked.document.text)
        assert asked.job is not None
        job = asked.job.id
        usd, calls = (0.0, 0) if self.purse is None else self.purse.given.get(job, (0.0, 0))
        desk.put_aside(usd, calls)
        try:
            return self._ended(job)
        finally:
            self._take_back(desk, job, usd, calls)

    async def _asked(self, body: ExplainBody) -> Asked:
        return await self.explain(body, self.caller, None, self.purse)

    def _take_back(self, desk: Desk, job: str, usd: float, calls: int) -> None:
        """What an explanation left of its part may be spent on what is said of it."""
        if self.purse is None or job not in self.purse.given:
            return
        with self.allowances.deciding():
            if self.store.jobs.get(job).finished is None:
                return
            spent = self.store.jobs.spent(job)
            usd, calls = max(0.0, usd - (spent.usd or 0.0)), max(0, calls - spent.calls)
            self.purse.take_back(job, usd, calls)
            desk.put_aside(-usd, -calls)

    def _ended(self, job: str) -> ExplainDocument:
        seen = 0
        while not self.answering.stopped.is_set():
            for event in self.store.jobs.events(job, seen, 500):
                seen, data = event.number, event.data
                if event.kind == "step":
                    said: dict[str, JsonValue] = {"said": f"{data.get('name')}: {data.get('said')}"}
                    self.loop.call_soon_threadsafe(self.answering.happen, "step", said)
                if event.kind == "item" and data.get("state") == "failed":
                    raise failure(str(data["error_code"]), str(data["error"]))
                if event.kind == "item" and data.get("run_id"):
                    found = self.store.documents.of_run(str(data["run_id"]))
                    assert found is not None
                    return ExplainDocument.model_validate_json(found.text)
                if event.kind == "job" and data.get("state") in ("paused", "cancelled"):
                    raise JobState(
                        f"job {job} is {data['state']}: {data.get('reason') or 'on request'}",
                        "resume it, then ask again",
                    )
            time.sleep(LOOK_SECONDS)
        raise JobState(f"job {job} goes on by itself", "ask again when it has ended")

    def make(
        self,
        desk: Desk,
        store: Store,
        request: SweepRequest,
        options: SweepOptions,
        chosen: Chosen,
        keys: Keys,
    ) -> StoredJob:
        """See :class:`neuroscribe.chatting.work.JobMaker`."""
        asker = Asker(self.caller, self.allowances, self.purse)
        job = job_for(self.workspace, store, request, options, chosen, keys, asker, None)
        self.wake()
        return job
