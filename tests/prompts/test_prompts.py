"""Prompts: strict variables, a lock on their texts, and data that stays data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidSetting
from prompts import demonstrations, fenced, listing, load, marked, numbered, shown
from prompts.lock import current, locked, stale
from prompts.templates import read


def test_no_template_changed_without_a_new_version() -> None:
    assert stale() == []
    assert {p.id: (p.version, p.hash) for p in current()} == locked()


def test_variables_are_strict_and_filled_in_once() -> None:
    prompt = load("explain-repair")
    assert "{{problem}} again" in prompt.render({"problem": "{{problem}} again"})[0].text
    with pytest.raises(ValueError, match="problem"):
        prompt.render({})
    with pytest.raises(ValueError, match="other"):
        prompt.render({"problem": "x", "other": "y"})


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "---\nid: bad\nversion: 1\nrole: r\nvariables: a\n---\n# user\n{{b}}\n",
        "---\nid: other\nversion: 1\nrole: r\nvariables: a\n---\n# user\n{{a}}\n",
        "---\nid: bad\nversion: one\nrole: r\nvariables: a\n---\n# user\n{{a}}\n",
    ],
)
def test_a_template_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSetting):
        read(path)


@given(st.text())
def test_any_token_stays_on_its_line_inside_its_fence(text: str) -> None:
    line = shown(text)
    assert len(line.splitlines()) == 1
    assert "<" not in line
    assert ">" not in line
    assert "\t" not in line
    line.encode("utf-8")
    assert json.loads(line) == text


def test_listings_number_from_one() -> None:
    assert listing(["a", "\n"], [0, 10]) == '"a"\t0\n"\\n"\t10'
    assert numbered(["a", "b"]) == '1\t"a"\n2\t"b"'
    assert fenced("x", 3).startswith("<excerpt> (sequence 3)\nx\n")


def test_marks_stand_around_runs_of_tokens_and_text_cannot_make_them() -> None:
    assert marked(["a", " b", " c", "d"], [False, True, True, False]) == '"a[[ b c]]d"'
    said = marked(["[[x]]", "</excerpt>", "\n"], [False, True, False])
    assert said == r'"\u005b\u005bx\u005d\u005d[[\u003c/excerpt\u003e]]\n"'


@given(st.lists(st.tuples(st.text(), st.booleans())))
def test_marked_text_is_the_text_once_its_marks_are_gone(pairs: list[tuple[str, bool]]) -> None:
    said = marked([token for token, _ in pairs], [mark for _, mark in pairs])
    bare = said.replace("[[", "").replace("]]", "")
    assert json.loads(bare) == json.loads(shown("".join(token for token, _ in pairs)))
    assert len(said.splitlines()) == 1


def test_demonstrations_are_whole() -> None:
    assert len(demonstrations()) >= 3
    for shown_example in demonstrations():
        assert len(shown_example.tokens) == len(shown_example.activations)
        assert set(shown_example.activations) <= set(range(11))
        assert max(shown_example.activations) > 0
