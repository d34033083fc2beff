"""Labels for a concept over HTTP: recorded, within a budget, and never without a language model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fake_answers import Answer

from agent.concepts import ConceptQuestion
from core.errors import BudgetReached, InvalidSetting
from neuroscribe.concepts import concept_examples
from neuroscribe.models import Spending
from neuroscribe.workspace import CorpusChoice, Workspace
from tests.neuroscribe.conftest import Ran, Served

_TEXT = re.compile(r"^<excerpt> \(sequence (\d+)\)\n(\"[^\n]*)\n</excerpt>", re.MULTILINE)
QUESTION = ConceptQuestion("mentions of rivers", wanted=20, requests=4, per_request=10)


def river_writer(body: dict[str, Any]) -> Answer:
    """Ten texts of each kind, in each style others; the concept is there where "river" is."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if "Judge the" in text:
        shown = [(int(n), json.loads(said)) for n, said in _TEXT.findall(text)]
        judged = [
            {"sequence": n, "marked": "[[river]]" in said, "anywhere": "river" in said}
            for n, said in shown
        ]
        return Answer(data={"judgements": judged})
    style = text.rpartition("stand in ")[2].rstrip(".")
    said = [f"In {style} number {n} a river rose." for n in range(10)]
    near = [f"In {style} number {n} a price rose." for n in range(10)]
    return Answer(
        data={
            "positives": [{"text": text, "span": "river"} for text in said],
            "near_misses": [{"text": text, "span": "rose"} for text in near],
        }
    )


@pytest.fixture
def writer(served: Served) -> Iterator[str]:
    served.server.script = river_writer
    yield served.openai
    served.server.script = served.ideal


def test_labels_are_paid_for_once(served: Served, writer: str, few: Path, own_home: Path) -> None:
    workspace, corpus = Workspace(), CorpusChoice(source=str(few))
    with pytest.raises(BudgetReached):
        concept_examples(
            workspace, QUESTION, writer, corpus=corpus, spending=Spending(calls=3, concurrency=1)
        )
    assert len(served.server.questions) == 3
    found = concept_examples(workspace, QUESTION, writer, corpus=corpus)
    assert [len(found.of(label)) for label in ("positive", "near-miss", "other")] == [20, 20, 20]
    bodies = [json.dumps(q.body, sort_keys=True) for q in served.server.questions]
    assert len(bodies) == len(set(bodies)) == found.usage.requests == 8
    assert found.provenance.model == writer
    assert found.provenance.corpus == corpus.open().fingerprint
    assert concept_examples(workspace, QUESTION, writer, corpus=corpus) == found
    assert len(served.server.questions) == len(bodies)


WORDS = (
    *("market", "garden", "teacher", "window", "island", "doctor", "bridge", "summer", "castle"),
    *("letter", "engine", "forest", "painter", "harbour", "kitchen", "mountain", "student", "coat"),
)
BLIND = ("positive", "near_miss", "near-miss")
"""Words for the kinds of texts, which a checker must not read."""


def varied_writer(body: dict[str, Any]) -> Answer:
    """Texts with few words in common, and one "positive" that has no river in it."""
    asked = "\n".join(str(message["content"]) for message in body["messages"])
    if "Judge the" in asked:
        return river_writer(body)
    draw = Random(asked)

    def texts(word: str, count: int) -> list[dict[str, str]]:
        some = [draw.sample(WORDS, 8) for _ in range(count)]
        return [{"text": " ".join([*w[:4], word, *w[4:]]), "span": word} for w in some]

    return Answer(
        data={
            "positives": [*texts("river", 10), *texts("desert", 1)],
            "near_misses": texts("price", 10),
        }
    )


def test_a_concept_in_words_ends_in_a_report_of_labels_checked_blind(
    run: Callable[..., Ran], served: Served, own_home: Path
) -> None:
    served.server.script = varied_writer
    words = ("find", "probe", "demo-tiny", "--concept", "mentions of rivers", "--texts", "30")
    quick = ("--explainer", served.openai, "--k", "1", "--nulls", "9", "--jobs", "1", "--json")
    try:
        told = run(*words, *quick)
    finally:
        served.server.script = served.ideal
    assert told.code == 0, told
    checks = [json.dumps(q.body) for q in served.server.questions if "Judge the" in str(q.body)]
    assert len(checks) >= 3
    assert not [word for check in checks for word in BLIND if word in check.lower()]
    kinds = [example["label"] for example in told.json["concept"]["examples"]]
    assert (kinds.count("positive"), kinds.count("near-miss")) == (30, 30)
    disputed = told.json["concept"]["disputed"]
    assert disputed
    assert all("desert" in example["text"] for example in disputed)
    report = told.json["report"]
    assert report["collection"] == "concept"
    assert [f["feature"] for f in report["features"]] == ["mentions-of-rivers"]
    assert report["features"][0]["best"]["f1"]["low"] is not None
    assert [finding["method"] for finding in told.json["findings"]] == ["probe"]
    paid = len(served.server.questions)
    shown = run(*words, *quick[:-1])
    assert (shown.code, "mentions-of-rivers" in shown.out) == (0, True)
    assert len(served.server.questions) == paid


def test_without_a_language_model_there_are_no_labels(home: Path) -> None:
    with pytest.raises(InvalidSetting, match="needs a language model"):
        concept_examples(Workspace(), QUESTION, "pattern")
