"""Versions of a unit, older runs of it, and when the newest is not the one to read."""

from __future__ import annotations

from typing import Any

import pytest
from asgi_client import Client
from fake_desk import TIME, FakeDesk

from service.pages.history import notices
from storage.documents import DocumentText, Version
from tests.service.pages.page_documents import UNIT, document
from tests.service.pages.strict_page import Page

NASTY = '<img src=x onerror=alert(1)>\u202e"'
NEWEST = document(run="newest")


def version(run: str, number: int, value: float | None, **changes: Any) -> Version:
    fields: dict[str, Any] = {
        "explanation": f"e{number}",
        "version": number,
        "text": "Fires.",
        "side": "input",
        "polarity": "positive",
        "method": "pattern",
        "run": run,
        "started": TIME,
        "finished": TIME,
        "verdict": "explained",
        "mode": "agent",
        "value": value,
    }
    return Version.model_validate(fields | changes)


def page(client: Client, path: str) -> Page:
    answer = client.get(path, accept="text/html")
    assert answer.status == 200
    return Page(answer.body.decode())


@pytest.mark.parametrize(
    ("mode", "own", "older", "told"),
    [
        ("agent", 0.8, [("a", 0.9, "agent")], ["/runs/a"]),
        ("agent", 0.8, [("a", 0.7, "agent"), ("b", 0.6, "one-shot")], []),
        ("agent", 0.8, [("a", 0.8004, "agent")], []),  # shown as the same
        ("agent", None, [("a", 0.1, "agent")], ["/runs/a"]),
        ("agent", 0.8, [("a", 0.9, None)], []),  # a sentence that no investigation wrote
        ("one-shot", 0.8, [("a", 0.9, "agent")], ["/runs/a"]),
        ("one-shot", 0.8, [("a", 0.7, "agent"), ("b", 0.9, "one-shot")], ["/runs/b", "/runs/a"]),
        ("one-shot", 0.8, [("a", None, "agent")], ["/runs/a"]),
        ("one-shot", 0.8, [("a", 0.7, "one-shot")], []),
    ],
)
def test_an_older_answer_that_is_better_or_was_tested_is_named(
    mode: str, own: float | None, older: list[tuple[str, float | None, str | None]], told: list[str]
) -> None:
    said = [version("newest", 9, own, mode=mode)]
    said += [version(run, 8 - i, value, mode=how) for i, (run, value, how) in enumerate(older)]
    found = notices(document(run="newest", mode=mode), said)
    assert [notice.place for notice in found] == told


def test_the_first_thing_a_run_said_is_what_its_score_is_about() -> None:
    said = [
        version("newest", 9, 0.8),
        version("a", 6, 0.99, side="output"),
        version("a", 7, 0.5),
        version("a", 8, 0.95),
    ]
    assert notices(NEWEST, said) == []


def test_the_page_says_so_at_its_top_with_both_scores(client: Client, desk: FakeDesk) -> None:
    desk.documents[UNIT] = DocumentText("newest", NEWEST.model_dump_json())
    better = version("older", 1, 0.9, low=0.85, high=0.95, text=NASTY)
    desk.said = [version("newest", 2, 0.831), better]
    shown = page(client, f"/units/{UNIT}")
    told = "An older answer predicts better on the whole corpus: ρ 0.900 [0.850, 0.950], this one"
    assert told in shown.text
    assert shown.text.index(told) < shown.text.index("Scores")
    assert shown.having("img") == []
    links = [a["href"] for a in shown.having("a")]
    assert links.count("/runs/older") == 2  # above, and in the table of versions
    assert "/runs/newest" not in links
    assert "shown here" in shown.text


def test_an_older_run_has_a_page_that_leads_to_the_newest(client: Client, desk: FakeDesk) -> None:
    desk.documents[UNIT] = DocumentText("newest", NEWEST.model_dump_json())
    own = page(client, "/runs/newest")
    assert "This is an older answer" not in own.text
    older = document(run="older")
    desk.older["older"] = DocumentText("older", older.model_dump_json())
    shown = page(client, "/runs/older")
    assert f"This is an older answer, of {older.created[:10]}" in shown.text
    assert f"/units/{UNIT}" in [a["href"] for a in shown.having("a")]
    forms = [f["action"] for f in shown.having("form") if f.get("class") == "act own"]
    assert forms == [f"/units/{UNIT}#h-own"]
    assert client.get("/runs/none", accept="text/html").status == 404


def test_sentences_of_others_are_versions_without_a_run_to_read(
    client: Client, desk: FakeDesk
) -> None:
    imported = version("i", 1, None, mode=None, finished=None, method="imported:neuronpedia")
    desk.said = [imported]
    shown = page(client, f"/units/{UNIT}")
    assert "imported:neuronpedia" in shown.text
    assert "/runs/i" not in [a["href"] for a in shown.having("a")]
