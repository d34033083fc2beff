"""The web page: readable without scripts, safe whatever a text holds, and only its own."""

from __future__ import annotations

import asyncio
import json
import re
from importlib.resources import files
from shutil import which
from subprocess import run
from typing import get_args

import pytest
from asgi_client import Client
from fake_desk import FakeDesk, job_document
from test_access import Known

from core.errors import InvalidSetting, StorageError
from core.ids import UnitId
from service.app import create_app
from service.auth import Gate
from service.bodies import FiringBody
from service.pages import served
from storage.documents import DocumentText
from storage.job_documents import JobDocument
from storage.jobs import JobCounts, JobStatus
from tests.service.pages.page_documents import document, nasty
from tests.service.pages.strict_page import Page

HTML = {"accept": "text/html"}
NASTY = '<img src=x onerror=alert(1)>\u202e"'


def known(desk: FakeDesk) -> UnitId:
    shown = nasty()
    text = json.dumps(shown.model_dump(mode="json"), ensure_ascii=True)
    desk.documents[shown.unit] = DocumentText("run-1", text)
    return shown.unit


def read(client: Client, path: str) -> Page:
    answer = client.get(path, **HTML)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.body.decode())


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/jobs", "/jobs/job-0001", "/subjects/demo", "/units/demo/mlp.0", "/login"),
        *("/units/demo/mlp.0/1", "/findings", "/findings?method=probe"),
    ],
)
def test_pages_are_well_formed_and_load_only_what_is_ours(
    client: Client, desk: FakeDesk, path: str
) -> None:
    desk.happen("job-0001", "job", state="running")
    page = read(client, path)
    assert len(page.having("h1")) == 1
    assert [s["src"] for s in page.having("script")] == ["/static/app.js"]
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "img", "style")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "/")[0] in "/?#"
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for label in page.having("label"):
        assert label["for"] in ids


@pytest.mark.parametrize("name", ["unit.css", "app.css", "app.js", "talk.js"])
def test_files_of_ours_are_served_and_no_others(client: Client, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status == 200
    assert not re.search(rb"url\(|@import|https?:|innerHTML|eval\(", answer.body)
    for other in ("unit_body.html.j2", "..%2f..%2fapp.py", "%2e%2e"):
        assert client.get(f"/static/{other}").status == 404


def test_a_unit_is_shown_with_nothing_of_its_text_as_markup(client: Client, desk: FakeDesk) -> None:
    unit = known(desk)
    page = read(client, f"/units/{unit}")
    assert str(unit) in page.text
    assert "\u202e" not in page.text
    file = client.get(f"/units/{unit}/file")
    assert file.headers["content-disposition"].startswith("attachment")
    assert Page(file.body.decode()).having("form") == []


def test_a_text_of_ones_own_is_run_without_scripts(client: Client, desk: FakeDesk) -> None:
    page = read(client, "/units/demo/mlp.0/1?text=no+%3Cimg%20src%3Dx%3E%20way")
    assert [b["title"] for b in page.having("bdi") if "title" in b] == ["activation 1"] * 4
    assert page.having("img") == []
    assert "the strongest on the corpus: 2" in page.text
    desk.broken = None
    assert "Strongest" not in read(client, "/units/demo/mlp.0/1?text=").text


def test_a_text_that_cannot_be_run_says_why(
    client: Client, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(body: object) -> None:
        raise InvalidSetting("it has no tokens", "give more")

    monkeypatch.setattr(desk, "texts", refuse)
    page = read(client, "/units/demo/mlp.0/1?text=x")
    assert "it has no tokens (give more)" in page.text


def test_what_was_typed_leads_to_its_page(client: Client) -> None:
    for typed, place in (
        ("demo/mlp.2/163", "/units/demo/mlp.2/163"),
        ("demo/L2.N117", "/units/demo/mlp.2/117"),
        (" demo/mlp.2/ ", "/units/demo/mlp.2"),
    ):
        answer = client.get("/ask?unit=" + typed.replace("/", "%2F").replace(" ", "+"))
        assert (answer.status, answer.headers["location"]) == (303, place)
    wrong = client.get("/ask?unit=%2F%2Fevil.example", **HTML)
    assert wrong.status == 422
    assert Page(wrong.body.decode()).having("h1")


def test_faults_are_pages_for_people_and_documents_for_programs(client: Client) -> None:
    person = client.get("/subjects/nope", **HTML)
    assert person.status == 404
    assert "there is no subject" in Page(person.body.decode()).text
    assert client.get("/subjects/nope").code == "unknown_subject"
    assert client.get("/v1/subjects/nope", **HTML).code == "unknown_subject"


def test_a_page_that_cannot_be_made_now_says_when_to_come_back(
    client: Client, desk: FakeDesk
) -> None:
    desk.broken = StorageError("'a.db' is locked by another process", "wait")
    away = client.get("/", **HTML)
    assert (away.status, away.headers["retry-after"]) == (503, "1")
    assert "locked by another process" in Page(away.body.decode()).text


def test_a_job_tells_what_happened_so_far(client: Client, desk: FakeDesk) -> None:
    desk.happen("job-0001", "job", state="running")
    desk.happen("job-0001", "item", unit="demo/mlp.0/1", state="failed", error=NASTY)
    desk.happen("job-0001", "item", unit="demo/mlp.0/2", state="done", verdict="dead", score=0.5)
    page = read(client, "/jobs/job-0001")
    assert page.having("img") == []
    assert "demo/mlp.0/2 dead, ρ 0.50" in page.text


def test_who_has_no_key_is_led_to_where_it_is_typed(desk: FakeDesk) -> None:
    client = Client(create_app(desk, Gate(Known())))
    away = client.get("/", **HTML)
    assert (away.status, away.headers["location"]) == (303, "/login")
    wrong = client.post_bytes("/login", b"key=nope", content_type=FORM)
    assert wrong.status == 401
    assert "not known" in Page(wrong.body.decode()).text
    right = client.post_bytes("/login", b"key=reads", content_type=FORM)
    assert right.status == 303
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/", cookie=cookie.partition(";")[0], **HTML).status == 200
    page = client.get("/units/demo/mlp.0/1?text=a", cookie=cookie.partition(";")[0], **HTML)
    assert "this key may read only" in Page(page.body.decode()).text


FORM = "application/x-www-form-urlencoded"


def test_the_whole_evidence_is_on_the_page(client: Client, desk: FakeDesk) -> None:
    shown = document()
    text = json.dumps(shown.model_dump(mode="json"))
    desk.documents[shown.unit] = DocumentText("run-1", text)
    page = read(client, f"/units/{shown.unit}")
    for words in (shown.explanations[0].text, "Scores", "Excerpts", "How to reproduce this"):
        assert words in page.text
    assert "It loads nothing and runs nothing" not in page.text


def test_explanations_are_found_by_their_words(client: Client, desk: FakeDesk) -> None:
    page = read(client, "/search?q=fires")
    assert page.having("mark") == [{}]
    assert page.having("b") == []
    assert "0.900 [0.800, 0.950] · null p95 0.100" in page.text
    (more,) = [a["href"] for a in page.having("a") if (a["href"] or "").startswith("/search?")]
    assert more is not None
    assert "No explanation holds all of that" in read(client, more).text
    assert read(client, "/search").having("ol") == []
    wrong = client.get("/search?q=-", **HTML)
    assert wrong.status == 422
    assert "nothing to look for" in Page(wrong.body.decode()).text


ACTIONS = ("pause", "resume", "cancel", "retry-failed")


@pytest.mark.parametrize(
    ("state", "failed", "usable"),
    [
        ("queued", 0, ["pause", "cancel"]),
        ("running", 1, ["pause", "cancel", "retry-failed"]),
        ("paused", 0, ["resume", "cancel"]),
        ("done", 0, []),
        ("done", 2, ["retry-failed"]),
        ("cancelled", 2, []),
    ],
)
def test_only_buttons_that_are_of_use_can_be_pressed(
    client: Client,
    desk: FakeDesk,
    monkeypatch: pytest.MonkeyPatch,
    state: JobStatus,
    failed: int,
    usable: list[str],
) -> None:
    desk.happen("job-0001", "job", state=state)

    async def stands(id: str) -> JobDocument:
        return job_document(id, state, JobCounts(done=1, failed=failed))

    monkeypatch.setattr(desk, "job", stands)
    buttons = [b for b in read(client, "/jobs/job-0001").having("button") if "data-do" in b]
    assert [b["data-do"] for b in buttons] == list(ACTIONS)
    assert [b["data-do"] for b in buttons if "disabled" not in b] == usable


@pytest.mark.skipif(which("node") is None, reason="node runs the script's table")
def test_the_script_offers_the_same_buttons_as_the_server() -> None:
    script = (files("service.pages") / "static" / "app.js").read_text(encoding="utf-8")
    table = script[script.index("const usable = {") :]
    table = table[: table.index("};") + 2]
    cases = [(a, s, f) for a in ACTIONS for s in get_args(JobStatus) for f in (0, 2)]
    asked = f"console.log(JSON.stringify({json.dumps(cases)}.map(([a, s, f]) => usable[a](s, f))))"
    said = run(["node", "-e", table + asked], capture_output=True, check=True, text=True).stdout
    assert json.loads(said) == [served.usable(a, s, f > 0) for a, s, f in cases]


def test_explanations_are_found_by_their_meaning_beside_what_all_are_like(
    client: Client, desk: FakeDesk
) -> None:
    page = read(client, "/search?q=water&by=meaning")
    assert "similarity 0.620" in page.text
    assert "z 5.2" in page.text
    assert "95th percentile 0.310" in page.text
    assert "7 were not compared yet" in page.text
    (checked,) = [i for i in page.having("input") if "checked" in i]
    assert checked["value"] == "meaning"
    (more,) = [a["href"] for a in page.having("a") if (a["href"] or "").startswith("/search?")]
    assert more is not None
    assert "by=meaning" in more
    assert "No explanation was compared yet" in read(client, more).text
    desk.embedder = None
    assert "by meaning" not in read(client, "/search").text


def test_units_that_fire_on_a_text_are_found_without_scripts(
    client: Client, desk: FakeDesk
) -> None:
    form = read(client, "/search")
    assert [f["action"] for f in form.having("form")][-1] == "/search/firing"
    assert {f["name"] for kind in ("textarea", "select") for f in form.having(kind)} == {
        "text",
        "subject",
    }
    page = read(client, "/search/firing?subject=demo&site=&text=%3Cb%3E")
    assert page.having("b") == []
    assert page.having("i") == []
    assert "1 of 8 live units" in page.text
    assert "0.4 on average (95th percentile 2, 256 texts)" in page.text
    assert "p 0.250 (smallest possible 0.004)" in page.text
    assert "Not collected, so not ranked: resid.0" in page.text
    assert "0.10 % 0.4 %" in page.text
    assert read(client, "/search/firing").having("table") == []
    wrong = client.get("/search/firing?subject=demo&site=mlp.9&text=a", **HTML)
    assert wrong.status == 404
    assert "has no site" in Page(wrong.body.decode()).text
    limited = Client(create_app(desk, Gate(Known())))
    refused = limited.get(
        "/search/firing?subject=demo&text=a", authorization="Bearer reads", **HTML
    )
    assert refused.status == 403


def test_what_cannot_be_told_of_units_that_fire_is_said_on_the_page(desk: FakeDesk) -> None:
    found = asyncio.run(desk.firing(FiringBody(subject="demo", text="a")))
    asked = {"subject": "demo", "site": "", "text": "a", "subjects": asyncio.run(desk.subjects())}
    for above, said in (
        (None, "How many units are unusually high is not told: too few."),
        (1, "1 of 8 live units peak"),
    ):
        told = found.model_copy(update={"above": above, "null": None, "reason": "too few"})
        page = Page(served.firing_page(asked, told)).text
        assert said in page
        assert ("How many there are anyway is not told: too few." in page) is (above == 1)
        assert "None" not in page
