"""Properties: every pattern survives its sentence, and the grid agrees with a plain reference.

The reference below reads one token at a time, and for each one scans the text before it from the
start with regular expressions: slow, obvious, and written another way than the lexer it checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PatternSyntaxError
from core.patterns import (
    CHAR_CLASSES,
    INSIDE_KINDS,
    CharClass,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
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
    case_free_form,
    evaluate,
    parse,
    render,
)

# ------------------------------------------------------------------ any pattern over any texts


def predicates(texts: st.SearchStrategy[str]) -> st.SearchStrategy[TokenPredicate]:
    return st.one_of(
        st.lists(texts, min_size=1, max_size=4, unique=True).map(lambda t: Exact(tuple(t))),
        texts.map(case_free_form).filter(bool).map(Word),
        texts.map(str.lstrip).filter(bool).map(Prefix),
        texts.map(str.rstrip).filter(bool).map(Suffix),
        st.sampled_from(CHAR_CLASSES).map(CharClass),
    )


def contexts(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Context]:
    flags = st.booleans()
    return st.one_of(
        st.builds(RightAfter, predicates(texts), flags),
        st.builds(Within, st.integers(1, 16), predicates(texts), flags),
        st.builds(LineStartsWith, predicates(texts), flags),
        st.builds(Inside, st.sampled_from(INSIDE_KINDS), flags),
        st.builds(SeenBefore, flags),
        st.builds(FirstPosition, flags),
    )


def patterns(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Pattern]:
    some_contexts = st.lists(contexts(texts), max_size=3, unique=True).map(tuple)
    clauses = st.builds(Clause, predicates(texts), some_contexts, st.integers(1, 10))
    return st.lists(clauses, min_size=1, max_size=6).map(lambda c: Pattern(tuple(c)))


any_text = st.text(max_size=12) | st.sampled_from(['"', "\\", '\\"', "; plus 1/10 on digits."])
VOCABULARY = (
    'Fires fires 1 5 10 16 17 / on the token tokens "a" "B" , ; . or and not plus any digits '
    "inside quotes a word in letter case starting with line within after right seen before "
    "excerpt at first position capitals newline"
)
words = st.sampled_from(VOCABULARY.split(" "))


@given(patterns(any_text))
def test_every_pattern_survives_its_sentence(pattern: Pattern) -> None:
    sentence = render(pattern)
    assert "\n" not in sentence
    assert parse(sentence) == pattern


@given(st.lists(words, max_size=14).map(" ".join) | st.text())
def test_any_text_is_a_pattern_or_one_clear_error(text: str) -> None:
    try:
        pattern = parse(text)
    except PatternSyntaxError as raised:
        error = raised
    else:
        assert parse(render(pattern)) == pattern
        return
    assert "at character" in error.message
    assert len(str(error).splitlines()) == 1


@given(patterns(any_text), st.data())
def test_a_sentence_with_a_piece_missing_is_another_sentence_or_none(
    pattern: Pattern, data: st.DataObject
) -> None:
    sentence = render(pattern)
    cut = data.draw(st.integers(0, len(sentence) - 1))
    shorter = sentence[:cut] + sentence[cut + 1 :]
    try:
        other = parse(shorter)
    except PatternSyntaxError:
        return
    assert parse(render(other)) == other


@given(st.text())
def test_every_visible_token_has_a_word(token: str) -> None:
    form = case_free_form(token)
    if form:
        assert TokenGrid.from_tokens([[token]]).matches(Word(form)).all()


# ------------------------------------------------------------------ the reference


def expected_value(pattern: Pattern, row: Sequence[str], t: int) -> float:
    strengths = [
        clause.strength
        for clause in pattern.clauses
        if satisfies(row, t, clause.predicate)
        and all(holds(row, t, context) for context in clause.contexts)
    ]
    return float(min(10, sum(strengths)))


def satisfies(row: Sequence[str], t: int, predicate: TokenPredicate) -> bool:
    token = row[t]
    visible = token.strip()
    if isinstance(predicate, Exact):
        return token in predicate.texts
    if isinstance(predicate, Word):
        return visible.lower() == predicate.text
    if isinstance(predicate, Prefix):
        return visible.startswith(predicate.text)
    if isinstance(predicate, Suffix):
        return visible.endswith(predicate.text)
    upper = [c for c in token if c.isupper()]
    lower = [c for c in token if c.islower()]
    capitals = len(upper) >= 2 and not lower
    line = ("".join(row[:t]) + token).split("\n")[-1]
    return {
        "any": True,
        "digits": visible.isdecimal(),
        "capitalised": visible[:1].isupper() and not capitals,
        "capitals": capitals,
        "lowercase": bool(lower) and not upper,
        "punctuation": re.fullmatch(r"[()\[\]#'\"\\:]+", visible) is not None,
        "whitespace": token.isspace(),
        "newline": "\n" in token,
        "indentation": token[-1:] in (" ", "\t") and not line.strip(),
    }[predicate.name]


def holds(row: Sequence[str], t: int, context: Context) -> bool:
    return plainly_holds(row, t, context) != context.negated


def plainly_holds(row: Sequence[str], t: int, context: Context) -> bool:
    if isinstance(context, RightAfter):
        return t > 0 and satisfies(row, t - 1, context.predicate)
    if isinstance(context, Within):
        back = range(max(0, t - context.tokens), t)
        return any(satisfies(row, s, context.predicate) for s in back)
    if isinstance(context, LineStartsWith):
        leader = line_leader(row, t)
        return leader is not None and satisfies(row, leader, context.predicate)
    if isinstance(context, SeenBefore):
        return row[t] in row[:t]
    if isinstance(context, FirstPosition):
        return t == 0
    return context.kind in regions("".join(row[:t]))


def line_leader(row: Sequence[str], t: int) -> int | None:
    owners = [s for s in range(t) for _ in row[s]]
    text = "".join(row[:t])
    start = text.rfind("\n") + 1
    for at in range(start, len(text)):
        if not text[at].isspace():
            return owners[at]
    return None


def regions(text: str) -> set[str]:
    """What is open at the end of ``text``, by scanning it piece by piece from its start."""
    at, depth = 0, 0
    while at < len(text):
        char, rest = text[at], text[at:]
        kind, end = "", at
        if char == "#":
            kind, end = "comment", past(r"#[^\n]*\n", rest)
        elif opens_quote(text, at) and rest.startswith(char * 3):
            kind, end = "docstring", past(rf"{char * 3}(?:\\.|[^\\])*?{char * 3}", rest)
        elif opens_quote(text, at):
            kind, end = "quotes", past_quotes(rest)
        if kind:
            if end < 0:
                deep = depth or bracket_depth(without_escapes(kind, rest[1:]))
                return {kind, "brackets"} if deep else {kind}
            at += end
            continue
        depth = max(0, depth + (char in "([{") - (char in ")]}"))
        at += 1
    return {"brackets"} if depth else set()


def opens_quote(text: str, at: int) -> bool:
    if text[at] == '"':
        return True
    before = re.search(r"\w*\Z", text[:at])
    assert before is not None
    word = before[0].lower()
    return text[at] == "'" and word in ("", "r", "b", "f", "u", "rb", "br", "fr", "rf")


def past(expression: str, text: str) -> int:
    found = re.match(expression, text, re.DOTALL)
    return found.end() if found else -1


def past_quotes(text: str) -> int:
    """Length of the quoted piece that ``text`` begins with, or -1 if it is still open."""
    at = 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "\n":
            return at + 1
        if text[at] == text[0]:
            in_word = text[0] == "'" and re.fullmatch(r"\w'[^\W_]", text[at - 1 : at + 2])
            if not in_word:
                return at + 1
        at += 1
    return -1


def without_escapes(kind: str, text: str) -> str:
    return text if kind == "comment" else re.sub(r"\\.", "", text, flags=re.DOTALL)


def bracket_depth(text: str) -> int:
    depth = 0
    for char in text:
        depth = max(0, depth + (char in "([{") - (char in ")]}"))
    return depth


pieces = ["a", "B", "f", "x1", " the", "The", "7", " ", "    ", "\n", "\n  ", "):\n", "(", "]", "#"]
marks = ["'", '"', '"""', "'''", '""', "\\", "'s", "f'", '("', "''"]
tokens = st.sampled_from(pieces + marks) | st.text("aB1 '\"\\#()\n", max_size=4)
rows_of_tokens = st.lists(st.lists(tokens, max_size=24), max_size=4)


@settings(max_examples=300)
@given(rows_of_tokens, patterns(tokens))
def test_the_grid_agrees_with_the_reference(rows: list[list[str]], pattern: Pattern) -> None:
    values = evaluate(pattern, TokenGrid.from_tokens(rows))
    for row, predicted in zip(rows, values, strict=True):
        expected = [expected_value(pattern, row, t) for t in range(len(row))]
        assert predicted[: len(row)].tolist() == expected
        assert not predicted[len(row) :].any()


@settings(max_examples=500)
@given(st.lists(tokens, max_size=40))
def test_regions_agree_with_the_reference(row: list[str]) -> None:
    grid = TokenGrid.from_tokens([row])
    for kind in INSIDE_KINDS:
        expected = [kind in regions("".join(row[:t])) for t in range(len(row))]
        assert grid.holds(Inside(kind))[0].tolist() == expected


@pytest.mark.parametrize("kind", INSIDE_KINDS)
@given(row=st.lists(tokens, min_size=1, max_size=30), later=st.lists(tokens, max_size=5))
def test_what_comes_later_changes_nothing(kind, row: list[str], later: list[str]) -> None:
    alone = TokenGrid.from_tokens([row]).holds(Inside(kind))[0]
    longer = TokenGrid.from_tokens([row + later]).holds(Inside(kind))[0]
    assert (longer[: len(row)] == alone).all()
