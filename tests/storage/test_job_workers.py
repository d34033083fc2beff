"""Workers on one job: no two hold an item at once, and every item ends exactly once."""

from __future__ import annotations

import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_times import at
from pydantic import ValidationError
from storage_examples import job, units
from storage_trouble import full_disk, intact, together

from core.errors import DiskFull
from storage import Ending, JobCounts, JobItem, JobStore, Store, open_store
from storage.job_store import MAX_ATTEMPTS

JOB = "job-0001"


@pytest.fixture
def jobs(store: Store) -> JobStore:
    store.jobs.create(job(), units(4))
    return store.jobs


def claim(jobs: JobStore, worker: str, minute: float, limit: int = 1) -> list[JobItem]:
    """Items taken for one minute."""
    return jobs.claim(JOB, worker, limit=limit, lease_seconds=60, now=at(minute))


def positions(items: list[JobItem]) -> list[int]:
    return [item.position for item in items]


def test_items_are_taken_in_their_order_and_once(jobs: JobStore) -> None:
    assert positions(claim(jobs, "ada", 0, limit=2)) == [0, 1]
    assert positions(claim(jobs, "bob", 0, limit=9)) == [2, 3]
    assert claim(jobs, "eve", 0) == []
    assert claim(jobs, "eve", 0, limit=0) == []


def test_the_items_of_a_dead_worker_are_taken_over_when_their_lease_runs_out(
    jobs: JobStore,
) -> None:
    claim(jobs, "ada", 0, limit=2)
    assert positions(claim(jobs, "bob", 0.9)) == [2]
    (taken,) = claim(jobs, "bob", 1)
    assert (taken.position, taken.worker, taken.attempts) == (0, "bob", 2)
    assert positions(claim(jobs, "bob", 1, limit=9)) == [1, 3], "then what is queued"


def test_a_heartbeat_keeps_what_a_worker_holds(jobs: JobStore) -> None:
    claim(jobs, "ada", 0, limit=2)
    claim(jobs, "bob", 0, limit=1)
    held = jobs.heartbeat(JOB, "ada", lease_seconds=60, now=at(0.5))
    assert (held.state, held.positions) == ("running", {0, 1})
    assert positions(claim(jobs, "eve", 1.2, limit=9)) == [2, 3]
    assert jobs.heartbeat(JOB, "bob", lease_seconds=60, now=at(1.3)).positions == frozenset()


def test_a_heartbeat_may_name_what_it_keeps(jobs: JobStore) -> None:
    claim(jobs, "ada", 0, limit=3)
    held = jobs.heartbeat(JOB, "ada", lease_seconds=60, positions=[1, 3], now=at(0.5))
    assert held.positions == {1}, "3 was never taken, 0 and 2 are not known to it"
    assert positions(claim(jobs, "bob", 1.2, limit=2)) == [0, 2]


def test_a_late_heartbeat_is_in_time_as_long_as_nobody_took_the_item(jobs: JobStore) -> None:
    claim(jobs, "ada", 0)
    assert jobs.heartbeat(JOB, "ada", lease_seconds=60, now=at(5)).positions == {0}
    assert positions(claim(jobs, "bob", 5.5)) == [1]


def test_a_zombie_cannot_end_what_another_took_over(jobs: JobStore) -> None:
    (lost,) = claim(jobs, "ada", 0)
    (taken,) = claim(jobs, "bob", 2)
    assert not jobs.finish(lost, "ada", run_id="old", now=at(2))
    assert not jobs.fail(lost, "ada", "internal", "late", now=at(2))
    assert jobs.release(JOB, "ada") == 0
    assert jobs.finish(taken, "bob", run_id="new", now=at(2))
    assert not jobs.finish(taken, "bob", run_id="newer", now=at(2)), "it has ended"
    assert jobs.items(JOB)[0].run_id == "new"


def test_a_worker_that_took_its_own_item_again_ends_it_with_the_last_attempt(
    jobs: JobStore,
) -> None:
    (first,) = claim(jobs, "ada", 0)
    (second,) = claim(jobs, "ada", 2)
    assert second.position == first.position
    assert not jobs.finish(first, "ada", run_id="first")
    assert jobs.finish(second, "ada", run_id="second")


def test_an_item_whose_workers_all_die_fails(jobs: JobStore) -> None:
    for minute in range(MAX_ATTEMPTS):
        assert positions(claim(jobs, f"worker-{minute}", minute)) == [0]
    assert positions(claim(jobs, "ada", MAX_ATTEMPTS, limit=9)) == [1, 2, 3]
    failed = jobs.items(JOB)[0]
    assert (failed.state, failed.error_code) == ("failed", "worker_lost")
    assert failed.error == f"its worker was lost {MAX_ATTEMPTS} times"


def test_a_job_is_done_when_its_last_item_lost_its_last_worker(jobs: JobStore) -> None:
    for minute in range(MAX_ATTEMPTS):
        assert positions(claim(jobs, f"worker-{minute}", minute, limit=4)) == [0, 1, 2, 3]
    assert claim(jobs, "ada", MAX_ATTEMPTS) == []
    assert jobs.get(JOB).state == "done"
    assert jobs.counts(JOB) == JobCounts(failed=4)


def test_giving_back_counts_no_attempt(jobs: JobStore) -> None:
    for _ in range(5):
        (taken,) = claim(jobs, "ada", 0)
        assert (taken.position, taken.attempts) == (0, 1)
        assert jobs.release(JOB, "ada", [taken.position]) == 1
    claim(jobs, "ada", 0)
    (again,) = claim(jobs, "bob", 1)
    jobs.release(JOB, "bob")
    assert (again.attempts, jobs.items(JOB)[0].attempts) == (2, 1), "the one that was lost stays"


def test_a_job_that_everybody_left_is_queued_again(jobs: JobStore) -> None:
    claim(jobs, "ada", 0, limit=2)
    claim(jobs, "bob", 0)
    jobs.release(JOB, "ada")
    assert jobs.get(JOB).state == "running"
    jobs.release(JOB, "bob")
    assert jobs.get(JOB).state == "queued"


def test_many_items_may_end_in_one_transaction(jobs: JobStore) -> None:
    first, lost, third = claim(jobs, "ada", 0, limit=3)
    jobs.release(JOB, "ada", [lost.position])
    claim(jobs, "bob", 0)
    ended = [
        Ending(item=first, run_id="run-0"),
        Ending(item=lost, run_id="run-1"),
        Ending(item=third, error_code="timeout", error="took too long"),
        Ending(item=third, run_id="twice"),
    ]
    assert jobs.end("ada", ended) == [True, False, True, False]
    assert jobs.counts(JOB) == JobCounts(queued=1, running=1, done=1, failed=1)
    assert jobs.end("ada", []) == []


def test_an_ending_is_a_run_or_an_error(jobs: JobStore) -> None:
    (item,) = claim(jobs, "ada", 0)
    for wrong in ({}, {"error": "x"}, {"run_id": "r", "error_code": "c", "error": "x"}):
        with pytest.raises(ValidationError):
            Ending(item=item, **wrong)


anything_goes = given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
IN_ONE_STORE = {"suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=25, **IN_ONE_STORE)
@anything_goes
def test_whatever_workers_do_every_item_ends_once(file_store: Store, seed: int, count: int) -> None:
    struggle(file_store, seed, count)


@settings(max_examples=4, **IN_ONE_STORE)
@anything_goes
def test_whatever_workers_do_every_item_ends_once_in_postgresql(
    emptied_postgres: str, seed: int, count: int
) -> None:
    with open_store(emptied_postgres) as store:
        struggle(store, seed, count)


def struggle(store: Store, seed: int, count: int) -> None:
    """Workers take, keep, give back, end and die at random; the clock goes on."""
    chance, jobs, id = random.Random(seed), store.jobs, f"job-{len(store.jobs.newest(10**6))}"
    jobs.create(job(id), units(count))
    known: dict[str, list[JobItem]] = {name: [] for name in "abc"}
    ended: Counter[int] = Counter()
    minute = 0.0
    while jobs.get(id).state != "done":
        minute += chance.choice((0.0, 0.2, 0.7))
        worker = chance.choice(sorted(known))
        match chance.randrange(5):
            case 0 | 1:
                limit = chance.randrange(1, 4)
                known[worker] += jobs.claim(
                    id, worker, limit=limit, lease_seconds=60, now=at(minute)
                )
            case 2 if known[worker]:
                item = chance.choice(known[worker])  # perhaps one that it has lost since
                fails = chance.random() < 0.3
                outcome = {"error_code": "e", "error": "e"} if fails else {"run_id": worker}
                if jobs.end(worker, [Ending(item=item, **outcome)], now=at(minute))[0]:
                    ended[item.position] += 1
            case 3:
                jobs.heartbeat(id, worker, lease_seconds=60, now=at(minute))
            case 4 if chance.random() < 0.2:
                jobs.release(id, worker)
        holders = [(i.position, i.worker) for i in jobs.items(id, "running")]
        assert len(holders) == len(set(holders))
    items = jobs.items(id)
    assert {i.state for i in items} <= {"done", "failed"}
    for item in items:
        assert ended[item.position] == (item.error_code != "worker_lost")


def test_threads_never_take_the_same_item(store: Store) -> None:
    jobs = store.jobs
    jobs.create(job(), units(60))

    def work(name: str) -> list[int]:
        mine: list[int] = []
        while taken := jobs.claim(JOB, name, limit=4, lease_seconds=60):
            assert jobs.end(name, [Ending(item=i, run_id=name) for i in taken]) == [True] * len(
                taken
            )
            mine += positions(taken)
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [position for mine in pool.map(work, "abcd") for position in mine]
    assert sorted(taken) == list(range(60))
    assert jobs.get(JOB).state == "done"


def test_processes_never_take_the_same_item(url: str) -> None:
    with open_store(url) as store:
        store.jobs.create(job(), units(100))
    ended = together(url, ["work"] * 3)
    assert [(code, errors) for code, _, errors in ended] == [(0, "")] * 3
    said = [int(line) for _, output, _ in ended for line in output.split()]
    assert sorted(said) == list(range(100))
    with open_store(url) as store:
        assert store.jobs.get(JOB).state == "done"
        workers = Counter(item.run_id for item in store.jobs.items(JOB))
    said_by = Counter({f"worker-{n}": len(out.split()) for n, (_, out, _) in enumerate(ended)})
    assert workers == +said_by, "what each said it did is what is stored"


def test_a_worker_killed_while_it_ends_items_leaves_them_to_the_next(url: str) -> None:
    with open_store(url) as store:
        store.jobs.create(job(), units(10))
    [(code, output, _)] = together(url, ["die while ending"])
    assert (code, output) == (-signal.SIGKILL, "killed\n")
    with open_store(url) as store:
        assert store.jobs.counts(JOB) == JobCounts(queued=3, running=7)
        taken = store.jobs.claim(JOB, "next", limit=10, lease_seconds=60)
        assert positions(taken) == list(range(10))
        assert [item.attempts for item in taken] == [2] * 7 + [1] * 3


def test_a_full_disk_changes_nothing(file_store: Store, file_url: str) -> None:
    with full_disk(file_store), pytest.raises(DiskFull):
        file_store.jobs.create(job(), units(10_000))
    assert file_store.jobs.newest() == []
    assert intact(file_url)
