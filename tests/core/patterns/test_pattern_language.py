"""What can be said: limits, lengths, sentences and the errors for anything else."""

from __future__ import annotations

import pytest

from core.errors import PatternSyntaxError
from core.patterns import (
    CharClass,
    Clause,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    Within,
    Word,
    parse,
    render,
)

DIGITS = CharClass("digits")

SENTENCES = {
    'Fires 10/10 on the token " def".': Pattern((Clause(Exact((" def",))),)),
    'Fires 8/10 on the tokens " is", " are" or "\\n" not inside a docstring.': Pattern(
        (Clause(Exact((" is", " are", "\n")), (Inside("docstring", negated=True),), 8),)
    ),
    'Fires 6/10 on the word "return" in any letter case on a line starting with '
    'the tokens "def" or "async"; plus 2/10 on digits.': Pattern(
        (
            Clause(Word("return"), (LineStartsWith(Exact(("def", "async"))),), 6),
            Clause(DIGITS, (), 2),
        )
    ),
    'Fires 7/10 on a token starting with "pre" right after a token with a newline, '
    'within 3 tokens after a token ending with "ing" and not at the first position.': Pattern(
        (
            Clause(
                Prefix("pre"),
                (
                    RightAfter(CharClass("newline")),
                    Within(3, Suffix("ing")),
                    FirstPosition(negated=True),
                ),
                7,
            ),
        )
    ),
    "Fires 1/10 on a token in capitals within 1 token after punctuation and "
    "seen before in the excerpt; plus 9/10 on any token inside quotes.": Pattern(
        (
            Clause(CharClass("capitals"), (Within(1, CharClass("punctuation")), SeenBefore()), 1),
            Clause(CharClass("any"), (Inside("quotes"),), 9),
        )
    ),
}


@pytest.mark.parametrize(("sentence", "pattern"), SENTENCES.items())
def test_a_pattern_is_one_plain_english_sentence(sentence: str, pattern: Pattern) -> None:
    assert render(pattern) == sentence
    assert parse(sentence) == pattern


def test_invisible_characters_are_shown_escaped() -> None:
    pattern = Pattern((Clause(Exact(("\u200bé\t\u00a0\U000e0001",))),))
    assert render(pattern) == ('Fires 10/10 on the token "\\u200bé\\t\\u00a0\\udb40\\udc01".')
    assert parse(render(pattern)) == pattern


def test_text_inside_quotes_is_never_grammar() -> None:
    pattern = Pattern((Clause(Exact(('"; plus 9/10 on digits.', " or "))),))
    assert parse(render(pattern)) == pattern


def test_a_sentence_may_be_wrapped_over_lines() -> None:
    wrapped = '  Fires 3/10\n   on the token " a"\n   inside   quotes ; plus 2 / 10 on digits .\n'
    assert parse(wrapped) == parse(
        'Fires 3/10 on the token " a" inside quotes; plus 2/10 on digits.'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'expected "Fires", the text ends, at character 1'),
        ("It fires on digits.", "expected \"Fires\", found 'It', at character 1"),
        ("Fires 8/10 on digits", 'expected ".", the text ends, at character 21'),
        ("Fires 8/10 on digits. Always.", "expected the end of the sentence, found 'Always'"),
        ("Fires 0/10 on digits.", "expected a strength from 1 to 10, found '0', at character 7"),
        ("Fires 11/10 on digits.", "a strength is a whole number from 1 to 10, not 11"),
        ("Fires " + "9" * 5000 + "/10 on digits.", "expected a strength from 1 to 10"),
        ("Fires 8/9 on digits.", "expected \"10\", found '9', at character 9"),
        ("Fires 8/10on digits.", "expected a space before 'on', at character 11"),
        ("Fires 8/10 on verbs.", 'expected a kind of token such as "the token ..." or "digits"'),
        ("Fires 8/10 on the token def.", "expected a text in double quotes, found 'def'"),
        ('Fires 8/10 on the tokens "a".', "expected \"or\", found '.'"),
        ('Fires 8/10 on the tokens "a" or "a".', "a token is listed twice"),
        ('Fires 8/10 on the token "a', "these quotes are never closed, at character 25"),
        ('Fires 8/10 on the token "a\nb".', "no JSON string: 'Invalid control character'"),
        ('Fires 8/10 on the token "\\q".', "no JSON string"),
        ('Fires 8/10 on the token "\\ud800".', "half a surrogate pair"),
        ('Fires 8/10 on the word "The" in any letter case.', "a word is lower-case"),
        ('Fires 8/10 on a token starting with "".', "a prefix is not empty"),
        ("Fires 8/10 on digits inside trees.", "expected a context such as"),
        ("Fires 8/10 on digits within 17 tokens after digits.", "from 1 to 16, not 17"),
        ("Fires 8/10 on digits within 1 tokens after digits.", 'expected "token"'),
        ("Fires 8/10 on digits inside quotes, inside brackets.", 'expected "and"'),
        ("Fires 8/10 on digits inside quotes and inside quotes.", "names one context twice"),
        ("Fires 8/10 on digits; 2/10 on digits.", "expected \"plus\", found '2'"),
        ("Fires 8/10 on digits!", "no sentence holds '!' here, at character 21"),
        ("Fires 1/10 on digits" + "; plus 1/10 on digits" * 6 + ".", "1 to 6 clauses, not 7"),
    ],
)
def test_anything_else_is_one_clear_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PatternSyntaxError) as raised:
        parse(text)
    assert message in raised.value.message
    assert "at character" in raised.value.message
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    "make",
    [
        lambda: Exact(()),
        lambda: Exact("def"),
        lambda: Exact(("a", "a")),
        lambda: Exact(("\ud800",)),
        lambda: Word("The"),
        lambda: Word(" the"),
        lambda: Word(""),
        lambda: Prefix(" a"),
        lambda: Suffix("a "),
        lambda: CharClass("verbs"),
        lambda: RightAfter("digits"),
        lambda: Within(0, DIGITS),
        lambda: Within(17, DIGITS),
        lambda: Within(True, DIGITS),
        lambda: Inside("parentheses"),
        lambda: SeenBefore("no"),
        lambda: Clause(DIGITS, (), 0),
        lambda: Clause(DIGITS, (), 2.5),
        lambda: Clause(DIGITS, [SeenBefore()]),
        lambda: Clause(DIGITS, tuple(Within(n, DIGITS) for n in (1, 2, 3, 4))),
        lambda: Clause(DIGITS, (SeenBefore(), SeenBefore())),
        lambda: Pattern(()),
        lambda: Pattern((Clause(DIGITS),) * 7),
    ],
)
def test_what_cannot_be_said_cannot_be_made(make) -> None:
    with pytest.raises(PatternSyntaxError):
        make()


def test_symbols_count_strings_other_predicates_and_contexts() -> None:
    three_strings = Clause(Exact(("a", "b", "c")), (), 3)
    with_contexts = Clause(
        Word("the"),
        (Within(4, Exact(("x", "y")), negated=True), Inside("quotes"), RightAfter(DIGITS)),
        9,
    )
    assert three_strings.symbols == 3
    assert with_contexts.symbols == 1 + (1 + 2) + 1 + (1 + 1)
    assert Pattern((three_strings, with_contexts)).symbols == 10
