"""Sweeps among others: databases that fail, workers that die, items that are lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import pytest
from sweep_examples import JOB, SHORT, Asked, Unsteady, forever, locked, make_job, swept

from agent.sweep import sweep
from storage import JobCounts, JobStore, open_store
from storage.job_store import MAX_ATTEMPTS

LONG_AGO = datetime(2025, 1, 31, 12, tzinfo=UTC)
WORKER = Path(__file__).with_name("sweep_worker.py")


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sweep_queue._FIRST_WAIT", SHORT)
    monkeypatch.setattr("agent.sweep._LOOK_AGAIN", SHORT)


@pytest.fixture
def url(tmp_path: Path, empty_file: Path) -> str:
    return f"sqlite:///{copyfile(empty_file, tmp_path / 'jobs.db')}"


@pytest.fixture
def jobs(url: str) -> Iterator[JobStore]:
    with open_store(url) as store:
        make_job(store.jobs, 10)
        yield store.jobs


# the database


def test_a_database_that_is_locked_for_a_while_costs_nothing(jobs: JobStore) -> None:
    failures = {"claim": 3, "end": 3, "heartbeat": 3, "counts": 3, "spent": 3}

    def before(name: str) -> None:
        if failures.get(name, 0) > 0:
            failures[name] -= 1
            raise locked()

    asked = Asked()
    end = swept(Unsteady(jobs, before), asked, beat=SHORT, progress=lambda _: None)
    assert (end.why, end.counts) == ("done", JobCounts(done=10))
    assert sorted(asked.units) == list(range(10)), "no unit was asked about twice"


@pytest.mark.parametrize("operation", ["claim", "heartbeat", "end"])
def test_a_database_that_stays_locked_ends_the_sweep(jobs: JobStore, operation: str) -> None:
    def before(name: str) -> None:
        if name == operation:
            raise locked()

    asked = Asked(dict.fromkeys(range(1, 10), forever))
    queue = Unsteady(jobs, before)
    end = swept(queue, asked, beat=SHORT, patience=0.1)
    assert end.why == "storage"
    assert end.error is not None
    assert "is locked" in end.error.message
    assert sorted(asked.cancelled) == sorted(set(asked.units) - {0})
    jobs.release(JOB, jobs.items(JOB)[1].worker or "")
    for item in jobs.items(JOB, "running"):  # what the sweep could not give back
        jobs.release(JOB, item.worker or "")
    assert swept(jobs, Asked()).counts == JobCounts(done=10)


def test_a_claim_whose_answer_was_lost_is_taken_again_when_its_lease_runs_out(
    jobs: JobStore,
) -> None:
    class Forgetful(Unsteady):
        lost = False

        def claim(self, *given: object, **named: object) -> object:
            items = jobs.claim(*given, **named)  # type: ignore[arg-type]
            if not self.lost:
                self.lost = True
                raise locked()
            return items

    asked = Asked()
    end = swept(Forgetful(jobs, lambda _: None), asked, concurrency=2, lease=0.2)
    assert end.counts == JobCounts(done=10)
    assert sorted(asked.units) == list(range(10))


def test_an_interruption_waits_for_the_transaction_that_runs(jobs: JobStore) -> None:
    """What is claimed in that moment is given back as well."""
    claiming = asyncio.Event()

    async def go() -> None:
        loop = asyncio.get_running_loop()

        def before(name: str) -> None:
            if name == "claim":
                loop.call_soon_threadsafe(claiming.set)

        running = asyncio.create_task(
            sweep(Unsteady(jobs, before), JOB, Asked(dict.fromkeys(range(10), forever)),
                  concurrency=4)
        )  # fmt: skip
        await claiming.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(go())
    assert jobs.counts(JOB) == JobCounts(queued=10)
    assert {item.attempts for item in jobs.items(JOB)} == {0}


# other workers


def test_two_sweeps_share_a_job_and_ask_about_no_unit_twice(jobs: JobStore, url: str) -> None:
    async def go() -> list[int]:
        asked = [Asked(), Asked()]
        with open_store(url) as other:
            ends = await asyncio.gather(
                sweep(jobs, JOB, asked[0], concurrency=2),
                sweep(other.jobs, JOB, asked[1], concurrency=2),
            )
        assert {end.why for end in ends} == {"done"}
        return asked[0].units + asked[1].units

    assert sorted(asyncio.run(go())) == list(range(10))


def test_a_sweep_waits_for_the_items_that_another_worker_holds(jobs: JobStore) -> None:
    (held,) = jobs.claim(JOB, "other", limit=1, lease_seconds=60)
    looked: list[str] = []

    def before(name: str) -> None:
        if jobs.counts(JOB).done == 9:
            looked.append(name)
            if looked.count("claim") == 3:
                jobs.finish(held, "other", run_id="theirs")

    end = swept(Unsteady(jobs, before), Asked())
    assert (end.why, end.counts) == ("done", JobCounts(done=10))
    assert jobs.items(JOB)[0].run_id == "theirs"
    assert looked.count("heartbeat") <= 4, "it looks again after a while, not all the time"


def test_items_of_a_dead_worker_are_taken_over(jobs: JobStore) -> None:
    jobs.claim(JOB, "dead", limit=3, lease_seconds=60, now=LONG_AGO)
    asked = Asked()
    assert swept(jobs, asked).counts == JobCounts(done=10)
    assert sorted(asked.units) == list(range(10))
    assert [item.attempts for item in jobs.items(JOB)] == [2, 2, 2] + [1] * 7


def test_a_unit_that_kills_its_workers_fails_in_the_end(jobs: JobStore) -> None:
    for hour in range(MAX_ATTEMPTS):
        now = LONG_AGO.replace(hour=hour)
        (item,) = jobs.claim(JOB, f"worker-{hour}", limit=1, lease_seconds=60, now=now)
        assert (item.position, item.attempts) == (0, hour + 1)
    assert swept(jobs, Asked()).counts == JobCounts(done=9, failed=1)
    assert jobs.items(JOB)[0].error_code == "worker_lost"


def test_heartbeats_extend_the_lease_of_a_slow_unit(jobs: JobStore) -> None:
    async def slow() -> None:
        seen = set()
        while len(seen) < 4:
            seen.add(jobs.items(JOB)[0].lease_until)
            await asyncio.sleep(SHORT)

    assert swept(jobs, Asked({0: slow}), beat=SHORT).counts == JobCounts(done=10)


def test_an_item_that_another_worker_took_is_dropped(jobs: JobStore) -> None:
    """As after a long sleep of the machine: the lease has run out, and somebody was quicker."""
    taken = False

    def before(name: str) -> None:
        nonlocal taken
        if name == "heartbeat" and not taken:
            taken = True
            until = datetime.now(UTC).replace(year=2999)
            items = jobs.claim(JOB, "thief", limit=10, lease_seconds=60, now=until)
            assert [item.attempts for item in items][:2] == [2, 2]
            assert jobs.end("thief", [_theirs(item) for item in items]) == [True] * 10

    asked = Asked(dict.fromkeys(range(10), forever))
    end = swept(Unsteady(jobs, before), asked, concurrency=2, beat=SHORT)
    assert (end.why, end.counts) == ("done", JobCounts(done=10))
    assert sorted(asked.cancelled) == [0, 1]
    assert {item.run_id for item in jobs.items(JOB)} == {"theirs"}


def test_a_result_that_comes_too_late_does_not_count(jobs: JobStore) -> None:
    async def slow() -> None:
        until = datetime.now(UTC).replace(year=2999)
        (item,) = jobs.claim(JOB, "thief", limit=1, lease_seconds=60, now=until)
        assert jobs.end("thief", [_theirs(item)]) == [True]

    end = swept(jobs, Asked({0: slow}), concurrency=1)
    assert end.counts == JobCounts(done=10)
    assert jobs.items(JOB)[0].run_id == "theirs"


def test_a_killed_sweep_is_gone_on_with_and_no_unit_is_lost_or_done_twice(
    jobs: JobStore, url: str
) -> None:
    environment = os.environ | {"PYTHONPATH": str(WORKER.parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER), url, "4,6", "7"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "hanging\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    before = {item.position for item in jobs.items(JOB, "done")}
    asked = Asked()
    end = swept(jobs, asked)
    assert (end.why, end.counts) == ("done", JobCounts(done=10))
    assert sorted(asked.units) == sorted(set(range(10)) - before)
    assert {4, 6} <= set(asked.units)


def _theirs(item: object) -> object:
    from storage import Ending

    return Ending(item=item, run_id="theirs")  # type: ignore[arg-type]
