"""Spans that a user labelled: what is read, and what is refused by its line."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from builder_texts import positives, words

from core.errors import LabelsUnusable
from discovery.probing.builders.spans import LabelledSpan, labelled_spans, read_spans
from discovery.probing.labels import Reading

TEXT = "The Rhine and the bank"


def rows(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps({"text": TEXT, "label": "river"} | row) + "\n"
                            for row in found))  # fmt: skip
    return path


def test_a_place_is_given_in_three_ways(tmp_path: Path) -> None:
    places = [{"start": 4, "stop": 9}, {"span": [4, 9]}, {"span": "Rhine"}]
    for place in places:
        found = read_spans(rows(tmp_path / "a.jsonl", place))
        assert positives(found) == [{"river": ["Rhine"]}]
        assert found.features[0].negatives == "any"


def test_the_same_in_a_table(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "text,start,stop,span,label,negative\n"
        f"{TEXT},4,9,,river,\n"
        f"{TEXT},,,bank,river,yes\n"
        '"On two\nlines, so",,,lines,other,no\n'
    )
    first, second = read_spans(file).annotations()
    assert words(first, first.positive) == {"river": ["Rhine"]}
    assert words(first, first.negative) == {"river": ["bank"]}
    assert words(second, second.positive) == {"other": ["lines"]}


def test_labels_with_negatives_are_told_from_these_only(tmp_path: Path) -> None:
    found = read_spans(
        rows(
            tmp_path / "a.jsonl",
            {"span": "Rhine"},
            {"span": "bank", "negative": True},
            {"span": "bank", "label": "word"},
        ),
        reading="last",
    )
    assert [(f.name, f.negatives, f.among) for f in found.features] == [
        ("river", "among", "text labelled as not river"),
        ("word", "any", None),
    ]
    assert found.reading == "last"


def test_documents_and_groups_may_be_named(tmp_path: Path) -> None:
    file = rows(
        tmp_path / "a.jsonl",
        {"span": "Rhine", "document": "d1", "group": 7},
        {"span": "bank", "document": "d1"},
        {"span": "Rhine"},
    )
    first, second = (annotation.document for annotation in read_spans(file).annotations())
    assert (first.id, first.group) == ("d1", "7")
    assert second.id.startswith("text-")
    assert second.text == TEXT


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"start": 4}, "'stop' is None"),
        ({"start": "x", "stop": 9}, "'start' is 'x'"),
        ({"start": True, "stop": 9}, "'start' is True"),
        ({"start": 4, "stop": 4}, "empty"),
        ({"start": 9, "stop": 4}, "outside"),
        ({"start": 4, "stop": 99}, "outside"),
        ({"span": [-3, 4]}, "outside"),
        ({"span": [1, 2, 3]}, "is not"),
        ({"span": ["1", 2]}, "is not"),
        ({"span": "Nile"}, "not in the text"),
        ({"span": "an"}, "more than once"),
        ({"span": "Rhine", "start": 4}, "both"),
        ({}, "'start' is None"),
        ({"span": "Rhine", "label": 3}, "'label' is 3"),
        ({"span": "Rhine", "label": ["a"]}, "'label' is"),
        ({"span": "Rhine", "label": " "}, "'label' is ' '"),
        ({"span": "Rhine", "label": TEXT * 10}, "a label of 220 characters"),
        ({"span": "Rhine", "text": None}, "no text under 'text'"),
        ({"span": "Rhine", "negative": "perhaps"}, "'negative' is 'perhaps'"),
        ({"span": "Rhine", "document": 1.5}, "'document' is 1.5"),
        ({"span": "Rhine", "document": "d", "text": "Rhine"}, "another text"),
        ({"span": "Rhine", "document": "d", "group": "h"}, "in group 'g' and in 'h'"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    good = {"span": "Rhine", "document": "d", "group": "g"}
    file = rows(tmp_path / "a.jsonl", good, row)
    with pytest.raises(LabelsUnusable, match=rf"line 2 of .*a\.jsonl.*{problem}"):
        read_spans(file)


RIVER, NO_RIVER = {"span": "Rhine"}, {"span": "Rhine", "negative": True}
NO_BANK = {"span": "nk", "negative": True}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([RIVER, NO_RIVER], "line 2 of .* contradicts line 1: text that is 'river'"),
        ([NO_RIVER, RIVER], "line 2 .* contradicts line 1"),
        ([NO_RIVER, {"span": "The Rhine and"}], "line 2 .* contradicts line 1"),
        ([{"span": [0, 22]}, {"span": [0, 3]}, NO_RIVER], "line 3 .* contradicts line 1"),
        ([RIVER, NO_RIVER, {"span": "bank"}, NO_BANK], "so do lines 3 and 4"),
        ([RIVER] + 6 * [NO_RIVER], r"lines 1 and 3, 1 and 4, 1 and 5 and 2 more"),
    ],
)  # fmt: skip
def test_text_of_a_label_and_not_of_it_is_refused_with_both_lines(
    tmp_path: Path, found: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(LabelsUnusable, match=said):
        read_spans(rows(tmp_path / "a.jsonl", *found))


CITY, HALL = (0, 13), (0, 18)
YORK = (4, 13)


@pytest.mark.parametrize(
    ("reading", "city", "no_city", "refused"),
    [
        ("every", CITY, HALL, True),
        ("every", CITY, (14, 18), False),
        ("last", CITY, HALL, False),
        ("last", HALL, CITY, False),
        ("last", CITY, YORK, True),
        ("mean", CITY, HALL, False),
        ("max", CITY, YORK, False),
        ("mean", CITY, CITY, True),
        ("max", CITY, CITY, True),
    ],
)
def test_spans_contradict_each_other_where_they_are_the_same_as_they_are_read(
    reading: Reading, city: tuple[int, int], no_city: tuple[int, int], refused: bool
) -> None:
    text = "New York City Hall"
    spans = [LabelledSpan(text, *city, "city"), LabelledSpan(text, *no_city, "city", negative=True)]
    told = pytest.raises(LabelsUnusable, match="span 2: contradicts line 1") if refused else None
    with told or nullcontext():
        labelled_spans(spans, reading=reading)


def test_what_does_not_contradict_is_read_and_counts_once(tmp_path: Path) -> None:
    beside, other = {"span": " and", "negative": True}, {"label": "word", "negative": True}
    elsewhere = NO_RIVER | {"document": "of another annotator"}
    file = rows(tmp_path / "a.jsonl", RIVER, RIVER, beside, NO_RIVER | other, elsewhere)
    assert positives(read_spans(file))[0] == {"river": ["Rhine"]}


def test_a_program_may_hand_over_spans() -> None:
    found = labelled_spans([LabelledSpan(TEXT, 4, 9, "river")], name="concept")
    assert (found.name, positives(found)) == ("concept", [{"river": ["Rhine"]}])
    with pytest.raises(LabelsUnusable, match=r"labelled span 1: .* outside"):
        labelled_spans([LabelledSpan(TEXT, 4, 90, "river")])
    with pytest.raises(LabelsUnusable, match="no labelled span"):
        labelled_spans([])


def test_the_fingerprint_follows_what_is_labelled(tmp_path: Path) -> None:
    prints = {
        read_spans(rows(tmp_path / "a.jsonl", *found)).fingerprint
        for found in ([{"span": "Rhine"}], [{"span": "bank"}], [{"span": "Rhine", "group": "g"}])
    }
    assert len(prints) == 3
    same = read_spans(rows(tmp_path / "b.jsonl", {"span": [4, 9]})).fingerprint
    assert same in prints
