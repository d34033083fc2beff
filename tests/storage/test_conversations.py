"""Conversations on a list: whose, how they begin and stand, and what they cost."""

from __future__ import annotations

from storage import Store
from storage.conversations import SpeakerChoice

ALONE = SpeakerChoice()


def test_a_conversation_is_listed_by_its_first_question(store: Store) -> None:
    talks = store.conversations
    talks.begin("one", "", "What does\n demo/mlp.2/163 do? " + "x" * 100, ALONE)
    talks.end("one", "", "waiting", 0.5, 2)
    talks.begin("one", "", None, ALONE)
    talks.end("one", "", "answered", 0.25, 1)
    talks.begin("two", "", "help", ALONE)
    listed = talks.all("")
    assert [c.thread for c in listed] == ["two", "one"]
    assert listed[0].state == "working"
    first = listed[1]
    assert first.title.startswith("What does demo/mlp.2/163 do? xxx")
    assert len(first.title) == 80
    assert first.choice == ALONE
    assert (first.questions, first.state, first.usd, first.calls) == (1, "answered", 0.75, 3)
    assert talks.get("one", "") == first
    assert talks.all("", limit=1) == listed[:1]


def test_each_owner_sees_its_own(store: Store) -> None:
    talks = store.conversations
    for owner in ("", "aaaa", "bbbb"):
        talks.begin("same", owner, f"from {owner}", ALONE)
    assert [c.title for c in talks.all("aaaa")] == ["from aaaa"]
    assert talks.get("same", "cccc") is None


def test_what_is_forgotten_is_gone_but_for_what_it_cost(store: Store) -> None:
    talks = store.conversations
    talks.begin("one", "aaaa", "a secret", ALONE)
    talks.end("one", "aaaa", "answered", 0.5, 2)
    talks.forget("one", "aaaa")
    assert talks.all("aaaa") == []
    assert talks.get("one", "aaaa") is None
    talks.begin("one", "aaaa", "again", SpeakerChoice(model="openai:m"))
    talks.end("one", "aaaa", "answered", 0.5, 1)
    (again,) = talks.all("aaaa")
    assert (again.title, again.questions, again.choice.model) == ("again", 1, "openai:m")
    assert talks.spent("aaaa") == (1.0, 3)
    assert talks.spent("") == (0.0, 0)
