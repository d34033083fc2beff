"""Compound words and people: places found by their words, read at the last of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builder_texts import Texts, positives, words

from core.errors import CorpusNotFound, InvalidSetting, LabelsUnusable
from discovery.probing.builders.compounds import LISTS, PAPER, compounds, parse_compound
from discovery.probing.builders.people import Naming, people
from discovery.probing.labels import Collection
from subjects.corpora.generated import documents

# Compound words.


def negatives(collection: Collection) -> dict[str, list[tuple[str, str]]]:
    """By feature the text of the negatives of all documents, with their kinds."""
    found: dict[str, list[tuple[str, str]]] = {}
    for annotation in collection.annotations():
        for name, spans in annotation.negative.items():
            text = annotation.document.text
            found.setdefault(name, []).extend((text[s.start : s.stop], s.kind) for s in spans)
    return found


def test_a_compound_and_halves_of_it() -> None:
    corpus = Texts("The high school has a high wall and an old school.", "Nothing here.")
    found = compounds(corpus, ["high school"])
    assert positives(found) == [{"high school": ["high school"]}, {}]
    assert negatives(found) == {"high school": [("high wall", "XZ"), ("old school", "WY")]}
    assert (found.reading, found.window, found.ending) == ("last", 24, True)
    assert found.features[0].negatives == "among"


def test_two_compounds_may_share_a_word() -> None:
    corpus = Texts("public health and mental health")
    found = compounds(corpus, ["public health", "mental health"])
    assert positives(found) == [
        {"public health": ["public health"], "mental health": ["mental health"]}
    ]
    both = {"mental health": [("public health", "WY")], "public health": [("mental health", "WY")]}
    assert negatives(found) == both


@pytest.mark.parametrize("text", ["High school", "High School", "high\nschool", "high  school"])
def test_capitals_and_line_breaks_are_the_same_compound(text: str) -> None:
    assert positives(compounds(Texts(f"The {text}."), ["high school"])) == [{"high school": [text]}]


@pytest.mark.parametrize(
    "text",
    [
        "high schools", "HIGH SCHOOL", "high, school", "high-school", "high\n\nschool",
        "high school2", "highschool",
    ],
)  # fmt: skip
def test_other_forms_are_in_neither_class(text: str) -> None:
    (annotation,) = compounds(Texts(text), ["high school"]).annotations()
    assert not annotation.positive
    assert not annotation.negative


def test_the_lists() -> None:
    assert len(PAPER) == 21
    assert [parse_compound(text).name for text in PAPER] == list(PAPER)
    corpus = Texts.of(*documents("compounds", seed=11, count=12))
    found = positives(compounds(corpus, LISTS["builtin"]))
    assert len({name for document in found for name in document}) > 15
    assert parse_compound("mental-health").name == "mental health"


@pytest.mark.parametrize("pair", ["word", "one two three", "a 1", "", "x_y z"])
def test_what_is_no_compound_is_named(pair: str) -> None:
    with pytest.raises(InvalidSetting, match="two words"):
        compounds(Texts("text"), [pair])
    with pytest.raises(InvalidSetting, match="empty"):
        compounds(Texts("text"), [])


# People.

ROWS = "name,label\nAda Stone,poet\nAda Stone,woman\nBen King Jr.,actor\nBen King Moss,poet\n"


def labels(path: Path, text: str = ROWS) -> Path:
    path.write_text(text)
    return path


def test_people_are_read_at_their_surnames(tmp_path: Path) -> None:
    corpus = Texts("Ada Stone met Ben King, Jr. and Ben\nKing Moss. Stone slept.")
    found = people(corpus, labels(tmp_path / "a.csv"), Naming(drop_single=False))
    (annotation,) = found.annotations()
    assert words(annotation, annotation.positive) == {
        "poet": ["Stone", "Moss"],
        "woman": ["Stone"],
        "actor": ["King"],
    }
    assert words(annotation, annotation.negative) == {
        "poet": ["King"],
        "woman": ["King", "Moss"],
        "actor": ["Stone", "Moss"],
    }
    assert (found.window, found.ending, found.reading) == (128, True, "every")


def test_a_name_counts_three_times_at_most_and_not_once(tmp_path: Path) -> None:
    corpus = Texts("Ada Stone. " * 9, "Ada Stone and Ben King.", "Adaa Stone, Ada Stoner")
    file = labels(tmp_path / "a.csv")
    found = positives(people(corpus, file))
    assert sum(len(d.get("poet", ())) for d in found) == 3
    assert not any("actor" in d for d in found)
    assert positives(people(corpus, file)) == found
    kept = positives(people(corpus, file, Naming(most=99, drop_single=False)))
    assert sum(len(d.get("poet", ())) for d in kept) == 10
    assert sum(len(d.get("actor", ())) for d in kept) == 1


def test_the_same_labels_in_any_kind_of_file(tmp_path: Path) -> None:
    rows = [line.split(",") for line in ROWS.splitlines()[1:]]
    objects = [json.dumps({"name": name, "label": label}) for name, label in rows]
    files = [
        labels(tmp_path / "a.csv"),
        labels(tmp_path / "a.tsv", ROWS.replace(",", "\t")),
        labels(tmp_path / "a.jsonl", "\n".join(objects)),
    ]
    corpus = Texts("Ada Stone, Ada Stone")
    assert len({str(positives(people(corpus, file))) for file in files}) == 1
    assert len({people(corpus, file).fingerprint for file in files}) == 3


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "name,label\nAda Stone,\n", "line 2 .* no text under 'label'"),
        ("a.csv", "who,label\nAda Stone,poet\n", "line 2 .* no text under 'name'"),
        ("a.csv", "name,label\n\n,poet\n", "line 3 .* no text under 'name'"),
        ("a.csv", "name,label\nStone, Ada,poet\n", "line 2 .* 3 fields under 2 columns"),
        ("a.csv", 'name,label\n"Ada,poet\n', "line 2 .* not readable as a table"),
        ("a.csv", "name,label,name\nA,b,c\n", "line 1 .* same name"),
        ("a.csv", "name,label\n", "holds no label"),
        ("a.csv", "name,label\n??,poet\n", "line 2 .* does not begin with"),
        ("a.jsonl", '{"name": "Ada", "label": 3}\n', "line 1 .* 'label' is 3"),
        ("a.jsonl", '{"name": "Ada", "label": "x"}\n{\n', "line 2 .* not JSON"),
        ("a.jsonl", "[1]\n", "line 1 .* not a JSON object"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(LabelsUnusable, match=problem):
        people(Texts("x"), labels(tmp_path / name, text))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"a\.docx"):
        people(Texts("x"), labels(tmp_path / "a.docx"))
    with pytest.raises(CorpusNotFound, match=r"none\.csv"):
        people(Texts("x"), tmp_path / "none.csv")
    with pytest.raises(InvalidSetting, match="0"):
        Naming(most=0)
