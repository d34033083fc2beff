from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.visible import visible_text, visible_token


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" the", "·the"),
        ("\n\n", "↵↵"),
        ("\t", "⇥"),
        ("\r\n", "\\r↵"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00", "\\x00"),
        ("\x9b", "\\x9b"),
        ("\u202eabc\u2069", "\\u202eabc\\u2069"),
        ("\u200b", "\\u200b"),
        ("\ufeff", "\\ufeff"),
        ("\ufe0f", "\\ufe0f"),
        ("\u3164", "\\u3164"),
        ("\xa0", "\\xa0"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("", "∅"),
    ],
)
def test_what_cannot_be_seen_is_written_out(token: str, shown: str) -> None:
    assert visible_token(token) == shown


@pytest.mark.parametrize(
    "token", ["def", "漢字", "שלום", "é", "cafe\u0301", "[bold]", "<b>", "\\n"]
)
def test_what_can_be_seen_is_left_alone(token: str) -> None:
    assert visible_token(token) == token


def test_a_mark_without_a_letter_stands_on_a_circle() -> None:
    assert visible_token("\u0301x") == "◌\u0301x"
    assert visible_token(" \u0301") == "·◌\u0301"


def test_a_heap_of_marks_is_cut_short() -> None:
    assert visible_token("a" + "\u0301" * 5) == "a\u0301\u0301\u0301\\u0301\\u0301"


def test_sentences_keep_their_spaces() -> None:
    assert visible_text("right after “def”\n") == "right after “def”↵"


@given(st.text(st.characters()))
def test_nothing_harmful_is_left_of_any_text(text: str) -> None:
    for shown in (visible_token(text), visible_text(text)):
        shown.encode("utf-8")
        categories = {unicodedata.category(c) for c in shown if c != " "}
        assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
        assert visible_text(shown) == shown
