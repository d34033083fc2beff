"""Whole documents: code language, natural language, source."""

from __future__ import annotations

from pathlib import Path

import pytest
from builder_texts import Texts

from core.errors import CorpusError, InvalidSetting
from discovery.probing.builders.documents import (
    Classes,
    code_language,
    code_languages,
    document_source,
    document_sources,
    natural_language,
    natural_languages,
)
from discovery.probing.labels import WHOLE, Collection, Span
from subjects.corpora.document import Document
from subjects.corpora.generated import documents
from subjects.corpora.local import LocalCorpus


def document(name: str = "0", kind: str = "row") -> Document:
    return Document(name, "text", kind, name)


def classes(collection: Collection) -> dict[str, list[str]]:
    """By document the features it is a positive of."""
    return {a.document.id: sorted(a.positive) for a in collection.annotations()}


@pytest.mark.parametrize(
    ("made", "language"),
    [
        (document(kind="code:python"), "python"),
        (document(kind="Code:C++"), "c++"),
        (document(kind="javascript"), "javascript"),
        (document("src/index.PHP"), "php"),
        (document("rows.jsonl#3:lib/page.html"), "html"),
        (document("a.py", kind="code:rust"), None),
        (document("both.h"), None),
        (document("notes.txt"), None),
    ],
)
def test_code_by_type_or_by_the_ending_of_the_name(made: Document, language: str | None) -> None:
    assert code_language(made) == language


@pytest.mark.parametrize(
    ("kind", "language"),
    [
        ("language:sv", "swedish"),
        ("generated:language:de", "german"),
        ("europarl:language:el", "greek"),
        ("language:xx", "xx"),
        ("generated:prose", "english"),
        ("language:", None),
        ("language", None),
        ("generated:people", None),
    ],
)
def test_languages_by_type(kind: str, language: str | None) -> None:
    assert natural_language(document(kind=kind)) == language


def test_the_source_is_the_beginning_of_the_type() -> None:
    kinds = ["generated:language:de", "code:python", "wikipedia"]
    assert [document_source(document(kind=kind)) for kind in kinds] == [
        "generated:language",
        "code:python",
        "wikipedia",
    ]


def test_a_folder_of_code_is_labelled_one_against_all(tmp_path: Path) -> None:
    for name in ("a.py", "b.c", "c.cpp", "d.js", "e.md"):
        (tmp_path / name).write_text(f"text of {name}")
    found = code_languages(LocalCorpus(tmp_path), Classes(least=1))
    assert [f.name for f in found.features] == ["c", "c++", "javascript", "python"]
    assert classes(found) == {
        "a.py": ["python"],
        "b.c": ["c"],
        "c.cpp": ["c++"],
        "d.js": ["javascript"],
    }
    assert (found.reading, found.skip) == ("mean", 50)
    assert next(found.annotations()).positive == {"python": (Span(0, WHOLE),)}


def test_documents_of_no_class_may_be_negatives(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "e.md"):
        (tmp_path / name).write_text(f"text of {name}")
    corpus = LocalCorpus(tmp_path)
    with pytest.raises(CorpusError, match="fewer than two classes"):
        code_languages(corpus)
    found = code_languages(corpus, Classes(others=True))
    assert classes(found) == {"a.py": ["python"], "b.py": ["python"], "e.md": []}


def test_small_classes_are_negatives_only() -> None:
    kinds = ["language:de", "language:de", "language:fr", "language:fr", "language:it"]
    corpus = Texts.of(*(document(str(i), kind) for i, kind in enumerate(kinds)))
    found = natural_languages(corpus)
    assert [f.name for f in found.features] == ["french", "german"]
    assert classes(found)["4"] == []
    assert found.fingerprint != natural_languages(corpus, Classes(least=1)).fingerprint


def test_folders_may_be_the_classes(tmp_path: Path) -> None:
    for name in ("norwegian/a.txt", "norwegian/deep/b.txt", "polish/c.txt", "readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = natural_languages(LocalCorpus(tmp_path), Classes(folders=True, least=1))
    assert classes(found) == {
        "norwegian/a.txt": ["norwegian"],
        "norwegian/deep/b.txt": ["norwegian"],
        "polish/c.txt": ["polish"],
    }


def test_generated_text_has_six_languages_and_many_sources() -> None:
    made = [d for p in ("languages", "prose") for d in documents(p, seed=11, count=30)]
    corpus = Texts.of(*made, document("a.py", "code:python"))
    found = natural_languages(corpus, Classes(least=1))
    names = {f.name for f in found.features}
    assert names == {"dutch", "english", "french", "german", "italian", "spanish"}
    sources = [f.name for f in document_sources(corpus, Classes(least=1)).features]
    assert sources == ["code:python", "generated:language", "generated:prose"]


@pytest.mark.parametrize("settings", [{"least": 0}, {"per_document": 0}])
def test_settings_that_take_nothing_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidSetting, match="0"):
        Classes(**settings)
