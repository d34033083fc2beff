"""What happens in a job is told in order, numbered without gaps, whoever does it."""

from __future__ import annotations

import threading

import pytest
from job_times import at
from storage_examples import job, units

from core.errors import NotStored
from storage import JobEvent, JobStore, Store

JOB = "job-0001"


@pytest.fixture
def jobs(store: Store) -> JobStore:
    jobs = store.jobs
    jobs.create(job(), units(4))
    return jobs


def told(events: list[JobEvent]) -> list[tuple[object, ...]]:
    return [
        (e.kind, e.data["state"] if e.kind == "job" else (e.data["position"], e.data["state"]))
        for e in events
    ]


def test_a_job_tells_its_whole_life(jobs: JobStore) -> None:
    first, second, *rest = jobs.claim(JOB, "ada", limit=4, lease_seconds=60, now=at(0))
    jobs.finish(first, "ada", run_id="r1", verdict="explained", score=0.9, null_p95=0.1, now=at(1))
    jobs.fail(second, "ada", "model_unavailable", "no answer", now=at(2))
    jobs.pause(JOB, "enough", now=at(3))
    jobs.resume(JOB, now=at(4))
    for item in rest:
        jobs.finish(item, "ada", run_id=f"r{item.position}", verdict="abstained", now=at(5))
    found = jobs.events(JOB)
    assert [event.number for event in found] == list(range(1, 10))
    assert told(found) == [
        ("job", "queued"),
        ("job", "running"),
        ("item", (0, "done")),
        ("item", (1, "failed")),
        ("job", "paused"),
        ("job", "queued"),
        ("item", (2, "done")),
        ("item", (3, "done")),
        ("job", "done"),
    ]
    assert found[2].data["verdict"] == "explained"
    assert (found[2].data["score"], found[2].data["null_p95"]) == (0.9, 0.1)
    assert (found[3].data["error_code"], found[3].data["error"]) == (
        "model_unavailable",
        "no answer",
    )
    assert found[4].data["reason"] == "enough"


def test_a_reader_goes_on_after_what_it_has_seen(jobs: JobStore) -> None:
    jobs.claim(JOB, "ada", limit=4, lease_seconds=60, now=at(0))
    jobs.cancel(JOB, now=at(1))
    assert [e.number for e in jobs.events(JOB, after=1, limit=1)] == [2]
    assert [e.data["state"] for e in jobs.events(JOB, after=2)] == ["cancelled"]
    assert jobs.events(JOB, after=3) == []
    with pytest.raises(NotStored):
        jobs.events("job-9999")


def test_an_item_whose_worker_was_lost_for_good_is_told(jobs: JobStore) -> None:
    jobs.claim(JOB, "ada", limit=1, lease_seconds=60, now=at(0))
    jobs.claim(JOB, "bob", limit=1, lease_seconds=60, max_attempts=1, now=at(5))
    lost = [e.data for e in jobs.events(JOB) if e.kind == "item"]
    assert [(d["position"], d["state"], d["error_code"]) for d in lost] == [
        (0, "failed", "worker_lost")
    ]


def test_a_result_that_is_not_taken_is_no_event(jobs: JobStore) -> None:
    (item,) = jobs.claim(JOB, "ada", limit=1, lease_seconds=60, now=at(0))
    assert not jobs.finish(item, "bob", run_id="r1", verdict="explained", now=at(1))
    assert [e.kind for e in jobs.events(JOB)] == ["job", "job"]


def test_workers_may_tell_of_steps(jobs: JobStore) -> None:
    jobs.note(JOB, [("step", {"unit": "demo/mlp.0/1", "said": "3 hypotheses"})], now=at(1))
    (step,) = [e for e in jobs.events(JOB) if e.kind == "step"]
    assert (step.number, step.data["said"]) == (2, "3 hypotheses")


def test_numbers_have_no_gaps_whoever_writes_at_once(jobs: JobStore) -> None:
    def tell(worker: int) -> None:
        for number in range(20):
            jobs.note(JOB, [("step", {"worker": worker, "number": number})])

    threads = [threading.Thread(target=tell, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = jobs.events(JOB)
    assert [event.number for event in found] == list(range(1, 82))
    for worker in range(4):
        mine = [e.data["number"] for e in found if e.data.get("worker") == worker]
        assert mine == list(range(20))
