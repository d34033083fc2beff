"""Data sets through the ``datasets`` package: a local one, and what is said without it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import CorpusError, CorpusNotFound, CorpusNotText, MissingExtra
from subjects.corpora.hub import HubCorpus, parse_hub_name
from subjects.corpora.open import open_corpus

NEEDS = "the datasets package (extra datasets) is not installed"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf:wikitext", ("wikitext", None, "train")),
        ("hf:allenai/c4:en", ("allenai/c4", "en", "train")),
        ("hf:allenai/c4:en:validation", ("allenai/c4", "en", "validation")),
        ("hf:allenai/c4::test", ("allenai/c4", None, "test")),
    ],
)
def test_names_of_data_sets(text: str, parts: tuple[str, str | None, str]) -> None:
    assert parse_hub_name(text) == parts


@pytest.mark.parametrize("text", ["hf:", "hf::en", "hf:a:b:c:d"])
def test_names_of_no_data_set(text: str) -> None:
    with pytest.raises(CorpusNotFound, match="names no data set"):
        parse_hub_name(text)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match="datasets") as raised:
        open_corpus("hf:wikitext")
    assert "neuroscribe[datasets]" in raised.value.hint


class Rows:
    """Stands for a stream of ``datasets`` rows that breaks after some."""

    def __init__(self, rows: list[dict[str, Any]], error: Exception | None = None) -> None:
        self.rows, self.error = rows, error

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.rows
        if self.error is not None:
            raise self.error


def streamed(monkeypatch: pytest.MonkeyPatch, rows: Rows) -> HubCorpus:
    monkeypatch.setattr(HubCorpus, "_open", lambda _self: rows)
    return HubCorpus("some/set", config="en")


def test_a_row_is_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = streamed(monkeypatch, Rows([{"text": "one"}, {"text": "two"}]))
    assert [(d.id, d.text) for d in corpus.documents()] == [
        ("hf:some/set:en:train#0", "one"),
        ("hf:some/set:en:train#1", "two"),
    ]
    assert corpus.n_documents is None


def test_a_row_without_text_names_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = streamed(monkeypatch, Rows([{"body": "x", "title": "y"}]))
    with pytest.raises(CorpusNotText, match="row 0") as raised:
        list(corpus.documents())
    assert "body, title" in raised.value.hint


@pytest.mark.parametrize("error", [ConnectionError("no route"), RuntimeError("bad"), OSError()])
def test_a_stream_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    corpus = streamed(monkeypatch, Rows([{"text": "one"}], error))
    with pytest.raises(CorpusError, match="cannot be read on") as raised:
        list(corpus.documents())
    assert "goes on" in raised.value.hint


def test_the_fingerprint_follows_everything_that_names_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(HubCorpus, "_open", lambda _self: None)
    usual: dict[str, Any] = {"config": "en", "split": "train", "column": "text", "revision": None}
    others = [HubCorpus("a", **{**usual, key: "other"}).fingerprint for key in usual] + [
        HubCorpus("b", **usual).fingerprint,
        HubCorpus("a", **usual).fingerprint,
    ]
    assert len(set(others)) == 6


@pytest.mark.filterwarnings("ignore")
def test_a_local_data_set_is_read_by_the_real_package(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason=NEEDS)
    rows = [{"text": f"row {i}", "body": "x"} for i in range(5)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    corpus = open_corpus(f"hf:{tmp_path}", limit=3)
    assert [d.text for d in corpus.documents()] == ["row 0", "row 1", "row 2"]
    with pytest.raises(CorpusNotText, match="nowhere") as raised:
        list(open_corpus(f"hf:{tmp_path}", column="nowhere").documents())
    assert "body" in raised.value.hint


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["/missing", "::validation"])
def test_a_data_set_that_is_not_there_is_named(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("datasets", reason=NEEDS)
    (tmp_path / "train.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(CorpusNotFound, match="cannot be opened"):
        open_corpus(f"hf:{tmp_path}{suffix}")
