"""What routes answer when all is well."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgi_client import Answer, Client
from fake_desk import FakeDesk

from core.ids import UnitId
from storage.documents import DocumentText

UNIT = UnitId("demo", "mlp.0", 1)
TEXT = '{"unit":"demo/mlp.0/1","verdict":"explained"}'
PATH = "/v1/units/demo/mlp.0/1"


@pytest.fixture
def known(desk: FakeDesk) -> FakeDesk:
    desk.documents[UNIT] = DocumentText("run-1", TEXT)
    return desk


def test_a_stored_document_is_given_as_it_is_with_its_tag(known: FakeDesk, client: Client) -> None:
    answer = client.get(PATH)
    assert (answer.status, answer.body.decode()) == (200, TEXT)
    assert answer.headers["etag"] == '"run-1"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert client.get("/v1/runs/run-1").body.decode() == TEXT


@pytest.mark.parametrize(
    ("sent", "status"),
    [('"run-1"', 304), ('W/"run-1"', 304), ('"a", "run-1"', 304), ("*", 304), ('"run-2"', 200)],
)
def test_what_is_known_is_not_sent_again(
    known: FakeDesk, client: Client, sent: str, status: int
) -> None:
    answer = client.get(PATH, if_none_match=sent)
    assert answer.status == status
    assert (answer.body == b"") == (status == 304)
    assert answer.headers["etag"] == '"run-1"'


def test_lists_come_in_pages(client: Client) -> None:
    first = client.get("/v1/units/demo/mlp.0?limit=3").json
    assert [line["unit"] for line in first["items"]] == [f"demo/mlp.0/{n}" for n in range(3)]
    second = client.get(f"/v1/units/demo/mlp.0?limit=3&after={first['next']}").json
    assert [line["unit"] for line in second["items"]] == ["demo/mlp.0/3", "demo/mlp.0/4"]
    assert second["next"] is None


def test_a_stored_answer_is_given_at_once(known: FakeDesk, client: Client) -> None:
    answer = client.post("/v1/explanations", {"unit": str(UNIT)})
    assert (answer.status, answer.body.decode()) == (200, TEXT)


def explained_meanwhile(desk: FakeDesk, client: Client, **item: object) -> Answer:
    """Ask for a unit whose job ends with this item while the request waits."""
    body = json.dumps({"unit": "demo/mlp.0/2", "wait": 10}).encode()

    async def scene() -> Answer:
        asking = asyncio.create_task(client.send("POST", "/v1/explanations", [body], JSON))
        await asyncio.sleep(0.05)
        desk.happen("job-0001", "item", **item)
        return await asking

    return asyncio.run(scene())


JSON = {"content-type": "application/json"}


def test_an_answer_that_is_being_made_is_waited_for(known: FakeDesk, client: Client) -> None:
    answer = explained_meanwhile(known, client, state="done", run_id="run-1")
    assert (answer.status, answer.body.decode()) == (200, TEXT)


def test_a_unit_that_fails_is_told_with_its_own_error(desk: FakeDesk, client: Client) -> None:
    error = {"error_code": "model_unavailable", "error": "the server is away"}
    answer = explained_meanwhile(desk, client, state="failed", **error)
    assert (answer.status, answer.code) == (502, "model_unavailable")
    assert answer.json["detail"] == "the server is away"


def test_what_takes_longer_goes_on_as_a_job(desk: FakeDesk, client: Client) -> None:
    answer = client.post("/v1/explanations", {"unit": str(UNIT), "wait": 0.02})
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json['id']}"


def test_one_key_names_one_job_for_each_caller(desk: FakeDesk, client: Client) -> None:
    body = {"site": "demo/mlp.0", "units": "0-3"}
    names = [client.post("/v1/jobs", body, idempotency_key=k).json["id"] for k in ("a", "a", "b")]
    assert names[0] == names[1] != names[2]
    assert client.post("/v1/jobs", body, idempotency_key="x" * 201).status == 422


def test_jobs_are_looked_after(desk: FakeDesk, client: Client) -> None:
    desk.happen("job-0001", "job", state="running")
    assert client.get("/v1/jobs/job-0001").json["state"] == "running"
    assert [j["id"] for j in client.get("/v1/jobs").json] == ["job-0001"]
    for what in ("pause", "cancel", "retry-failed"):
        assert client.post(f"/v1/jobs/job-0001/{what}").status == 200
    assert client.post("/v1/jobs/job-0001/resume").status == 200
    assert client.post("/v1/jobs/job-0001/resume", {"max_calls": 7}).status == 200
    assert [limits.max_calls for limits in desk.asked] == [None, 7]  # type: ignore[attr-defined]


def test_texts_are_run(desk: FakeDesk, client: Client) -> None:
    answer = client.post("/v1/activations", {"unit": str(UNIT), "texts": ["a b", "c"]})
    assert [t["tokens"] for t in answer.json["texts"]] == [["a", "b"], ["c"]]
    too_many = client.post("/v1/activations", {"unit": str(UNIT), "texts": ["a"] * 17})
    assert too_many.status == 422


def test_search_takes_words_and_filters(desk: FakeDesk, client: Client) -> None:
    found = client.get("/v1/search?q=fires&verdict=explained&min_score=0.5&everything=true").json
    assert [hit["unit"] for hit in found["hits"]] == ["demo/mlp.0/1"]
    (asked,) = desk.asked
    assert asked.model_dump(exclude_defaults=True) == {  # type: ignore[attr-defined]
        "q": "fires",
        "verdict": "explained",
        "min_score": 0.5,
        "everything": True,
    }
    assert client.get(f"/v1/search?q=x&after={found['after']}").json["hits"] == []
    assert client.get("/v1/search?q=-").code == "invalid_setting"
    assert client.get("/v1/search?nonsense=1").status == 422


def test_a_search_by_meaning_says_how_near_each_is_and_all_are(client: Client) -> None:
    found = client.get("/v1/search?q=water&by=meaning").json
    assert (found["hits"][0]["similarity"], found["hits"][0]["z"]) == (0.62, 5.2)
    assert (found["all"]["p95"], found["embedder"]) == (0.31, "minilm")
    assert "similarity" not in client.get("/v1/search?q=water").json["hits"][0]
    assert client.get("/v1/search?q=water&by=magic").code == "invalid_request"
    assert client.get("/v1/search?by=meaning").code == "invalid_setting"


def test_a_unit_is_edited(desk: FakeDesk, client: Client) -> None:
    body = {"unit": str(UNIT), "kind": "push", "by": 2, "texts": ["a b"]}
    answer = client.post("/v1/interventions", body)
    assert (answer.status, answer.json["by"]) == (200, 2)
    assert answer.json["divergence"] == {
        "value": 0.1,
        "low": None,
        "high": None,
        "reason": "one text",
    }
    for wrong in ({"by": "far"}, {"kind": "double"}, {"texts": ["a"] * 17}, {"excerpts": 0}):
        assert client.post("/v1/interventions", body | wrong).status == 422


def test_models_are_registered_and_forgotten(desk: FakeDesk, client: Client) -> None:
    made = client.post("/v1/subjects", {"source": "org/model", "revision": "refs/pr/1"})
    assert (made.status, made.headers["location"]) == (201, "/v1/subjects/demo")
    gone = client.delete("/v1/subjects/demo")
    assert (gone.status, gone.body) == (204, b"")
    assert client.delete("/v1/subjects/nobody").code == "unknown_subject"
