"""Jobs: what is asked for, how it stands, and what may be done with it in which state."""

from __future__ import annotations

import pytest
from job_times import at, stored
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from storage_examples import FAILED, UNIT, call, job, units
from storage_trouble import store_of_version

from core.errors import JobState, MisuseError, NotStored, StorageError
from core.ids import UnitId
from storage import JobCounts, JobStore, Store, open_store

JOB = "job-0001"


@pytest.fixture
def jobs(store: Store) -> JobStore:
    return store.jobs


def made(jobs: JobStore, count: int = 4) -> JobStore:
    """The store with a job of ``count`` units."""
    jobs.create(job(), units(count))
    return jobs


def take(jobs: JobStore, limit: int = 1, minute: int = 0, worker: str = "ada") -> list[int]:
    """Positions that a worker took, to be held for a minute."""
    taken = jobs.claim(JOB, worker, limit=limit, lease_seconds=60, now=at(minute))
    return [item.position for item in taken]


def finish_all(jobs: JobStore, *, fail: int = 0) -> None:
    """Take everything that is queued; the first ``fail`` items fail."""
    for item in jobs.claim(JOB, "bob", limit=100, lease_seconds=60, now=at(0)):
        if item.position < fail:
            jobs.fail(item, "bob", "model_unavailable", "no answer", seconds=1.0, now=at(1))
        else:
            jobs.finish(item, "bob", run_id=f"run-{item.position}", seconds=3.0, now=at(1))


# making and finding


def test_a_job_comes_back_as_it_was_made(jobs: JobStore) -> None:
    asked = job(budget_usd=2.5, max_calls=100, concurrency=64, engine="ray")
    created = jobs.create(asked, units(3))
    assert created == jobs.get(JOB)
    assert {name: getattr(created, name) for name in type(asked).model_fields} == dict(asked)
    assert (created.state, created.reason, created.finished) == ("queued", None, None)
    assert [item.unit for item in jobs.items(JOB)] == units(3)
    assert {item.state for item in jobs.items(JOB)} == {"queued"}


def test_a_layer_of_ten_thousand_units_is_a_job(jobs: JobStore) -> None:
    jobs.create(job(), units(10_000))
    assert jobs.counts(JOB) == JobCounts(queued=10_000)
    assert [item.position for item in jobs.items(JOB, limit=2)] == [0, 1]


def test_a_job_has_units_and_each_once(jobs: JobStore) -> None:
    with pytest.raises(MisuseError, match="has no units"):
        jobs.create(job(), [])
    with pytest.raises(MisuseError, match=r"'demo/mlp.2/117' is named 2 times"):
        jobs.create(job(), [UNIT, UnitId("demo", "mlp.2", 1), UNIT])
    assert jobs.newest() == []


def test_a_stored_job_is_never_overwritten(jobs: JobStore) -> None:
    made(jobs, 2)
    with pytest.raises(StorageError, match="holds such a record already"):
        jobs.create(job(site="mlp.3"), units(5))
    assert jobs.get(JOB).site == "mlp.2"
    assert jobs.counts(JOB).total == 2


def test_jobs_are_listed_newest_first(jobs: JobStore) -> None:
    for number, minute in enumerate((3, 1, 2)):
        jobs.create(job(f"job-{number}", created=at(minute)), units(1))
    assert [found.id for found in jobs.newest()] == ["job-0", "job-2", "job-1"]
    assert [found.id for found in jobs.newest(limit=1)] == ["job-0"]


def test_the_beginning_of_an_id_will_do_when_one_job_has_it(jobs: JobStore) -> None:
    for id in ("abcdef01", "abcdef02", "ABCDEF03"):
        jobs.create(job(id), units(1))
    assert jobs.get("abcdef01").id == "abcdef01"
    assert jobs.get("ABCDEF").id == "ABCDEF03"
    with pytest.raises(NotStored, match=r"several begin so: 'abcdef01', 'abcdef02'"):
        jobs.get("abcdef")
    for unknown in ("ABCDE", "abcde_01", "%"):
        with pytest.raises(NotStored, match=repr(unknown)):
            jobs.get(unknown)


def test_an_unknown_job_is_named_whatever_is_asked_of_it(jobs: JobStore) -> None:
    questions = [
        lambda: jobs.counts("nope"),
        lambda: jobs.items("nope"),
        lambda: jobs.spent("nope"),
        lambda: jobs.summary("nope"),
        lambda: jobs.claim("nope", "ada", limit=1, lease_seconds=1),
        lambda: jobs.heartbeat("nope", "ada", lease_seconds=1),
        lambda: jobs.release("nope", "ada"),
        lambda: jobs.pause("nope", "why not"),
        lambda: jobs.resume("nope"),
        lambda: jobs.cancel("nope"),
        lambda: jobs.retry_failed("nope"),
        lambda: jobs.set_keys("nope", {}),
    ]
    for ask in questions:
        with pytest.raises(NotStored, match="job 'nope' is not in the store"):
            ask()


@pytest.mark.parametrize(
    "changes",
    [{"concurrency": 0}, {"budget_usd": -1.0}, {"max_calls": -1}, {"id": ""}, {"unit": "x"}],
)
def test_impossible_jobs_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        job(**changes)


def test_a_closed_store_has_no_jobs(url: str) -> None:
    store = open_store(url)
    jobs = store.jobs
    store.close()
    with pytest.raises(StorageError, match="was closed"):
        jobs.newest()


# how a job goes


def test_a_job_runs_from_the_first_item_taken_until_the_last_one_ends(jobs: JobStore) -> None:
    made(jobs, 2)
    first, second = jobs.claim(JOB, "ada", limit=2, lease_seconds=60, now=at(0))
    assert (jobs.get(JOB).state, first.state, first.attempts) == ("running", "running", 1)
    assert jobs.finish(first, "ada", run_id="run-0", verdict="explained", score=0.5, now=at(1))
    assert jobs.get(JOB).state == "running"
    assert jobs.fail(second, "ada", "internal", "KeyError: 'x'", now=at(2))
    ended = jobs.get(JOB)
    assert (ended.state, ended.finished, ended.updated) == ("done", stored(2), stored(2))
    done, failed = jobs.items(JOB)
    assert (done.state, done.run_id, done.score, done.worker) == ("done", "run-0", 0.5, "ada")
    assert (failed.state, failed.error_code, failed.error) == (
        "failed",
        "internal",
        "KeyError: 'x'",
    )
    assert done.lease_until is failed.lease_until is None


def test_a_paused_job_gives_out_nothing_and_takes_what_was_begun(jobs: JobStore) -> None:
    (item,) = made(jobs).claim(JOB, "ada", limit=1, lease_seconds=60, now=at(0))
    jobs.pause(JOB, "budget of $2 reached", now=at(1))
    jobs.pause(JOB, "because", now=at(2))
    assert (jobs.get(JOB).state, jobs.get(JOB).reason) == ("paused", "budget of $2 reached")
    assert take(jobs) == []
    assert jobs.finish(item, "ada", run_id="run-0", now=at(3))
    jobs.resume(JOB, now=at(4))
    assert (jobs.get(JOB).state, jobs.get(JOB).reason) == ("queued", None)
    assert take(jobs, 5) == [1, 2, 3]


def test_a_paused_job_is_done_when_the_last_begun_item_ends(jobs: JobStore) -> None:
    (item,) = made(jobs, 1).claim(JOB, "ada", limit=1, lease_seconds=60, now=at(0))
    jobs.pause(JOB, "lunch")
    jobs.finish(item, "ada", run_id="run-0")
    assert (jobs.get(JOB).state, jobs.get(JOB).reason) == ("done", None)


def test_cancelling_ends_what_nobody_holds(jobs: JobStore) -> None:
    (held,) = made(jobs).claim(JOB, "ada", limit=1, lease_seconds=60, now=at(0))
    jobs.cancel(JOB, now=at(0))
    assert jobs.counts(JOB) == JobCounts(running=1, cancelled=3)
    assert jobs.heartbeat(JOB, "ada", lease_seconds=60, now=at(0)).state == "cancelled"
    assert jobs.finish(held, "ada", run_id="run-0", now=at(1)), "it is paid for"
    assert jobs.counts(JOB) == JobCounts(done=1, cancelled=3)
    assert jobs.get(JOB).state == "cancelled"
    assert take(jobs) == []


def test_what_is_given_back_to_a_cancelled_job_is_cancelled(jobs: JobStore) -> None:
    take(made(jobs), 2)
    jobs.cancel(JOB, now=at(0))
    assert jobs.release(JOB, "ada") == 2
    assert jobs.counts(JOB) == JobCounts(cancelled=4)


def test_cancelling_again_ends_the_items_of_the_dead(jobs: JobStore) -> None:
    take(made(jobs), 1)
    jobs.cancel(JOB, now=at(0))
    jobs.cancel(JOB, now=at(5))
    assert jobs.counts(JOB) == JobCounts(cancelled=4)
    assert (jobs.get(JOB).finished, jobs.get(JOB).reason) == (stored(0), "cancelled by request")


def test_failed_items_are_tried_again_when_asked(jobs: JobStore) -> None:
    finish_all(made(jobs), fail=3)
    assert jobs.get(JOB).state == "done"
    assert jobs.retry_failed(JOB, now=at(2)) == 3
    assert (jobs.get(JOB).state, jobs.get(JOB).finished) == ("queued", None)
    again = jobs.items(JOB, "queued")
    assert [(i.position, i.attempts, i.error) for i in again] == [(n, 0, None) for n in range(3)]
    finish_all(jobs)
    assert jobs.counts(JOB) == JobCounts(done=4)
    assert jobs.retry_failed(JOB) == 0
    assert jobs.get(JOB).state == "done"


def test_what_has_ended_stays_ended(jobs: JobStore) -> None:
    finish_all(made(jobs))
    for refused, verb in (
        (lambda: jobs.pause(JOB, "why not"), "paused"),
        (lambda: jobs.resume(JOB), "resumed"),
        (lambda: jobs.cancel(JOB), "cancelled"),
    ):
        with pytest.raises(JobState, match=f"is done, so it cannot be {verb}") as caught:
            refused()
        assert caught.value.exit_code == 2
        assert "retry-failed" in caught.value.hint
    jobs.create(job("job-0002"), units(1))
    jobs.cancel("job-0002")
    for refused in (lambda: jobs.resume("job-0002"), lambda: jobs.retry_failed("job-0002")):
        with pytest.raises(JobState, match="is cancelled, so it cannot be re"):
            refused()


def test_resuming_a_job_that_was_interrupted_changes_nothing(jobs: JobStore) -> None:
    made(jobs)
    jobs.resume(JOB)
    assert jobs.get(JOB).state == "queued"
    take(jobs)
    jobs.resume(JOB)
    assert jobs.get(JOB).state == "running"


# what it has come to


def test_a_summary_counts_states_verdicts_and_failures(jobs: JobStore) -> None:
    made(jobs, 6)
    taken = jobs.claim(JOB, "ada", limit=5, lease_seconds=60, now=at(0))
    for item, verdict in zip(taken[:3], ("explained", "dead", "explained"), strict=True):
        jobs.finish(item, "ada", run_id="run", verdict=verdict, seconds=2.0, now=at(0))
    jobs.fail(taken[3], "ada", "timeout", "took too long", seconds=6.0, now=at(0))
    found = jobs.summary(JOB, now=at(0))
    assert found.counts == JobCounts(queued=1, running=1, done=3, failed=1)
    assert found.verdicts == {"explained": 2, "dead": 1}
    assert found.failures == {"timeout": 1}
    assert (found.workers, found.mean_seconds) == (1, 3.0)
    assert jobs.summary(JOB, now=at(1)).workers == 0, "its lease ran out"


def test_a_job_spent_what_its_units_cost_since_it_was_made(store: Store) -> None:
    jobs = store.jobs
    first, second, third = units(3)
    jobs.create(job(), [first, second, third], {first: "key-a", second: "key-b"})
    jobs.set_keys(JOB, {third: "key-c"})
    store.save_calls(
        [
            call("1", run="key-a", usd=0.25),
            call("2", run="key-b", role="simulator", usd=0.5),
            call("3", run="key-c", **FAILED),
            call("4", run="another", usd=9.0),
            call("5", run=None, usd=9.0),
            call("6", run="key-a", usd=9.0, started="2025-01-31T11:58:00Z"),
        ]
    )
    spent = jobs.spent(JOB)
    assert (spent.calls, spent.input_tokens, spent.usd) == (3, 300, 0.75)
    assert {role: total.calls for role, total in spent.by_role.items()} == {
        "explainer": 2,
        "simulator": 1,
    }
    assert jobs.summary(JOB).spent == spent
    store.save_calls([call("7", run="key-b", usd=None)])
    assert jobs.spent(JOB).usd is None


def test_the_database_itself_refuses_impossible_rows(store: Store) -> None:
    take(made(store.jobs))
    wrong = (
        "UPDATE jobs SET state = 'asleep'",
        "UPDATE jobs SET state = 'done'",
        "UPDATE jobs SET concurrency = 0",
        "UPDATE job_items SET state = 'queued' WHERE position = 0",
        "UPDATE job_items SET state = 'running' WHERE position = 1",
        "UPDATE job_items SET state = 'failed' WHERE position = 1",
        "UPDATE job_items SET unit = 'demo/mlp.2/0' WHERE position = 1",
        "INSERT INTO job_items (job, position, unit, state, attempts) "
        "VALUES ('no job', 0, 'demo/mlp.2/0', 'queued', 0)",
    )
    for statement in wrong:
        with store.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.exec_driver_sql(statement)


def test_a_store_of_the_version_before_gets_the_tables(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0005"):
        pass
    with open_store(fresh_url) as store:
        made(store.jobs)
