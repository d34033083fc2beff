"""The limits of an API key hold for all that it does at one moment, the chat's answers too."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import BudgetReached, JobState
from core.ids import UnitId
from core.settings import load_settings
from llms.budget import Budget
from neuroscribe.serving import asking
from neuroscribe.serving.allowances import Allowances
from neuroscribe.serving.desk import LocalDesk
from neuroscribe.sweeping import SweepOptions
from neuroscribe.workspace import CorpusChoice, Workspace
from service.auth import Caller
from service.bodies import ExplainBody
from service.conversations import ChatBody, DecideBody
from storage import JobRecord, Store

MODEL = "openai:m@http://127.0.0.1:9/v1"  # nothing listens there
KEY = Caller("aaaa", "run", max_calls=10)


@pytest.fixture
def store(begun_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_MODELS", json.dumps([MODEL]))
    monkeypatch.setattr(asking, "try_models", lambda *given: None)
    with Workspace(load_settings()).store() as opened:
        yield opened


@pytest.fixture
def desk(store: Store, corpus: Path) -> LocalDesk:
    return LocalDesk(Workspace(load_settings()), store, CorpusChoice(str(corpus)))


def body(index: int, **limits: Any) -> ExplainBody:
    return ExplainBody(unit=UnitId("planted", "exact", index), explainer=MODEL, **limits)


def test_requests_at_one_moment_share_what_is_left(
    desk: LocalDesk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asking.make_job

    def slowly(*given: Any, **named: Any) -> Any:
        time.sleep(0.05)  # long enough for the other to have read what was left
        return made(*given, **named)

    monkeypatch.setattr(asking, "make_job", slowly)

    async def both() -> list[Any]:
        asked = (desk.explain(body(i, max_calls=8), KEY, None) for i in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(both())
    assert sorted(job.max_calls or 0 for job in store.jobs.owned(KEY.name)) == [2, 8]
    assert [type(one) for one in found if isinstance(one, Exception)] == [BudgetReached]


def test_what_an_answer_may_spend_is_set_aside_and_shared_with_its_jobs(
    desk: LocalDesk, store: Store
) -> None:
    async def scene() -> None:
        async with desk:
            say = ChatBody(text="explain planted/exact/3", thread="t", explainer=MODEL)
            turn = (await desk.talks.say(say, KEY, None)).turn
            assert turn is not None
            told = await desk.talks.heard("t", KEY, turn, 0, 60)
            assert told is not None
            assert told[-1].data["state"] == "waiting"
            await desk.talks.decide("t", DecideBody(allow=True, max_calls=4), KEY)
            while not store.jobs.owned(KEY.name):
                await asyncio.sleep(0.02)
            (job,) = store.jobs.owned(KEY.name)
            assert job.max_calls == 4  # what it was told, not all that the key has
            asked = await desk.explain(body(1), KEY, None)
            assert asked.job is not None
            assert asked.job.max_calls == 6
            with pytest.raises(BudgetReached, match="under way"):
                await desk.explain(body(2), KEY, None)
            await desk.talks.stop("t", KEY)

    asyncio.run(scene())


def test_an_answer_counts_until_it_has_ended(store: Store) -> None:
    allowances = Allowances(store)
    purse = allowances.open(KEY, Budget(calls=7))
    assert allowances.within(KEY, SweepOptions()).max_calls == 3
    part = purse.part(SweepOptions())
    assert part.max_calls == 7
    purse.give("job", SweepOptions(max_calls=7))  # it is counted as a job from now on
    assert allowances.within(KEY, SweepOptions()).max_calls == 10
    purse.take_back("job", 0.0, 5)
    assert allowances.within(KEY, SweepOptions()).max_calls == 5
    allowances.close(purse)
    assert allowances.within(KEY, SweepOptions()).max_calls == 10
    with pytest.raises(JobState, match="stopped"):
        purse.part(SweepOptions())


def test_a_job_that_is_tried_again_sets_its_limits_aside_again(
    desk: LocalDesk, store: Store
) -> None:
    """Else a key could spend all on another job, and then again on what had failed."""
    unit = UnitId("planted", "exact", 0)
    for id, calls in (("a" * 16, 10), ("b" * 16, 7)):
        record = JobRecord(
            id=id,
            subject=unit.subject,
            site=unit.site,
            parameters={},
            engine="elsewhere",
            owner=KEY.name,
            created="2025-01-31T12:00:00Z",
            max_calls=calls,
        )
        store.jobs.create(record, [unit])
    (item,) = store.jobs.claim("a" * 16, "worker", limit=1, lease_seconds=60)
    store.jobs.fail(item, "worker", "timed_out", "it took too long")
    assert store.jobs.get("a" * 16).state == "done"
    assert asyncio.run(desk.retry_failed("a" * 16, KEY)).max_calls == 3
