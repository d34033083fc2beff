"""Labels on characters become labels on tokens, and nothing is labelled that a span cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.probing.labels import WHOLE, Annotation, Feature, Reading, Span
from discovery.probing.tokens import Labeller, Places
from tests.discovery.probing.conftest import collection, document


def places(text: str, *tokens: tuple[int, int]) -> Places:
    return Places.of(text, np.array(tokens, dtype=np.int64).reshape(-1, 2))


def test_a_leading_space_does_not_count_to_a_token() -> None:
    there = places("a bcd", (0, 1), (1, 5))
    inside, touched = there.covered([Span(2, 5)])
    assert inside.tolist() == [False, True]
    assert touched.tolist() == [False, True]


def test_a_token_that_a_span_cuts_is_touched_and_not_inside() -> None:
    there = places("abcd", (0, 2), (2, 4))
    inside, touched = there.covered([Span(1, 4)])
    assert inside.tolist() == [False, True]
    assert touched.tolist() == [True, True]


def test_white_space_alone_keeps_its_characters() -> None:
    there = places("a   b", (0, 1), (1, 4), (4, 5))
    inside, _ = there.covered([Span(1, 4)])
    assert inside.tolist() == [False, True, False]


def test_adjacent_spans_cover_a_token_together() -> None:
    inside, _ = places("abcd", (0, 4)).covered([Span(0, 2), Span(2, 4)])
    assert inside.tolist() == [True]


def test_a_span_becomes_its_tokens_and_one_that_cuts_a_token_is_counted() -> None:
    there = places("ab cd ef", (0, 2), (2, 5), (5, 8))
    ranges, cut = there.ranges([Span(3, 8), Span(1, 5), Span(0, 2)])
    assert ranges.tolist() == [[1, 3], [0, 1]]
    assert cut == 1


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5),
)
def test_ranges_are_where_all_characters_are_covered(
    lengths: list[int], cuts: list[tuple[int, int]]
) -> None:
    ends = np.cumsum(lengths)
    tokens = [(int(e - n), int(e)) for e, n in zip(ends, lengths, strict=True)]
    there = places("x" * int(ends[-1]), *tokens)
    for a, b in cuts:
        start, stop = min(a, b), max(a, b)
        span = Span(start, min(stop, int(ends[-1])))
        ranges, cut = there.ranges([span])
        inside, touched = there.covered([span])
        if cut:
            assert not touched.any() or not inside[touched].all()
        else:
            first, last = ranges[0]
            assert np.flatnonzero(inside).tolist() == list(range(first, last))


def candidates(text: str, feature: Feature, annotation: Annotation) -> dict[tuple[bool, str], list]:
    one = collection([annotation], feature)
    offsets = [(i, i + 1) for i in range(len(text))]
    found = Labeller(one).candidates(annotation, places(text, *offsets), range(len(text)))
    return {(c.positive, c.kind): c.ranges[:, 0].tolist() for c in found}


def test_negatives_are_any_other_text_by_default() -> None:
    feature = Feature("b", "b")
    annotation = Annotation(
        document(0, "abcd"), {"b": (Span(1, 2),)}, left_out={"b": (Span(3, 4),)}
    )
    assert candidates("abcd", feature, annotation) == {(True, ""): [1], (False, ""): [0, 2]}


def test_negatives_among_a_class_are_labelled_spans_by_kind() -> None:
    feature = Feature("b", "b", negatives="among", among="letters")
    annotation = Annotation(
        document(0, "abcd"),
        {"b": (Span(1, 2),)},
        {"b": (Span(0, 1, "vowel"), Span(3, 4, "other"))},
    )
    assert candidates("abcd", feature, annotation) == {
        (True, ""): [1],
        (False, "vowel"): [0],
        (False, "other"): [3],
    }


@pytest.mark.parametrize(
    ("reading", "positives", "negatives"),
    [
        ("every", [[0, 1], [1, 2], [2, 3]], [[3, 4]]),
        ("last", [[2, 3]], [[3, 4], [1, 2]]),
        ("mean", [[0, 3]], [[0, 4], [0, 2]]),
    ],
)
def test_a_negative_may_hold_a_positive_where_both_are_one_row(
    reading: Reading, positives: list[list[int]], negatives: list[list[int]]
) -> None:
    words = places("New York City Hall", (0, 3), (3, 8), (8, 13), (13, 18))
    feature = Feature("city", "city", negatives="among", among="names")
    annotation = Annotation(
        document(0, "New York City Hall"),
        {"city": (Span(0, 13),)},
        {"city": (Span(0, 18), Span(0, 8), Span(0, 14))},  # the last is of the positive's tokens
    )
    one = collection([annotation], feature, reading=reading)
    found = [c.ranges.tolist() for c in Labeller(one).candidates(annotation, words, range(4))]
    assert found == [positives, negatives]


def test_half_of_the_negatives_are_other_text_without_the_labelled_ones() -> None:
    feature = Feature("b", "b", negatives="half")
    annotation = Annotation(
        document(0, "abcd"), {"b": (Span(1, 2),)}, {"b": (Span(3, 4, "complement"),)}
    )
    assert candidates("abcd", feature, annotation) == {
        (True, ""): [1],
        (False, "complement"): [3],
        (False, ""): [0, 2],
    }


def test_a_whole_document_is_one_range() -> None:
    annotation = Annotation(document(0, "abcd"), {"x": (Span(0, WHOLE),)})
    one = collection([annotation], Feature("x", "x"), reading="mean")
    there = places("abcd", (0, 2), (2, 4))
    found = list(Labeller(one).candidates(annotation, there, [1, 2]))
    assert [(c.positive, c.ranges.tolist()) for c in found] == [
        (True, [[0, 2]]),
        (False, []),
    ]
