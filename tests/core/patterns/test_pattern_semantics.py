"""What every predicate and context means, by example.

``matched`` lists the tokens that a predicate or context picks out of one row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.patterns import (
    CharClass,
    CharClassName,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    InsideKind,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenGrid,
    TokenPredicate,
    Within,
    Word,
    clause_mask,
    evaluate,
)

ANY = CharClass("any")


def matched(tokens: Sequence[str], asked: TokenPredicate | Context) -> list[str]:
    grid = TokenGrid.from_tokens([tokens])
    predicate = isinstance(asked, TokenPredicate)
    mask = grid.matches(asked) if predicate else grid.holds(asked)  # type: ignore[arg-type]
    return [token for token, holds in zip(tokens, mask[0], strict=True) if holds]


@pytest.mark.parametrize(
    ("predicate", "tokens", "expected"),
    [
        (Exact((" def", "x")), ["def", " def", "x", "X"], [" def", "x"]),
        (Word("def"), ["def", " Def ", "DEF\n", "define"], ["def", " Def ", "DEF\n"]),
        (Prefix("re"), [" return", "Return", "are", "re"], [" return", "re"]),
        (Suffix("ing"), ["going\n", "ING", "ings"], ["going\n"]),
    ],
)
def test_texts(predicate: TokenPredicate, tokens: list[str], expected: list[str]) -> None:
    assert matched(tokens, predicate) == expected


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("any", ["a", " ", ""], []),
        ("digits", ["7", " 42\n"], ["4.2", "x1", " ", ""]),
        ("capitalised", [" The", "I", "HashMap", "Éa"], ["the", "HTTP", '"A', ""]),
        ("capitals", ["HTTP2", " A_B", '"OK'], ["I", "Ok", "A1"]),
        ("lowercase", [" the", "x1", "é"], ["The", "1", "xY"]),
        ("punctuation", [" +=", "):\n", "“"], ["a.", " ", ""]),
        ("whitespace", [" ", "\n\t"], ["a ", ""]),
        ("newline", ["\n", "):\n", "\n  x"], [" ", "\r"]),
    ],
)
def test_character_classes(name: CharClassName, yes: list[str], no: list[str]) -> None:
    assert matched(yes + no, CharClass(name)) == yes


def test_indentation_is_the_space_that_begins_a_line() -> None:
    tokens = ["  ", "\t", "if", " ", "x", ":\n    ", "y", "\n", " ", " z", "\n\n", "\n "]
    assert matched(tokens, CharClass("indentation")) == ["  ", "\t", ":\n    ", " ", "\n "]
    row = TokenGrid.from_tokens([tokens]).matches(CharClass("indentation"))[0]
    assert not row[3]
    assert row[8]


def test_right_after_looks_one_token_back() -> None:
    assert matched(["a", "b", "a", "c"], RightAfter(Exact(("a",)))) == ["b", "c"]


def test_within_leaves_out_the_token_itself() -> None:
    assert matched(["k", "1", "2", "3", "k"], Within(2, Exact(("k",)))) == ["1", "2"]


def test_a_line_is_led_by_its_first_visible_token() -> None:
    tokens = ["  ", "def", " f", "):\n", " ", "return", " 1", "\ndef", " g"]
    assert matched(tokens, LineStartsWith(Exact(("def",)))) == [" f", "):\n"]
    assert matched(tokens, LineStartsWith(Exact(("return",)))) == [" 1", "\ndef"]
    assert matched(tokens, LineStartsWith(Exact(("\ndef",)))) == [" g"]


def test_no_token_leads_itself_or_the_space_before_it() -> None:
    assert matched(["  ", "a", "b"], LineStartsWith(ANY, negated=True)) == ["  ", "a"]


def test_seen_before_compares_whole_token_strings() -> None:
    assert matched(["a", " a", "b", "a", "a"], SeenBefore()) == ["a", "a"]


def test_seen_before_does_not_look_into_other_excerpts() -> None:
    assert not TokenGrid.from_tokens([["a", "b"], ["b", "a"]]).holds(SeenBefore()).any()


def test_first_position() -> None:
    assert matched(["a", "a"], FirstPosition()) == ["a"]


@pytest.mark.parametrize(
    ("kind", "tokens", "inside"),
    [
        # The mark that opens is outside, the mark that closes is inside.
        ("quotes", ["x", ' "', "a", " b", '"', " y"], ["a", " b", '"']),
        ("quotes", ["'", "a", "'", ",", "b"], ["a", "'"]),
        ("quotes", ['("', "a", '")', ";"], ["a", '")']),
        ("quotes", ['"ab', "c", '"', "d"], ["c", '"']),
        # An unclosed quote ends with its line, whose end is still inside.
        ("quotes", ['"', "a", "\n", "b"], ["a", "\n"]),
        ("quotes", ['"', "a", "\\", "\n", "b"], ["a", "\\", "\n", "b"]),
        ("quotes", ['"', "a", '\\"', "b", '"', "c"], ["a", '\\"', "b", '"']),
        # Apostrophes are no quotes, string prefixes are no words.
        ("quotes", ["don", "'", "t", " John", "'s", " dogs", "'", " it"], []),
        ("quotes", ["'", "I", " don", "'", "t", " go", "'", " it"],
         ["I", " don", "'", " go", "'"]),
        ("quotes", ["f", "'", "a", "'", " Rb", "'", "b", "'"], ["a", "'", "b", "'"]),
        # A docstring is no quote, and an empty string is no docstring.
        ("quotes", ['"""', "a", '"""'], []),
        ("docstring", ['"""', "a\n", "it's", '""', '"', "b"], ["a\n", "it's", '""', '"']),
        ("docstring", ["'", "'", "'", "a", "'''", "b"], ["a", "'''"]),
        ("docstring", ['""', " a", ' ""', "b"], []),
        ("docstring", ['"""', "a", '\\"', '""', "b", '"""', "c"], ["a", '\\"', '""', "b", '"""']),
        # An excerpt that starts inside a docstring cannot know it.
        ("docstring", ["text", '"""', "code"], ["code"]),
        ("comment", ["x", "#", " a", " 'b", "\n", "c"], [" a", " 'b", "\n"]),
        ("comment", ['"', "#", "a", '"', "b"], []),
        ("comment", ['"""', "# a", "b", '"""'], []),
        ("quotes", ["#", "don", ' "', "a", "\n", "b"], []),
        ("brackets", ["f", "(", "a", "[", "0", "]", ")", " b"], ["a", "[", "0", "]", ")"]),
        ("brackets", ["(\n", "a", "\n", ")\n", "b"], ["a", "\n", ")\n"]),
        ("brackets", [":)", " a", " (", "b"], ["b"]),
        # A bracket opened in a string is forgotten where the string ends.
        ("brackets", ['"', "(", "a", '"', "b"], ["a", '"']),
        ("brackets", ["(", '"', ")", '"', "b", ")", "c"], ['"', ")", '"', "b", ")"]),
        ("brackets", ["# (", "a", "\n", "b"], ["a", "\n"]),
    ],
)  # fmt: skip
def test_inside(kind: InsideKind, tokens: list[str], inside: list[str]) -> None:
    assert matched(tokens, Inside(kind)) == inside


def test_negation_turns_a_context_round() -> None:
    tokens = ["(", "a", ")", "b"]
    assert matched(tokens, Inside("brackets")) == ["a", ")"]
    assert matched(tokens, Inside("brackets", negated=True)) == ["(", "b"]
    assert matched(tokens, RightAfter(ANY, negated=True)) == ["("]


def test_a_clause_needs_its_predicate_and_all_its_contexts() -> None:
    grid = TokenGrid.from_tokens([["a", "(", "a", "a", "b"]])
    clause = Clause(Exact(("a",)), (Inside("brackets"), RightAfter(Exact(("(",)))))
    assert clause_mask(clause, grid).tolist() == [[False, False, True, False, False]]


def test_strengths_add_up_to_at_most_ten() -> None:
    pattern = Pattern(
        (Clause(ANY, (), 3), Clause(Exact(("a", "b")), (), 5), Clause(Exact(("b",)), (), 4))
    )
    prediction = evaluate(pattern, TokenGrid.from_tokens([["c", "a", "b"]]))
    assert prediction.dtype == np.float64
    assert prediction.tolist() == [[3.0, 8.0, 10.0]]
