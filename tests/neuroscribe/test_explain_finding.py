"""``neuroscribe explain --finding``: units are explained unseen, then compared with the feature."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_answers import Answer

from core.findings import Finding, FoundUnit
from core.ids import UnitId
from neuroscribe.studies.features import OPTIONS, STATED
from neuroscribe.workspace import Workspace
from tests.neuroscribe.conftest import Ran, Served

Run = Callable[..., Ran]
SHORT = ("--mode", "one-shot", "--no-arms")
PUNCTUATION, DEAD = "planted/charclass/4", "planted/dead/0"
_LISTED = re.compile(r"^(\d+)\t(\"(?:[^\"\\]|\\.)*\")$", re.MULTILINE)


def store_finding(id: str, description: str | None, *units: str, **changes: Any) -> None:
    """A finding as a probe leaves it; those of one test share a method of their own."""
    fields: dict[str, Any] = {
        "method": "probe",
        "subject": "planted",
        "question": f"which units tell: {description}?",
        "figures": {"description": description},
        "parameters": {"feature": description, "collection": "made-up"},
        "seed": 0,
        "data": "0" * 16,
    }
    found = [
        FoundUnit(unit=UnitId.parse(unit), weight=1.0 / place)
        for place, unit in enumerate(units, 1)
    ]
    with Workspace().store() as store:
        store.findings.save(Finding(id=id, units=tuple(found), **fields | changes))


@pytest.fixture
def explain(run: Run, home: Path, few: Path) -> Callable[..., Ran]:
    """Explain the units of a finding in the least time."""

    def call(id: str, *words: object) -> Ran:
        return run("explain", "--finding", id, "--corpus", few, *SHORT, *map(str, words))

    return call


def test_an_explanation_with_the_words_of_the_feature_names_it(
    explain: Callable[..., Ran], home: Path
) -> None:
    store_finding("words-1", "signs of punctuation", PUNCTUATION, DEAD, method="words")
    document = explain("words-", "--json").json
    assert (document["finding"], document["feature"]) == ("words-1", "signs of punctuation")
    first, dead = document["units"]
    assert (first["unit"], first["weight"], first["verdict"]) == (PUNCTUATION, 1.0, "explained")
    assert first["low"] <= first["score"] <= first["high"]
    assert first["null"] < first["score"]
    assert first["named"]["words"]["named"]
    assert first["named"]["words"]["words"] == ["punctuation"]
    assert first["named"]["judge"] is None
    assert (dead["verdict"], dead["explanation"], dead["score"]) == ("dead", None, None)
    assert dead["named"]["words"]["reason"] == "not explained: dead"
    assert not dead["named"]["words"]["named"]
    named = document["named"]
    assert named == document["by_words"]
    assert (named["by"], named["value"], named["n"]) == ("words", 0.5, 2)
    assert named["low"] < 0.5 < named["high"]


def test_chance_is_how_often_other_features_are_named(
    explain: Callable[..., Ran], home: Path
) -> None:
    """Other findings give the other features; what is the same feature is none of them."""
    store_finding("chance-1", "plural nouns", PUNCTUATION, method="chance")
    store_finding("chance-2", "punctuation", PUNCTUATION, method="chance")
    store_finding("chance-3", "Plural noun", PUNCTUATION, method="chance")
    document = explain("chance-1", "--json").json
    assert "punctuation" in document["others"]
    assert "Plural noun" not in document["others"]
    assert "plural nouns" not in document["others"]
    assert len(document["others"]) == OPTIONS - 1
    assert document["stated"] == OPTIONS - 2
    assert set(document["others"][1:]) <= set(STATED)
    assert document["named"]["value"] == 0.0
    assert document["named"]["chance"] >= 1 / (OPTIONS - 1)


def test_the_heaviest_units_are_explained_and_stored_answers_reused(
    explain: Callable[..., Ran], run: Run, home: Path, few: Path
) -> None:
    store_finding("top", "punctuation", PUNCTUATION, "planted/exact/0", DEAD, "planted/dead/1")
    assert [u["unit"] for u in explain("top", "--top", 1, "--json").json["units"]] == [PUNCTUATION]
    document = explain("top", "--json").json
    assert [u["unit"] for u in document["units"]] == [PUNCTUATION, "planted/exact/0", DEAD]
    alone = run("explain", "planted/exact/0", "--corpus", few, *SHORT, "--json").json
    assert alone["explanations"][0]["text"] == document["units"][1]["explanation"]
    assert explain("top", "--json").json == document
    again = run("explain", "planted/exact/0", "--corpus", few, *SHORT, "--json").json
    assert again["report_openings"] == alone["report_openings"]


def test_a_finding_without_units_names_nothing(explain: Callable[..., Ran], home: Path) -> None:
    store_finding("empty", "punctuation")
    answer = explain("empty", "--json")
    assert answer.code == 0
    assert answer.json["units"] == []
    assert answer.json["named"]["value"] is None
    assert answer.json["named"]["reason"] == "the finding holds no unit"


def test_a_feature_without_words_is_told_by_its_question(
    explain: Callable[..., Ran], home: Path
) -> None:
    store_finding("bare", None, PUNCTUATION, parameters={}, question="is it punctuation?")
    assert explain("bare", "--json").json["feature"] == "is it punctuation?"


def test_people_see_units_and_figures_beside_chance(
    explain: Callable[..., Ran], home: Path
) -> None:
    store_finding("people", "[red]punctuation\x1b", PUNCTUATION, DEAD, method="people")
    said = explain("people").out
    assert "[red]punctuation\\x1b (withheld from the explainer)" in said
    for words in (PUNCTUATION, "● explained", "words: yes", "dead", "of 2, chance", "too few"):
        assert words in said


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--finding", "f0", "planted/exact/0"], "misuse", 2),
        (["planted/exact/0", "--top", "2"], "misuse", 2),
        (["--finding", "f0", "--html", "x.html"], "misuse", 2),
        (["--finding", "f0", "--top", "0"], "misuse", 2),
        (["--finding", "nothing-like-it"], "not_stored", 1),
        ([], "misuse", 2),
    ],
)
def test_what_is_wrong_is_named(
    run: Run, home: Path, words: list[str], code: str, exit_code: int
) -> None:
    answer = run("explain", *words, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (exit_code, code)


class Judge:
    """In front of the ideal model: picks ``choose`` of the features that it is shown."""

    def __init__(self, ideal: Callable[[dict[str, Any]], Answer]) -> None:
        self.ideal = ideal
        self.choose: Callable[[dict[int, str]], Answer] = lambda _: Answer(data={"choice": 1})
        self.asked: list[str] = []
        self.others: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Answer:
        text = "\n".join(str(message["content"]) for message in body.get("messages", ()))
        if "properties is the explanation about?" not in text:
            self.others.append(json.dumps(body))
            return self.ideal(body)
        self.asked.append(text)
        return self.choose({int(n): json.loads(name) for n, name in _LISTED.findall(text)})


@pytest.fixture
def judge(served: Served) -> Iterator[Judge]:
    made = Judge(served.ideal)
    served.server.script = made
    yield made
    served.server.script = served.ideal


def picks(name: str) -> Callable[[dict[int, str]], Answer]:
    return lambda listed: Answer(data={"choice": next(n for n, f in listed.items() if f == name)})


def cheap(served: Served) -> tuple[object, ...]:
    return (
        "--explainer", served.openai, "--strategy", "indexed", "--score-excerpts", 2,
        "--candidates", 1, "--json",
    )  # fmt: skip


def test_nothing_of_the_finding_is_told_before_all_is_explained(
    explain: Callable[..., Ran], served: Served, judge: Judge
) -> None:
    served.ideal.truth = "Fires 10/10 on punctuation."
    store_finding(
        "secret", "quokkas among zymurgists", PUNCTUATION, DEAD, method="xylophone",
        question="which units tell vuvuzelas?", figures={"description": "quokkas among zymurgists"},
        parameters={"feature": "wombatry", "collection": "kazoos"},
    )  # fmt: skip
    judge.choose = picks("quokkas among zymurgists")
    document = explain("secret", *cheap(served)).json
    assert len(judge.asked) == 1
    assert judge.others
    for word in ("quokka", "zymurg", "vuvuzela", "wombat", "kazoo", "xylophone", "secret"):
        assert not any(word in body.lower() for body in judge.others)
    bodies = [json.dumps(q.body) for q in served.server.questions]
    assert ["quokka" in body for body in bodies] == [False] * (len(bodies) - 1) + [True]
    assert "vuvuzela" not in bodies[-1]
    assert document["named"]["by"] == "judge"
    assert (document["named"]["value"], document["named"]["n"]) == (0.5, 2)
    assert document["named"]["chance"] == 1 / OPTIONS
    explained, dead = document["units"]
    assert explained["named"]["judge"]["named"]
    assert not explained["named"]["words"]["named"]
    assert dead["named"]["judge"] == {
        "named": False, "choice": None, "reason": "not explained: dead",
    }  # fmt: skip
    paid = len(bodies)
    assert explain("secret", *cheap(served)).json == document
    assert len(served.server.questions) == paid


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Answer(refusal="no"), "the model refused"),
        (Answer(data={"choice": 99}), "choice: 99 is not a number from 1 to 8"),
        (Answer(text="the first"), "Invalid JSON"),
    ],
)
def test_a_judge_that_does_not_pick_is_a_result(
    explain: Callable[..., Ran],
    served: Served,
    judge: Judge,
    said: Answer,
    reason: str,
) -> None:
    served.ideal.truth = "Fires 10/10 on punctuation."
    name = f"lost-{len(reason)}"  # another feature each time: the judge's answers are kept
    store_finding(name, f"punctuation {len(reason)}", PUNCTUATION, method=name)
    judge.choose = lambda _: said
    document = explain(name, *cheap(served)).json
    (unit,) = document["units"]
    assert unit["named"]["judge"]["choice"] is None
    assert reason in unit["named"]["judge"]["reason"]
    assert document["named"]["value"] == 0.0
    assert unit["named"]["words"]["named"]


def test_one_budget_holds_for_all_units_and_nothing_is_paid_twice(
    explain: Callable[..., Ran], served: Served, judge: Judge
) -> None:
    served.ideal.truth = "Fires 10/10 on punctuation."
    store_finding("budget", "vowels", "planted/charclass/1", "planted/charclass/3", method="budget")
    stopped = explain("budget", *cheap(served), "--max-calls", 3, "--concurrency", 1)
    assert (stopped.code, stopped.json["error"]["code"]) == (3, "budget_reached")
    assert len(served.server.questions) == 3
    whole = explain("budget", *cheap(served))
    assert whole.code == 0
    assert len(whole.json["units"]) == 2
    bodies = [json.dumps(q.body, sort_keys=True) for q in served.server.questions]
    assert len(set(bodies)) == len(bodies)
