"""Conversations over HTTP and on pages: streamed, followed again, never markup, each its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgi_client import Answer, Client
from fake_desk import FakeDesk
from fake_talks import conversation
from test_access import Known

from service.app import create_app
from service.auth import Gate
from service.conversations import SaidShown
from service.events import Feeds
from service.pages.talk import lines_of
from tests.service.pages.strict_page import Page

HTML = {"accept": "text/html"}
FORM = {"content_type": "application/x-www-form-urlencoded"}


def events(answer: Answer) -> list[tuple[str, str, Any]]:
    """Id, kind and data of each."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if lines:
            found.append((lines["id"], lines["event"], json.loads(lines["data"])))
    return found


def test_an_answer_is_streamed_and_kept(client: Client) -> None:
    answer = client.post("/v1/chat", {"text": "two words"})
    assert answer.headers["location"] == "/v1/chat/thread-1"
    told = events(answer)
    assert [kind for _, kind, _ in told] == ["call", "result", "piece", "piece", "end"]
    assert [id for id, _, _ in told] == [f"1-{n}" for n in range(1, 6)]
    assert told[-1][2] == {"turn": "1", "state": "answered"}
    shown = client.get("/v1/chat/thread-1").json
    assert [s["text"] for s in shown["said"]] == ["two words", "two words"]
    assert [c["thread"] for c in client.get("/v1/chat").json] == ["thread-1"]


def test_events_are_followed_from_where_they_were_lost(client: Client) -> None:
    client.post("/v1/chat", {"text": "one two three"})
    path = "/v1/chat/thread-1/events?turn=1"
    again = events(client.get(path, last_event_id="1-3"))
    assert [id for id, _, _ in again] == ["1-4", "1-5", "1-6"]
    other = events(client.get(path, last_event_id="abc-3"))
    assert other[0][0] == "1-1"
    assert client.get("/v1/chat/thread-1/events?turn=99").status == 204
    assert client.get("/v1/chat/nobody/events?turn=1").code == "not_stored"
    assert client.get(path, last_event_id="x").status == 422


def test_a_stream_that_says_nothing_is_kept_open_and_ends_with_the_service(desk: FakeDesk) -> None:
    feeds = Feeds(desk, heartbeat=0.01)
    client = Client(create_app(desk, Gate(), feeds=feeds))

    async def go() -> Answer:
        body = json.dumps({"text": "slow"}).encode()
        headers = {"content-type": "application/json"}

        def enough(body: bytes) -> bool:
            if body.count(b": still here") >= 3:
                feeds.closing.set()
            return False

        return await client.send("POST", "/v1/chat", [body], headers, enough)

    answer = asyncio.run(go())
    assert events(answer) == [("1-1", "piece", {"turn": "1", "text": "wait"})]


def test_without_streaming_the_conversation_is_the_answer(client: Client) -> None:
    answer = client.post("/v1/chat", {"text": "hello", "stream": False})
    assert (answer.status, answer.json["state"]) == (200, "answered")
    slow = client.post("/v1/chat", {"text": "slow", "stream": False, "wait": 0, "thread": "s"})
    assert (slow.status, slow.json["state"]) == (202, "working")
    busy = client.post("/v1/chat", {"text": "and?", "thread": "s"})
    assert (busy.status, busy.code) == (409, "conversation_busy")
    stopped = client.post("/v1/chat/s/stop")
    assert stopped.json["state"] == "interrupted"
    gone_on = client.post("/v1/chat/s/go-on", {"stream": False})
    assert gone_on.json["state"] == "answered"
    assert client.post("/v1/chat/s/go-on", {}).code == "job_state"


def test_what_an_answer_failed_with_is_the_problem(client: Client) -> None:
    failed = client.post("/v1/chat", {"text": "fail", "stream": False})
    assert (failed.status, failed.code) == (402, "budget_reached")
    assert events(client.post("/v1/chat", {"text": "fail"}))[-1][2]["problem"]["code"] == (
        "budget_reached"
    )


def test_decisions(client: Client) -> None:
    waiting = client.post("/v1/chat", {"text": "explain it", "stream": False}).json
    assert waiting["waiting"][0]["said"] == "about 9 s"
    assert client.post("/v1/chat/thread-1/decision", {}).status == 422
    done = client.post("/v1/chat/thread-1/decision", {"allow": True, "stream": False})
    assert done.json["state"] == "answered"
    again = client.post("/v1/chat/thread-1/decision", {"allow": True})
    assert (again.status, again.code) == (409, "job_state")


def test_a_conversation_is_forgotten(client: Client) -> None:
    client.post("/v1/chat", {"text": "hello"})
    assert asyncio.run(client.send("DELETE", "/v1/chat/thread-1")).status == 204
    assert client.get("/v1/chat/thread-1").code == "not_stored"
    assert asyncio.run(client.send("DELETE", "/v1/chat/thread-1")).status == 404


def test_nobody_sees_the_conversations_of_another_key(desk: FakeDesk) -> None:
    app = create_app(desk, Gate(Known()))
    ada, eve = (Client(app, {"authorization": f"Bearer {key}"}) for key in ("runs", "reads"))
    ada.post("/v1/chat", {"text": "a secret"})
    assert eve.get("/v1/chat").json == []
    assert eve.get("/v1/chat/thread-1").status == 404
    assert eve.get("/chat/thread-1", **HTML).status == 404
    late = Client(app, {"authorization": "Bearer old"})
    assert late.post("/v1/chat", {"text": "hello"}).code == "key_expired"
    assert Client(app).get("/v1/chat").status == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 9000},
        {"text": "x", "thread": "../x"},
        {"text": "x", "thread": ""},
        {"text": "x", "budget_usd": -1},
        {"text": "x", "tools": ["shell"]},
        {"text": ["x"]},
    ],
)
def test_a_body_that_cannot_be_meant_is_told(client: Client, body: dict[str, Any]) -> None:
    answer = client.post("/v1/chat", body)
    assert (answer.status, answer.code) in ((422, "invalid_request"), (413, "body_too_large"))


# pages


def posted(client: Client, path: str, body: str) -> Answer:
    return client.post_bytes(path, body.encode(), **FORM, **HTML)


def test_a_conversation_is_held_with_plain_forms(client: Client, desk: FakeDesk) -> None:
    answer = posted(client, "/chat", "text=explain+it&model=openai%3Am")
    assert (answer.status, answer.headers["location"]) == (303, "/chat/thread-1#now")
    assert desk.talks.bodies[-1].model == "openai:m"  # type: ignore[attr-defined]
    page = Page(client.get("/chat/thread-1", **HTML).body.decode())
    assert "Shall this be run?" in page.text
    assert "about 9 s" in page.text
    assert posted(client, "/chat/thread-1/decision", "allow=no").status == 303
    assert desk.talks.bodies[-2].allow is False  # type: ignore[attr-defined]
    listed = Page(client.get("/chat", **HTML).body.decode())
    assert "explain it" in listed.text
    assert posted(client, "/chat/thread-1/forget", "").headers["location"] == "/chat"


def test_what_cannot_be_said_stays_in_the_form(client: Client) -> None:
    empty = posted(client, "/chat", "text=+")
    assert empty.status == 422
    assert "text" in Page(empty.body.decode()).text
    posted(client, "/chat", "text=slow")
    busy = posted(client, "/chat", "text=and+then%3F&thread=thread-1")
    assert busy.status == 409
    page = Page(busy.body.decode())
    assert "an answer is under way" in page.text
    assert "and then?" in page.text


def test_a_page_of_an_answer_under_way_is_live_and_reads_without_scripts(client: Client) -> None:
    posted(client, "/chat", "text=slow")
    page = client.get("/chat/thread-1", **HTML).body.decode()
    assert 'data-turn="1"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page


def test_nothing_that_was_said_is_markup(client: Client, desk: FakeDesk) -> None:
    nasty = '<img src=x onerror=alert(1)>\u202e [score "><b>] </textarea>'
    result = json.dumps({"text": nasty, "error": None})
    desk.talks.held["anybody", "n"] = conversation(
        "n",
        SaidShown(role="user", text=nasty),
        SaidShown(role="tool", text=result, tool=nasty, arguments={"unit": nasty}, error=nasty),
        SaidShown(role="assistant", text=nasty),
        title=nasty,
        missing=(nasty,),
        note=nasty,
    )
    for path in ("/chat/n", "/chat", "/chat?say=%3C%2Ftextarea%3E%3Cb%3E"):
        page = Page(client.get(path, **HTML).body.decode())
        assert page.having("img") == []
        assert page.having("b") == []
        assert "\u202e" not in page.text


def test_citations_and_units_lead_to_their_pages() -> None:
    text = "demo/mlp.2/163: ok [run ab12]\n  [score e1/simulation/corpus] [measurement 9] a/b/c 1/2"
    (first, second) = lines_of(text)
    assert [(p.text, p.href) for p in first] == [
        ("demo/mlp.2/163", "/units/demo/mlp.2/163"),
        (": ok ", None),
        ("[run ab12]", "/runs/ab12"),
    ]
    assert [p.href for p in second if p.href] == ["/explanations/e1"]
    assert "".join(p.text for p in second) == text.split("\n")[1]


def test_an_explanation_leads_to_its_run(client: Client) -> None:
    answer = client.get("/explanations/e1", **HTML)
    assert (answer.status, answer.headers["location"]) == (303, "/runs/r1")
    assert client.get("/explanations/e2", **HTML).status == 404


def test_names_in_a_long_line_are_found_in_one_pass() -> None:
    """Looked for from each character on, this line would keep everybody waiting for minutes."""
    (parts,) = lines_of("a-" * 200_000 + " demo/mlp.2/7")
    assert [part.href for part in parts] == [None, "/units/demo/mlp.2/7"]


@pytest.mark.parametrize(
    "cited", ["[run ..]", "[run ../../x]", "[job x?y#z]", "[run javascript:x]"]
)
def test_what_cannot_be_an_id_leads_nowhere(cited: str) -> None:
    assert [part.href for part in lines_of(cited)[0]] == [None]
