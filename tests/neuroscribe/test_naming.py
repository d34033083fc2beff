"""The rule by which an explanation names a feature, and the features that it is told from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.findings import Finding
from neuroscribe.studies.content_words import content_words, overlap, same_feature, stem
from neuroscribe.studies.features import OPTIONS, STATED, Feature, Others, others_than, shuffled
from storage import open_store


@pytest.mark.parametrize(
    "words",
    [
        ("river", "rivers"),
        ("code", "codes", "coded", "coding"),
        ("city", "cities"),
        ("stop", "stops", "stopped", "stopping"),
        ("class", "classes"),
        ("string", "strings"),
        ("comment", "comments", "commented"),
    ],
)
def test_inflected_forms_have_one_stem(words: tuple[str, ...]) -> None:
    assert len({stem(word) for word in words}) == 1


def test_different_words_stay_apart() -> None:
    words = ("class", "code", "verb", "noun", "digit", "python", "comment", "plural")
    assert len({stem(word) for word in words}) == len(words)


def test_case_and_words_that_say_nothing_do_not_count() -> None:
    assert content_words("The token is in a Comment") == content_words("comments")
    assert content_words("code-language: Python's") == content_words("code language python")
    assert content_words("which of the units fires on it?") == frozenset()


@given(st.text(), st.text())
def test_any_text_can_be_compared(one: str, other: str) -> None:
    found = overlap(one, [other])
    assert found is None or 0.0 <= found[0] <= 1.0
    assert same_feature(one, other) == same_feature(other, one)
    assert same_feature(one, one)


def test_half_of_the_words_of_the_best_text_count() -> None:
    said = 'Fires 4/10 on any token inside a comment after "#".'
    assert overlap(said, ["comments in program code", "comment"]) == (1.0, {"comment"})
    assert overlap(said, ["comments in Python"]) == (0.5, {"comment"})
    assert overlap(said, ["plural nouns"]) == (0.0, frozenset())
    assert overlap(said, ["which units?", ""]) is None


def finding(id: str, description: str, **changes: str) -> Finding:
    fields = {"method": "probe", "subject": "demo"} | changes
    return Finding(
        id=id, question="q", units=(), figures={"description": description}, seed=0, data="d",
        **fields,
    )  # fmt: skip


def test_other_features_are_those_of_like_findings_first(tmp_path: Path) -> None:
    asked = finding("f1", "mentions of rivers")
    with open_store(f"sqlite:///{tmp_path / 'findings.db'}") as store:
        for kept in (
            asked,
            finding("f2", "a river"),
            finding("f3", "verbs"),
            finding("f4", "verb"),
            finding("f5", "adjectives", subject="other"),
            finding("f6", "adverbs", method="mask"),
        ):
            store.findings.save(kept)
        feature = Feature.of(asked)
        found = others_than(feature, asked, store, seed=0)
        assert found == others_than(feature, asked, store, seed=0)
    names = [other.shown for other in found.features]
    assert len(names) == len(set(names)) == OPTIONS - 1
    assert names[0] in ("verbs", "verb")
    assert set(names[1:]) <= set(STATED)
    assert found.stated == OPTIONS - 2


def test_the_place_of_the_true_one_depends_on_the_unit_alone() -> None:
    feature = Feature("rivers", ("rivers",))
    others = Others(tuple(Feature(name, (name,)) for name in STATED[:7]), 7)
    places = [shuffled(feature, others, f"0/demo/mlp.1/{n}").index(feature) for n in range(64)]
    assert set(places) == set(range(8))
    again = [shuffled(feature, others, f"0/demo/mlp.1/{n}").index(feature) for n in range(64)]
    assert again == places
