"""The service over real subjects: the same answers as the command line, jobs that survive."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BudgetReached
from core.ids import UnitId
from core.settings import load_settings
from neuroscribe.serving.allowances import within
from neuroscribe.serving.desk import LocalDesk
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.serving.subject_desk import SubjectDesk
from neuroscribe.serving.texts import Question, run_together, windows_of
from neuroscribe.serving.worker import Worker
from neuroscribe.sweeping import SweepOptions
from neuroscribe.workspace import CorpusChoice, Workspace
from service.auth import Caller
from service.bodies import InterveneBody, SweepBody
from service.problems import ServiceError
from storage import Store
from tests.neuroscribe.conftest import Ran
from tests.postgres_server import QUICK_ON_SQLITE

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Answer, Client

Run = Callable[..., Ran]
UNIT = "planted/exact/3"


@pytest.fixture
def workspace(home: Path) -> Workspace:
    return Workspace(load_settings())


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.store() as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace, store: Store, corpus: Path) -> Client:
    options = ServeOptions(corpus=CorpusChoice(str(corpus)), work=False)
    return Client(application(workspace, store, options)[0])


def done(store: Store, job: str) -> dict[str, Any]:
    """How a job stands once it has ended."""
    for _ in range(1200):
        found = store.jobs.get(job)
        if found.state in ("done", "cancelled", "paused"):
            return {"state": found.state, "reason": found.reason}
        time.sleep(0.05)
    raise AssertionError(f"job {job} is still {store.jobs.get(job).state}")


@pytest.fixture
def worker(workspace: Workspace, store: Store) -> Iterator[Worker]:
    with at_work(workspace, store) as working:
        yield working


@contextmanager
def at_work(workspace: Workspace, store: Store) -> Iterator[Worker]:
    working = Worker(workspace, store)
    working.start()
    yield working
    assert working.stop(60)


TEXT = "The keys to the cabinet are on the table, and nobody knows why they are not lost."


@pytest.mark.parametrize("name", ["demo-tiny", "demo-lstm", "demo-bert", "planted"])
def test_texts_of_many_requests_give_what_each_gives_alone(workspace: Workspace, name: str) -> None:
    subject = workspace.subject(name)
    sites = list(subject.sites().values())
    texts = [TEXT, TEXT[:20], "cat", TEXT * 4]
    questions = [
        Question(UnitId(name, site.name, i % site.width), windows_of(subject, text, 32))
        for i, (site, text) in enumerate(zip(sites * 4, texts, strict=False))
    ]
    together = run_together(subject, questions)
    for question, found in zip(questions, together, strict=True):
        (alone,) = run_together(subject, [question])
        unit = question.unit
        for window, values, own in zip(question.windows, found, alone, strict=True):
            assert values.shape == (len(window),)
            np.testing.assert_allclose(values, own, atol=1e-5)
            batch = subject.batch(np.array([window]))
            plain = subject.activations(batch, [unit.site])[unit.site][0, :, unit.index]
            np.testing.assert_allclose(values, plain.numpy(), atol=1e-5)


def test_texts_are_run_over_http_with_what_a_sentence_predicts(client: Client) -> None:
    sentence = 'Fires 10/10 on the token " cat".'
    body = {"unit": "demo-tiny/mlp.0/1", "texts": ["the cat sat"], "explanation": sentence}
    answer = client.post("/v1/activations", body)
    assert answer.status == 200
    (text,) = answer.json["texts"]
    assert text["simulated"] == [10.0 if t == " cat" else 0.0 for t in text["tokens"]]
    wrong = client.post("/v1/activations", body | {"explanation": "likes cats"})
    assert (wrong.status, wrong.code) == (422, "pattern_syntax")
    nobody = client.post("/v1/activations", body | {"unit": "demo-tiny/mlp.0/99999"})
    assert (nobody.status, nobody.code) == (404, "unit_out_of_range")


def explained(client: Client, worker: Worker, **body: object) -> Answer:
    """Ask for a unit and do its job meanwhile."""
    worker.wake()
    return client.post("/v1/explanations", {"unit": UNIT, "wait": 60, **body})


@QUICK_ON_SQLITE
def test_http_and_command_line_give_one_answer(
    run: Run, database: str | None, client: Client, worker: Worker, store: Store, corpus: Path
) -> None:
    over_http = explained(client, worker)
    assert over_http.status == 200
    said = run("explain", UNIT, "--corpus", corpus, "--json")
    assert said.json == over_http.json  # the very same run: asked again, it is not made again
    read = client.get(f"/v1/units/{UNIT}")
    assert read.json == said.json
    assert read.headers["etag"] == f'"{said.json["run"]}"'
    lines = client.get("/v1/units/planted/exact").json["items"]
    assert {line["unit"]: line["run"] for line in lines}[UNIT] == said.json["run"]
    versions = client.get(f"/v1/units/{UNIT}/explanations").json["items"]
    assert versions[-1]["explanation"]["id"] == said.json["explanations"][0]["id"]
    assert client.get(f"/v1/units/{UNIT}/profile").json["unit"] == UNIT
    assert [job.engine for job in store.jobs.newest(1)] == ["service"]


@QUICK_ON_SQLITE
def test_the_steps_of_a_single_unit_are_told(
    database: str | None, client: Client, worker: Worker, store: Store
) -> None:
    answer = explained(client, worker, seed=5)
    (job, *_) = store.jobs.newest(1)
    events = store.jobs.events(job.id)
    assert [e.number for e in events] == list(range(1, len(events) + 1))
    steps = [e.data["said"] for e in events if e.kind == "step"]
    assert steps == [step["said"] for step in answer.json["steps"]]
    assert events[-1].data["state"] == "done"


@QUICK_ON_SQLITE
def test_a_sweep_is_done_and_told(
    database: str | None, client: Client, worker: Worker, store: Store
) -> None:
    made = client.post("/v1/jobs", {"site": "planted/exact", "units": "4-7", "mode": "one-shot"})
    assert made.status == 202
    worker.wake()
    assert done(store, made.json["id"]) == {"state": "done", "reason": None}
    found = client.get(made.headers["location"]).json
    assert found["items"]["done"] == 4
    ended = [e.data["unit"] for e in store.jobs.events(found["id"]) if e.kind == "item"]
    assert sorted(ended) == [f"planted/exact/{n}" for n in range(4, 8)]


def test_the_same_request_is_one_job_as_long_as_it_has_not_ended(
    database: str | None, client: Client, store: Store
) -> None:
    body = {"site": "planted/word", "units": "0-3"}
    first = client.post("/v1/jobs", body).json["id"]
    assert client.post("/v1/jobs", body).json["id"] == first
    named = client.post("/v1/jobs", body, idempotency_key="k").json["id"]
    assert named != first
    assert client.post("/v1/jobs", body, idempotency_key="k").json["id"] == named
    other = client.post("/v1/jobs", body | {"units": "0-4"}, idempotency_key="k")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    for job in (first, named):
        assert client.post(f"/v1/jobs/{job}/cancel").json["state"] == "cancelled"
    again = client.post(f"/v1/jobs/{first}/resume")
    assert (again.status, again.code) == (409, "job_state")


def test_a_job_that_cannot_be_begun_is_paused_with_its_reason(
    database: str | None, client: Client, workspace: Workspace, store: Store
) -> None:
    from sqlalchemy import update

    from storage.schema import jobs

    made = client.post("/v1/jobs", {"site": "planted/affix", "units": "0"}).json["id"]
    with store.engine.begin() as link:
        link.execute(update(jobs).where(jobs.c.id == made).values(parameters={"format": 0}))
    with at_work(workspace, store):
        ended = done(store, made)
    assert ended["state"] == "paused"
    assert ended["reason"].startswith("job_state: ")


@pytest.mark.parametrize("model", ["openai:m@http://evil.example/v1", "anthropic:m", "vllm:/etc"])
def test_models_are_named_from_a_list(client: Client, store: Store, model: str) -> None:
    before = len(store.jobs.newest(1000))
    answer = client.post("/v1/explanations", {"unit": UNIT, "explainer": model})
    assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert len(store.jobs.newest(1000)) == before


def test_no_name_from_a_request_is_looked_for_on_the_disk(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    monkeypatch.chdir(tmp_path)
    for answer in (
        client.get("/v1/subjects/gpt2"),
        client.post("/v1/activations", {"unit": "gpt2/mlp.0/1", "texts": ["a"]}),
        client.post("/v1/explanations", {"unit": "gpt2/mlp.0/1"}),
        client.post("/v1/jobs", {"site": "gpt2/mlp.0", "units": "0"}),
    ):
        assert (answer.status, answer.code) == (404, "unknown_subject")


def test_live_units_are_known_once_a_site_was_collected(client: Client) -> None:
    answer = client.post("/v1/jobs", {"site": "demo-lstm/cell.0", "sample": 3})
    assert (answer.status, answer.code) == (409, "index_missing")


def test_many_at_once_get_their_own_answers(client: Client) -> None:
    texts = [f"number {n} is {n} times the cat" for n in range(24)]

    async def scene() -> list[Answer]:
        return await asyncio.gather(
            *(
                client.send(
                    "POST",
                    "/v1/activations",
                    [json.dumps({"unit": f"demo-tiny/mlp.1/{n}", "texts": [text]}).encode()],
                    {"content-type": "application/json"},
                )
                for n, text in enumerate(texts)
            )
        )

    for text, answer in zip(texts, asyncio.run(scene()), strict=True):
        assert answer.status == 200
        assert "".join(answer.json["texts"][0]["tokens"]) == text


def test_units_are_edited_for_one_request_at_a_time(
    workspace: Workspace, store: Store, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they would take every thread, and nobody could read anything for minutes."""
    at_work: list[int] = [0]
    most: list[int] = []

    async def edit(desk: SubjectDesk, body: InterveneBody) -> None:
        at_work[0] += 1
        most.append(at_work[0])
        await asyncio.sleep(0.01)
        at_work[0] -= 1

    monkeypatch.setattr(SubjectDesk, "intervene", edit)
    desk = LocalDesk(workspace, store, CorpusChoice(str(corpus)))
    body = InterveneBody(unit=UnitId.parse(UNIT), kind="ablate")

    async def scene() -> None:
        await asyncio.gather(*(desk.intervene(body) for _ in range(5)))

    asyncio.run(scene())
    assert most == [1] * 5


LIMITED = Caller("lab", "run", budget_usd=2.0, max_calls=100)


def made_job(store: Store, id: str, **limits: Any) -> str:
    from storage import JobRecord

    record = JobRecord(
        id=id,
        subject="planted",
        site="exact",
        parameters={},
        engine="elsewhere",
        owner="lab",
        created="2025-01-31T12:00:00Z",
        **limits,
    )
    return store.jobs.create(record, [UnitId("planted", "exact", 0)]).id


def test_jobs_of_a_key_together_keep_to_its_limits(own_home: Path, database: str | None) -> None:
    with Workspace(load_settings()).store() as store:
        free = SweepOptions(None, None)
        assert within(store, LIMITED, free) == SweepOptions(2.0, 100)
        assert within(store, LIMITED, SweepOptions(0.5, 200)) == SweepOptions(0.5, 100)
        assert within(store, Caller("other", "run"), free) == free
        first = made_job(store, "a" * 16, budget_usd=1.5, max_calls=40)
        assert within(store, LIMITED, free) == SweepOptions(0.5, 60)
        assert within(store, LIMITED, free, but=first) == SweepOptions(2.0, 100)
        second = made_job(store, "b" * 16, budget_usd=0.5, max_calls=1)
        with pytest.raises(BudgetReached):
            within(store, LIMITED, free)
        store.jobs.cancel(second)  # what it set aside and did not spend is free again
        assert within(store, LIMITED, free) == SweepOptions(0.5, 60)


def test_a_job_is_looked_after_by_who_made_it(
    database: str | None, workspace: Workspace, store: Store, corpus: Path
) -> None:
    desk = LocalDesk(workspace, store, CorpusChoice(str(corpus)))
    body = SweepBody(site="planted/exact", units="0")
    job = asyncio.run(desk.sweep(body, Caller("lab", "run"), None)).id
    with pytest.raises(ServiceError) as refused:
        asyncio.run(desk.cancel(job, Caller("other", "run")))
    assert (refused.value.status, refused.value.code) == (403, "not_your_job")
    assert asyncio.run(desk.pause(job, Caller("lab", "run"))).state == "paused"
    assert asyncio.run(desk.cancel(job, Caller("boss", "admin"))).state == "cancelled"
