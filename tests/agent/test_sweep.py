"""A sweep asks about every unit of a job once, whatever some of them do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweep_examples import (
    JOB,
    SHORT,
    Asked,
    Unsteady,
    done,
    forever,
    make_job,
    swept,
    units,
)

from agent.sweep import Done, SweepProgress, sweep
from core.errors import BudgetReached, ModelUnavailable, NotStored
from core.ids import UnitId
from storage import JobCounts, JobStore, open_store


@pytest.fixture
def jobs(tmp_path: Path, empty_file: Path) -> Iterator[JobStore]:
    file = copyfile(empty_file, tmp_path / "jobs.db")
    with open_store(f"sqlite:///{file}") as store:
        make_job(store.jobs, 10)
        yield store.jobs


def test_every_unit_is_asked_about_once_and_its_figures_are_kept(jobs: JobStore) -> None:
    asked = Asked()
    end = swept(jobs, asked)
    assert (end.why, end.counts, end.error) == ("done", JobCounts(done=10), None)
    assert asked.units == list(range(10))
    assert jobs.get(JOB).state == "done"
    for item in jobs.items(JOB):
        assert (item.run_id, item.verdict) == (f"run-{item.position}", "explained")
        assert (item.score, item.null_p95, item.seconds) == (0.5, 0.1, 2.0)
        assert item.attempts == 1


def test_no_more_units_are_in_hand_than_allowed(jobs: JobStore) -> None:
    asked = Asked({index: lambda: asyncio.sleep(0.001) for index in range(10)})
    swept(jobs, asked, concurrency=3)
    assert asked.most == 3


def test_what_a_unit_raises_fails_it_and_no_other(jobs: JobStore) -> None:
    end = swept(
        jobs,
        Asked(
            {
                1: ModelUnavailable("'tiny' answered HTTP 503", "try later"),
                3: KeyError("corpus"),
                5: RuntimeError("two\nlines " + "x" * 9999),
                7: asyncio.CancelledError(),
            }
        ),
    )
    assert (end.why, end.counts) == ("done", JobCounts(done=6, failed=4))
    failed = {item.position: item for item in jobs.items(JOB, "failed")}
    assert (failed[1].error_code, failed[1].error) == (
        "model_unavailable",
        "'tiny' answered HTTP 503",
    )
    assert (failed[3].error_code, failed[3].error) == ("internal", "KeyError: 'corpus'")
    assert str(failed[5].error).startswith("RuntimeError: two lines xxx")
    assert len(str(failed[5].error)) == 500
    assert (failed[7].error_code, failed[7].error) == ("internal", "it cancelled itself")


def test_an_answer_that_cannot_be_kept_fails_its_unit(jobs: JobStore) -> None:
    async def ask(unit: UnitId) -> Done:
        return replace(done(unit), score=float("nan")) if unit.index == 2 else done(unit)

    assert swept(jobs, ask).counts == JobCounts(done=9, failed=1)
    assert jobs.items(JOB)[2].error_code == "internal"


def test_a_unit_that_hangs_fails_when_its_time_is_over(jobs: JobStore) -> None:
    asked = Asked({0: forever, 9: forever})
    assert swept(jobs, asked, timeout=0.05).counts == JobCounts(done=8, failed=2)
    assert jobs.items(JOB)[9].error_code == "timeout"
    assert jobs.items(JOB)[9].error == "it took longer than 0.05 seconds"
    assert sorted(asked.cancelled) == [0, 9]


def test_a_timeout_inside_an_ask_is_not_the_sweep_s(jobs: JobStore) -> None:
    swept(jobs, Asked({0: TimeoutError("no answer")}), timeout=60)
    assert jobs.items(JOB)[0].error == "TimeoutError: no answer"


# budget, pause, cancel, stop


def test_a_budget_that_is_used_up_pauses_the_job_and_loses_nothing(jobs: JobStore) -> None:
    refused = asyncio.Event()

    async def refuse() -> None:
        refused.set()
        raise BudgetReached("the budget of 5 calls is used up", "raise --max-calls: it goes on")

    asked = Asked({0: refused.wait, 2: refuse})
    end = swept(jobs, asked, concurrency=3)
    assert (end.why, end.reason) == ("budget", "budget reached: the budget of 5 calls is used up")
    assert end.counts.done >= 1, "what was begun is finished"
    assert end.counts.failed == end.counts.running == 0
    assert jobs.items(JOB)[0].state == "done"
    assert (jobs.items(JOB)[2].state, jobs.items(JOB)[2].attempts) == ("queued", 0)
    assert (jobs.get(JOB).state, jobs.get(JOB).reason) == ("paused", end.reason)
    assert swept(jobs, asked).why == "paused"
    jobs.resume(JOB)
    assert swept(jobs, Asked()).counts == JobCounts(done=10)


def test_a_job_paused_by_another_process_finishes_what_was_begun(jobs: JobStore) -> None:
    async def pausing() -> None:
        jobs.pause(JOB, "lunch")
        await slow()

    async def slow() -> None:
        while jobs.get(JOB).state != "paused":
            await asyncio.sleep(SHORT)
        await asyncio.sleep(10 * SHORT)

    asked = Asked(dict.fromkeys(range(10), slow) | {1: pausing})
    end = swept(jobs, asked, concurrency=2, beat=SHORT)
    assert (end.why, end.reason, end.counts) == ("paused", "lunch", JobCounts(queued=8, done=2))
    assert asked.cancelled == []


def test_a_job_cancelled_by_another_process_is_dropped(jobs: JobStore) -> None:
    async def cancelling() -> None:
        jobs.cancel(JOB)
        await forever()

    asked = Asked(dict.fromkeys(range(10), forever) | {1: cancelling})
    end = swept(jobs, asked, concurrency=2, beat=SHORT)
    assert (end.why, end.reason) == ("cancelled", "cancelled by request")
    assert end.counts == JobCounts(cancelled=10)
    assert sorted(asked.cancelled) == [0, 1]


def test_a_sweep_that_is_asked_to_stop_finishes_what_was_begun(jobs: JobStore) -> None:
    async def go() -> None:
        stop, go_on = asyncio.Event(), asyncio.Event()
        asked = Asked(dict.fromkeys(range(10), go_on.wait))
        running = asyncio.create_task(sweep(jobs, JOB, asked, concurrency=3, stop=stop))
        await asked.begun(3)
        stop.set()
        await asyncio.sleep(0)
        go_on.set()
        end = await running
        assert (end.why, end.counts) == ("stopped", JobCounts(done=3, queued=7))
        assert jobs.get(JOB).state == "queued", "nobody works on it, and nobody paused it"

    asyncio.run(go())


def test_an_interrupted_sweep_keeps_what_ended_and_gives_the_rest_back(jobs: JobStore) -> None:
    async def go() -> None:
        asked = Asked(dict.fromkeys(range(2, 10), forever))
        running = asyncio.create_task(sweep(jobs, JOB, asked, concurrency=4))
        await asked.begun(6)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert sorted(asked.cancelled) == [2, 3, 4, 5]

    asyncio.run(go())
    assert jobs.counts(JOB) == JobCounts(queued=8, done=2)
    assert {item.attempts for item in jobs.items(JOB, "queued")} == {0}
    assert jobs.get(JOB).state == "queued"
    assert swept(jobs, Asked()).counts == JobCounts(done=10)


def test_what_fails_because_it_was_interrupted_has_not_failed(jobs: JobStore) -> None:
    async def go() -> None:
        async def spoils() -> None:
            try:
                await forever()
            except asyncio.CancelledError:
                raise RuntimeError("closed") from None

        asked = Asked(dict.fromkeys(range(10), spoils))
        running = asyncio.create_task(sweep(jobs, JOB, asked, concurrency=4))
        await asked.begun(4)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(go())
    assert jobs.counts(JOB) == JobCounts(queued=10)


@pytest.mark.parametrize("state", ["paused", "cancelled", "done"])
def test_a_job_that_gives_out_nothing_is_left_at_once(jobs: JobStore, state: str) -> None:
    if state == "paused":
        jobs.pause(JOB, "lunch")
    elif state == "cancelled":
        jobs.cancel(JOB)
    else:
        swept(jobs, Asked())
    asked = Asked()
    assert swept(jobs, asked).why == state
    assert asked.units == []


def test_an_unknown_job_ends_the_sweep_with_the_error(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/empty.db") as store:
        end = swept(store.jobs, Asked())
    assert end.why == "storage"
    assert isinstance(end.error, NotStored)


# progress


def test_progress_is_told_for_every_unit(jobs: JobStore) -> None:
    told: list[SweepProgress] = []
    swept(jobs, Asked({3: KeyError("x")}), progress=told.append, beat=SHORT)
    lasts = [each.last.item.position for each in told if each.last is not None]
    assert sorted(lasts) == list(range(10))
    last = told[-1]
    assert (last.done, last.failed, last.running, last.queued) == (9, 1, 0, 0)
    assert last.eta_seconds == 0
    assert last.rate is not None
    assert told[0].spent is not None
    for each in told:
        assert each.done + each.failed + each.running + each.queued == 10


def test_a_defect_in_what_shows_progress_ends_the_sweep_cleanly(jobs: JobStore) -> None:
    def broken(progress: SweepProgress) -> None:
        if progress.last is not None:
            raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        swept(jobs, Asked(dict.fromkeys(range(1, 10), forever)), progress=broken)
    assert jobs.counts(JOB) == JobCounts(queued=9, done=1)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), concurrency=st.integers(1, 8))
def test_whatever_units_do_each_ends_once_as_it_did(
    jobs: JobStore, seed: int, concurrency: int
) -> None:
    chance = random.Random(seed)
    make_job(jobs, 20, id := f"job-{len(jobs.newest(10**6))}")
    bad = {unit.index for unit in units(20) if chance.random() < 0.3}
    asked = Asked(
        {
            unit.index: KeyError("x")
            if unit.index in bad
            else (lambda: asyncio.sleep(chance.choice((0, 0, 0.002))))
            for unit in units(20)
        }
    )
    ends: list[int] = []
    queue = Unsteady(jobs, lambda name: ends.append(1) if name == "end" else None)
    end = asyncio.run(sweep(queue, id, asked, concurrency=concurrency))
    assert sorted(asked.units) == list(range(20))
    assert asked.most <= concurrency
    assert end.counts == JobCounts(done=20 - len(bad), failed=len(bad))
    assert {item.position for item in jobs.items(id, "failed")} == bad
