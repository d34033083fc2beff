"""Every answer that is no success is a problem document with a stable code and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from asgi_client import Client
from fake_desk import FakeDesk

from core import errors
from core.errors import NeuroscribeError
from service.guard import SECURITY
from service.problems import STATUSES, failure, status_of


def descendants(kind: type[NeuroscribeError]) -> Iterator[type[NeuroscribeError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from descendants(child)


@pytest.mark.parametrize("kind", list(descendants(NeuroscribeError)), ids=lambda k: k.__name__)
def test_every_error_has_a_status_and_keeps_its_code(
    kind: type[NeuroscribeError], client: Client, desk: FakeDesk
) -> None:
    desk.broken = kind("what is\nwrong", "what to do")
    answer = client.get("/v1/subjects")
    assert answer.status == status_of(desk.broken) == failure(kind.code, "x").status
    assert answer.code == kind.code
    assert answer.json["detail"] == "what is wrong"
    assert answer.json["hint"] == "what to do"
    assert answer.json["request"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (answer.status == 503)


def test_statuses_are_of_errors_that_there_are() -> None:
    assert set(STATUSES) <= set(descendants(NeuroscribeError))


def test_what_nobody_foresaw_tells_nothing(
    client: Client, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.broken = RuntimeError("password=hunter2")
    answer = client.get("/v1/subjects")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"hunter2" not in answer.body
    assert answer.json["request"] in caplog.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/nothing", 404, "not_found"),
        ("/v1/subjects/nope", 404, "unknown_subject"),
        ("/v1/subjects/No%20Pe", 422, "invalid_request"),
        ("/v1/units/demo/mlp.0/1", 404, "not_stored"),
        ("/v1/units/demo/mlp.0/-1", 422, "invalid_request"),
        ("/v1/units/demo/mlp.0/x", 422, "invalid_request"),
        ("/v1/units/demo/mlp.0/99999999999999999999", 422, "invalid_request"),
        ("/v1/units/demo/../../etc", 404, "not_found"),
        ("/v1/units/demo/mlp.0/1/profile", 409, "index_missing"),
        ("/v1/units/demo/mlp.0?limit=0", 422, "invalid_request"),
        ("/v1/units/demo/mlp.0?after=x", 422, "invalid_request"),
        ("/v1/jobs/none", 404, "not_stored"),
        ("/v1/jobs/a%00b", 422, "invalid_request"),
    ],
)
def test_what_cannot_be_is_said(client: Client, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert (answer.status, answer.code) == (status, code)
    assert "\n" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, None),
        (b"[" * 1500, 400, None),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'{"unit": "demo"}', 422, "malformed_id"),
        (b'{"unit": "demo/mlp.0/1", "extra": 1}', 422, "invalid_request"),
        (b'{"unit": "demo/mlp.0/1", "wait": NaN}', 422, "invalid_request"),
        (b'{"unit": "demo/mlp.0/1", "wait": 1e9}', 422, "invalid_request"),
        (b'{"unit": "demo/mlp.0/1", "budget_usd": Infinity}', 422, "invalid_request"),
        (b'{"unit": 7}', 422, "invalid_request"),
    ],
)
def test_bodies_that_cannot_be_are_refused(
    client: Client, desk: FakeDesk, body: bytes, status: int, code: str | None
) -> None:
    answer = client.post_bytes("/v1/explanations", body)
    assert answer.status == status
    assert code is None or answer.code == code
    assert desk.asked == []


def test_a_body_is_bounded_however_it_comes(client: Client, desk: FakeDesk) -> None:
    told = client.post_bytes("/v1/explanations", b"x" * 3000, content_length="3000")
    untold = client.post_bytes("/v1/explanations", *[b"x" * 500] * 5)
    assert [(a.status, a.code) for a in (told, untold)] == [(413, "body_too_large")] * 2
    assert desk.asked == []


def test_another_method_is_refused(client: Client) -> None:
    answer = client.post("/v1/search")
    assert (answer.status, answer.code) == (405, "method_not_allowed")


def test_every_answer_closes_what_need_not_be_open(client: Client) -> None:
    for answer in (client.get("/healthz"), client.get("/v1/nothing")):
        for name, value in SECURITY.items():
            assert answer.headers[name.lower()] == value
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "unsafe-inline" not in answer.headers["content-security-policy"]


def test_only_its_own_names_and_origins_are_served(client: Client, desk: FakeDesk) -> None:
    rebound = client.get("/healthz", host="evil.example:80")
    assert (rebound.status, rebound.code) == (421, "unknown_host")
    body = {"unit": "demo/mlp.0/1", "texts": ["a"]}
    foreign = client.post("/v1/activations", body, origin="https://evil.example")
    assert (foreign.status, foreign.code) == (403, "cross_origin")
    assert desk.asked == []
    own = client.post("/v1/activations", body, origin="http://localhost")
    assert own.status == 200


def test_other_sites_may_lead_here_and_embed_nothing(client: Client) -> None:
    """A picture whose address is a search would load the machine, whoever shows it."""

    def got(site: str, what: str) -> int:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": what}
        return client.get("/search/firing", **headers).status

    assert [got("cross-site", "image"), got("same-site", "iframe")] == [403, 403]
    assert [got("cross-site", "document"), got("same-origin", "empty")] == [200, 200]
    assert got("none", "document") == 200


def test_a_request_keeps_the_id_it_brings_if_that_is_harmless(client: Client) -> None:
    assert client.get("/healthz", x_request_id="trace-7").headers["x-request-id"] == "trace-7"
    made = client.get("/healthz", x_request_id='"><script>').headers["x-request-id"]
    assert len(made) == 16


def test_readiness_is_told_by_status(client: Client, desk: FakeDesk) -> None:
    assert client.get("/readyz").status == 200
    desk.broken = errors.StorageError("gone")
    answer = client.get("/readyz")
    assert answer.status == 503
    assert json.loads(answer.body)["parts"] == {"store": "storage"}
    assert client.get("/healthz").status == 200
