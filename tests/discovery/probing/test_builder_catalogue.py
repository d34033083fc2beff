"""The list of collections, and the one that is labelled by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builder_texts import Texts

from core.errors import InvalidSetting
from discovery.probing.builders.catalogue import COLLECTIONS, open_collection
from discovery.probing.builders.token_text import TOKEN_FEATURES, label_vocabulary
from discovery.probing.labels import Collection
from subjects.corpora.document import Document
from subjects.protocol import Vocabulary

PREDICATES = {feature.name: predicate for feature, predicate in TOKEN_FEATURES}


@pytest.fixture
def corpus() -> Texts:
    return Texts.of(
        Document("a.py", "x = 1  # one\n", "code:python", "a"),
        Document("b.py", "y = 2\n", "code:python", "b"),
        Document("c.go", "Ada Stone. Ada Stone.", "language:fr", "c"),
        Document("d.go", "The high school.", "language:fr", "d"),
        Document("e", "Ein Satz.", "language:de", "e"),
        Document("f", r"Noch ein Satz: $\alpha$.", "language:de", "f"),
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {
        "people": ("a.csv", "name,label\nAda Stone,poet\n"),
        "spans": ("b.csv", "text,span,label\nThe Rhine,Rhine,river\n"),
    }
    word = "\t".join(["1", "Ja", "_", "INTJ", "_", "Polarity=Pos", "0", "root", "_", "_"])
    treebank = ("c.conllu", word + "\n")
    made |= dict.fromkeys(("part-of-speech", "dependency", "morphology"), treebank)
    for name, text in made.values():
        (tmp_path / name).write_text(text)
    return {collection: tmp_path / name for collection, (name, _) in made.items()}


def opened(name: str, corpus: Texts, files: dict[str, Path], **options: Any) -> Collection:
    source = COLLECTIONS[name]
    given = [files[name]] if source.files else []
    return open_collection(name, corpus if source.corpus else None, files=given, **options)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_collection_opens_by_its_name(
    name: str, corpus: Texts, files: dict[str, Path]
) -> None:
    found = opened(name, corpus, files)
    assert found.name == name
    assert len({f.name for f in found.features}) == len(found.features) > 0
    assert opened(name, corpus, files).fingerprint == found.fingerprint
    first, second = list(found.annotations()), list(found.annotations())
    assert first == second != []
    known = {f.name for f in found.features}
    assert all({*a.positive, *a.negative, *a.left_out} <= known for a in first)
    assert COLLECTIONS[name].description
    assert COLLECTIONS[name].needs


def test_options_reach_the_collection(corpus: Texts, files: dict[str, Path]) -> None:
    found = opened("compound-words", corpus, files, pairs=["high school"])
    assert [f.name for f in found.features] == ["high school"]
    assert opened("code-language", corpus, files, per_document=None).per_document is None
    assert opened("spans", corpus, files, reading="mean").reading == "mean"


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("nothing", {}, "no collection is named 'nothing'"),
        ("latex", {"corpus": 3}, "no option 'corpus'"),
        ("people", {}, "got 0 label files"),
        ("people", {"files": [Path("a.csv"), Path("b.csv")]}, "got 2 label files"),
        ("latex", {"files": [Path("a.csv")]}, "takes no label file"),
        ("latex", {"depth": 3}, "no option 'depth'"),
        ("code-language", {"least": "3"}, "option 'least'"),
        ("code-language", {"least": True}, "option 'least'"),
        ("compound-words", {"pairs": "mine"}, "no list of compounds is named 'mine'"),
        ("compound-words", {"pairs": ["high school", 3]}, "compound 3 is no string"),
        ("spans", {"files": [Path("a.csv")], "reading": "all"}, "no reading is named 'all'"),
    ],
)
def test_what_cannot_be_opened_is_named(
    corpus: Texts, name: str, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidSetting, match=problem) as raised:
        open_collection(name, corpus, **given)
    assert raised.value.exit_code == 2


def test_a_collection_over_a_corpus_needs_one() -> None:
    with pytest.raises(InvalidSetting, match="'latex' needs a corpus"):
        open_collection("latex")


@pytest.mark.parametrize(
    ("token", "features"),
    [
        (" The", "leading_capital has_leading_space contains_whitespace contains_capital"),
        ("ing", "no_leading_space_and_loweralpha"),
        (" 12", "all_digits has_leading_space contains_whitespace contains_digit"),
        ("a1", "contains_digit"),
        ("\n\n", "contains_all_whitespace is_not_alphanumeric contains_whitespace"),
        (" ", "has_leading_space contains_all_whitespace is_not_alphanumeric contains_whitespace"),
        ("NASA", "leading_capital all_capitals contains_capital"),
        ("I", "leading_capital contains_capital"),
        ("é", "no_leading_space_and_loweralpha is_not_ascii"),
        ("_", ""),
        ("():", "is_not_alphanumeric"),
        ("", ""),
    ],
)
def test_what_a_token_is_made_of(token: str, features: str) -> None:
    assert {name for name, has in PREDICATES.items() if has(token)} == set(features.split())


def test_a_vocabulary_is_labelled_at_once() -> None:
    vocabulary = Vocabulary(("<S>", "The", "\\xe2", "\\n"), frozenset({0, 9}))
    labels = label_vocabulary(vocabulary)
    assert labels.shape == (11, 4)
    assert labels.dtype == np.bool_
    names = [feature.name for feature, _ in TOKEN_FEATURES]
    found = [{n for n, row in zip(names, labels[:, i], strict=True) if row} for i in range(4)]
    assert found == [
        set(),
        {"leading_capital", "contains_capital"},
        {"is_not_ascii", "is_not_alphanumeric"},
        set(),
    ]
