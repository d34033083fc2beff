"""Labels for a concept over HTTP: recorded, within a budget, and never without a language model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_answers import Answer

from agent.concepts import ConceptQuestion
from core.errors import BudgetReached, InvalidSetting
from neuroscribe.concepts import concept_examples
from neuroscribe.models import Spending
from neuroscribe.workspace import CorpusChoice, Workspace
from tests.neuroscribe.conftest import Served

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


def test_without_a_language_model_there_are_no_labels(home: Path) -> None:
    with pytest.raises(InvalidSetting, match="needs a language model"):
        concept_examples(Workspace(), QUESTION, "pattern")
