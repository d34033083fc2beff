"""The built-in corpus: the standard library without its tests, and generated text."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from core.evidence import split_of
from subjects.corpora import builtin
from subjects.corpora.builtin import BuiltinCorpus, standard_library
from subjects.corpora.document import Document
from subjects.corpora.generated import PHENOMENA


@pytest.fixture(scope="module")
def corpus() -> BuiltinCorpus:
    return BuiltinCorpus(per_phenomenon=6)


@pytest.fixture(scope="module")
def documents(corpus: BuiltinCorpus) -> list[Document]:
    return list(corpus.documents())


def phenomena(documents: list[Document]) -> set[str]:
    return {d.id.split("/")[1] for d in documents if d.type != "code:python"}


def test_tests_and_installed_packages_are_left_out() -> None:
    names = [name for name, _ in standard_library()]
    assert len(names) > 400
    assert names == sorted(names)
    for name in names:
        parts = name.split("/")
        assert not {"test", "tests", "idle_test", "site-packages", "lib2to3"} & set(parts), name
    assert {"json/decoder.py", "asyncio/tasks.py"} <= set(names)


def test_it_knows_how_many_documents_it_has(
    corpus: BuiltinCorpus, documents: list[Document]
) -> None:
    assert corpus.n_documents == len(documents)
    assert len({d.id for d in documents}) == len(documents)
    assert Counter(d.type for d in documents)["code:python"] == len(standard_library())


def test_any_prefix_holds_both_sources(documents: list[Document]) -> None:
    for size in (60, 200, 400):
        kinds = {d.type.partition(":")[0] for d in documents[:size]}
        assert {"code", "generated"} <= kinds
    assert phenomena(documents[: len(documents) // 2]) == set(PHENOMENA)


def test_the_order_is_always_the_same(corpus: BuiltinCorpus, documents: list[Document]) -> None:
    again = BuiltinCorpus(per_phenomenon=6)
    assert [d.id for d in again.documents()] == [d.id for d in documents]
    assert again.fingerprint == corpus.fingerprint


def test_the_fingerprint_names_python_and_follows_the_settings(corpus: BuiltinCorpus) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    assert corpus.fingerprint.startswith(f"python-{version}-")
    others = {
        BuiltinCorpus(per_phenomenon=n, seed=s).fingerprint for n, s in ((6, 11), (7, 11), (6, 12))
    }
    assert len(others) == 3


def test_the_fingerprint_follows_the_files_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.py"
    monkeypatch.setattr(builtin, "standard_library", lambda: [("a.py", file)])
    file.write_text("a = 1")
    first = BuiltinCorpus().fingerprint
    file.write_text("a = 2")
    assert BuiltinCorpus().fingerprint != first


def test_encoding_tables_are_one_group(documents: list[Document]) -> None:
    tables = [d for d in documents if d.id.startswith("stdlib/encodings/")]
    assert len(tables) > 100
    assert {d.group for d in tables} == {"stdlib/encoding-tables"}


def test_every_split_has_code_and_every_phenomenon_has_documents(
    documents: list[Document],
) -> None:
    code = Counter(split_of(d.group) for d in documents if d.type == "code:python")
    assert min(code.values()) > 40
    assert phenomena(documents) == set(PHENOMENA)


def test_without_generated_text_the_library_remains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = standard_library()[:5]
    monkeypatch.setattr(builtin, "standard_library", lambda: few)
    corpus = BuiltinCorpus(per_phenomenon=0)
    assert [d.id for d in corpus.documents()] == [f"stdlib/{name}" for name, _ in few]
    assert corpus.n_documents == 5


def test_a_source_that_is_not_utf8_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"# caf\xe9")
    monkeypatch.setattr(builtin, "standard_library", lambda: [("a.py", file)])
    (document,) = BuiltinCorpus(per_phenomenon=0).documents()
    assert document.text == "# caf\ufffd"
