"""Python code: what Python says its tokens are, in characters."""

from __future__ import annotations

from itertools import islice

import pytest
from builder_texts import Texts, positives
from hypothesis import given
from hypothesis import strategies as st

from discovery.probing.builders.code import NotPython, label_python, python_code, unreadable
from subjects.corpora.builtin import BuiltinCorpus

SOURCE = '''"""What it is."""
import math  # for pi

class Round:
    """A circle."""

    def area(self, r=2.5):
        'How much.'
        name = "no docstring"
        return math.pi * r ** 2 >= 0x1F
'''


def labelled(text: str) -> dict[str, list[str]]:
    found = label_python(text)
    return {name: [text[s.start : s.stop] for s in spans] for name, spans in found.items() if spans}


def test_each_kind_of_token_is_found() -> None:
    assert labelled(SOURCE) == {
        "comment": ["# for pi"],
        "docstring": ['"""What it is."""', '"""A circle."""', "'How much.'"],
        "string": ['"no docstring"'],
        "keyword": ["import", "class", "def", "return"],
        "number": ["2.5", "2", "0x1F"],
        "operator": ["=", "=", "*", "**", ">="],
        "defined_name": ["Round", "area"],
    }


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("x = f'a {y + 1} b'\n", ["f'a {y + 1} b'"]),
        ("x = f'a {f\"{y}\"} b' 'c'\n", ["f'a {f\"{y}\"} b'", "'c'"]),
        ("x = rb'raw'\n", ["rb'raw'"]),
    ],
)
def test_a_formatted_string_is_one_string(text: str, strings: list[str]) -> None:
    assert labelled(text)["string"] == strings
    assert "number" not in labelled(text)


def test_a_docstring_may_be_in_several_parts() -> None:
    found = labelled("def f():\n    ('one'  # said\n     'two')\n    'three'\n")
    assert found["docstring"] == ["'one'", "'two'"]
    assert found["string"] == ["'three'"]
    assert found["comment"] == ["# said"]


def test_places_are_characters_where_the_tree_counts_bytes() -> None:
    found = labelled("class É: 'größer 日本'; ü = 'ß'  # Δ\n")
    assert found["docstring"] == ["'größer 日本'"]
    assert found["string"] == ["'ß'"]
    assert found["comment"] == ["# Δ"]
    assert found["defined_name"] == ["É"]


def test_line_ends_of_other_systems() -> None:
    assert labelled('"""a\r\nb"""\r\nx = 1  # one\r\n') == {
        "docstring": ['"""a\r\nb"""'],
        "operator": ["="],
        "number": ["1"],
        "comment": ["# one"],
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:\n", "invalid syntax"),
        ("x = '\n", "unterminated"),
        ("a = 1\rb = 2\n", "carriage return"),
        ("a\x00b", "null"),
        ("(" * 300 + ")" * 300, "nest"),
        ("if x:\n\ty\n        z\n", "inconsistent"),
    ],
)
def test_broken_python_is_left_away_and_told(text: str, reason: str) -> None:
    with pytest.raises(NotPython, match=reason):
        label_python(text)
    corpus = Texts(text, "x = 1\n", kind="code:python")
    assert len(positives(python_code(corpus))) == 1
    ((document, said),) = unreadable(corpus)
    assert document == "0"
    assert reason in said


def test_only_python_is_read_unless_all_of_it_is_code() -> None:
    corpus = Texts("x = 1\n", "Hello\n", **{"a/b.py": "y = 2\n", "a/b.c": "int z;\n"})
    assert positives(python_code(corpus)) == [{"operator": ["="], "number": ["2"]}]
    everything = python_code(corpus, every_document=True)
    assert len(positives(everything)) == 3
    assert everything.fingerprint != python_code(corpus).fingerprint


def test_the_standard_library_is_read() -> None:
    corpus = Texts.of(*islice(BuiltinCorpus(per_phenomenon=0).documents(), 6))
    found = positives(python_code(corpus))
    assert len(found) == 6
    assert all(text.startswith("#") for d in found for text in d.get("comment", ()))
    assert all(text[-1] in "\"'" for d in found for text in d.get("docstring", ()))
    assert list(unreadable(corpus)) == []


@given(st.text(alphabet="ab '\"#\n\t\\=()[]:f{}1é\r", max_size=40))
def test_any_text_is_labelled_or_is_not_python(text: str) -> None:
    try:
        found = label_python(text)
    except NotPython:
        return
    for spans in found.values():
        assert all(0 <= span.start < span.stop <= len(text) for span in spans)
