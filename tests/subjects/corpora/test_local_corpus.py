"""Corpora from files: what is read, what it is called, and what is refused by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import (
    CorpusEmpty,
    CorpusError,
    CorpusNotFound,
    CorpusNotText,
    InvalidSetting,
    MissingExtra,
)
from subjects.corpora.corpus import FirstDocuments, near_duplicate_group
from subjects.corpora.local import LocalCorpus
from subjects.corpora.open import open_corpus


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def texts(path: Path, column: str = "text") -> list[str]:
    return [d.text for d in LocalCorpus(path, column=column).documents()]


def test_a_text_file_is_one_document(tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text("Once upon a time.\n")
    corpus = LocalCorpus(file)
    (document,) = corpus.documents()
    assert (document.id, document.text, document.type) == (
        "story.txt",
        "Once upon a time.\n",
        "file:txt",
    )
    assert corpus.n_documents == 1
    assert corpus.name == str(file)


def test_a_row_of_jsonl_is_one_document(tmp_path: Path) -> None:
    rows = [{"text": "one", "id": "a", "type": "poem", "group": 7}, {"text": "two"}]
    corpus = LocalCorpus(jsonl(tmp_path / "rows.jsonl", *rows))
    first, second = corpus.documents()
    assert (first.id, first.type, first.group) == ("rows.jsonl#1:a", "poem", "7")
    assert (second.id, second.type) == ("rows.jsonl#2", "row")
    assert second.group == near_duplicate_group("two")
    assert corpus.n_documents is None


def test_empty_fields_are_as_if_absent(tmp_path: Path) -> None:
    row = {"text": "one", "id": None, "type": None, "group": None}
    (document,) = LocalCorpus(jsonl(tmp_path / "rows.jsonl", row)).documents()
    assert (document.id, document.type) == ("rows.jsonl#1", "row")
    assert document.group == near_duplicate_group("one")


def test_rows_that_share_an_id_remain_different_documents(tmp_path: Path) -> None:
    """Else one document could lie in two splits."""
    for name in ("a.jsonl", "b.jsonl"):
        jsonl(tmp_path / name, {"text": "x", "id": 1}, {"text": "y", "id": 1})
    found = [d.id for d in LocalCorpus(tmp_path).documents()]
    assert len(set(found)) == 4


def test_another_column_may_hold_the_text(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", {"body": "here", "text": "not here"})
    assert texts(file, "body") == ["here"]
    assert LocalCorpus(file).fingerprint != LocalCorpus(file, column="body").fingerprint


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"text": "one"}\n\n  \n{"text": "two"}')
    assert texts(file) == ["one", "two"]
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbftext")
    assert texts(file) == ["text"]


def test_a_lone_surrogate_becomes_a_question_mark(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a \\ud800 b", "id": "\\udfff"}')
    (document,) = LocalCorpus(file).documents()
    assert document.text == "a ? b"
    document.id.encode()


def test_a_folder_is_read_in_order_of_its_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.md").write_text("second")
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "c.PY").write_text("third")
    (tmp_path / "picture.png").write_bytes(b"\x00\x01")
    corpus = LocalCorpus(tmp_path)
    assert [(d.id, d.text) for d in corpus.documents()] == [
        ("a.txt", "first"),
        ("b/one.md", "second"),
        ("c.PY", "third"),
    ]
    assert corpus.n_documents == 3


def test_a_file_without_suffix_is_text(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("hello")
    (document,) = LocalCorpus(tmp_path / "README").documents()
    assert document.type == "file:text"


def test_links_that_turn_in_circles_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("once")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert texts(tmp_path) == ["once"]
    with pytest.raises(CorpusNotFound):
        LocalCorpus(tmp_path / "self.txt")


# The fingerprint.


def test_the_fingerprint_follows_names_and_contents_alone(tmp_path: Path) -> None:
    def made(folder: str, files: dict[str, str]) -> str:
        root = tmp_path / folder
        root.mkdir()
        for name, text in files.items():
            (root / name).write_text(text)
        return LocalCorpus(root).fingerprint

    same = [made(folder, {"a.txt": "one", "b.txt": "two"}) for folder in ("here", "there")]
    assert same[0] == same[1]
    others = [
        made("edited", {"a.txt": "one", "b.txt": "tow"}),
        made("renamed", {"a.txt": "one", "c.txt": "two"}),
        made("moved", {"a.txt": "onet", "b.txt": "wo"}),
        made("fewer", {"a.txt": "one"}),
    ]
    assert len({same[0], *others}) == 5


# Refusals.


@pytest.mark.parametrize("source", ["nowhere", "nowhere.txt", "", "hf:", "hf:a:b:c:d"])
def test_a_corpus_that_does_not_exist_is_named(source: str) -> None:
    with pytest.raises(CorpusNotFound) as raised:
        open_corpus(source)
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_a_pipe_is_no_corpus(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(CorpusNotFound, match="neither a file nor a folder"):
        LocalCorpus(tmp_path / "pipe.txt")


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.parquet"])
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CorpusEmpty, match=name):
        LocalCorpus(tmp_path / name)


def test_a_folder_without_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(CorpusEmpty, match="no text file") as raised:
        LocalCorpus(tmp_path)
    assert ".jsonl" in raised.value.hint


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a"])
def test_a_binary_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x7fELF\x00\x00\x01")
    with pytest.raises(CorpusNotText, match=f"{name}' is binary"):
        LocalCorpus(tmp_path / name)


def latin(path: Path) -> object:
    path.write_bytes(b"x" * 10_000 + b" caf\xe9 ")
    return 10_004


def cut_off(path: Path) -> object:
    path.write_bytes("café".encode()[:-1])
    return 3


def across_blocks(path: Path) -> object:
    path.write_bytes(b"x" * ((1 << 20) - 1) + b"\xe9\x41")
    return (1 << 20) - 1


@pytest.mark.parametrize("write", [latin, cut_off, across_blocks])
def test_text_that_is_not_utf8_is_named_with_its_place(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    place = write(tmp_path / "a.txt")
    corpus = LocalCorpus(tmp_path / "a.txt")
    for ask in (lambda: corpus.fingerprint, lambda: list(corpus.documents())):
        with pytest.raises(CorpusNotText, match=rf"a\.txt' is not UTF-8 text \(byte {place}\)"):
            ask()


def test_letters_across_blocks_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * ((1 << 20) - 1) + "é".encode())
    assert LocalCorpus(tmp_path / "a.txt").fingerprint


def test_rows_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "caf\xe9"}\n')
    with pytest.raises(CorpusNotText, match=r"a\.jsonl"):
        list(LocalCorpus(tmp_path / "a.jsonl").documents())


@pytest.mark.parametrize("line", ["{", "not json", '{"text": "a"} b', "[" * 100_000])
def test_a_line_that_is_not_json_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(CorpusNotText, match=r"line 2 of .*a\.jsonl"):
        texts(file)


@pytest.mark.parametrize("row", [{"body": "x"}, {"text": 3}, {"text": None}, ["text"], "text"])
def test_a_row_without_text_is_named(tmp_path: Path, row: object) -> None:
    file = jsonl(tmp_path / "a.jsonl", {"text": "fine"}, row)
    with pytest.raises(CorpusNotText, match=r"row 2 of .*'text'") as raised:
        texts(file)
    assert "column" in raised.value.hint


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text")
    corpus = LocalCorpus(file)
    file.unlink()
    with pytest.raises(CorpusError, match=r"a\.txt.*No such file"):
        list(corpus.documents())


# Parquet.


def test_parquet_rows_are_documents(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow (extra parquet) is not installed")
    from pyarrow import parquet

    table = pyarrow.table({"text": ["one", "two"], "id": ["a", None], "unused": [1, 2]})
    file = tmp_path / "rows.parquet"
    parquet.write_table(table, file)
    assert [(d.id, d.text) for d in LocalCorpus(file).documents()] == [
        ("rows.parquet#1:a", "one"),
        ("rows.parquet#2", "two"),
    ]
    with pytest.raises(CorpusNotText, match="'body'") as raised:
        texts(file, "body")
    assert "unused" in raised.value.hint
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(CorpusNotText, match=r"rows\.parquet"):
        texts(file)


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtra, match="pyarrow") as raised:
        texts(tmp_path / "rows.parquet")
    assert "neuroscribe[parquet]" in raised.value.hint


# Limits and groups.


def test_a_limit_takes_the_first_documents_of_any_corpus(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name)
    corpus = open_corpus(str(tmp_path), limit=2)
    assert [d.text for d in corpus.documents()] == ["a", "b"]
    assert corpus.n_documents == 2
    assert corpus.name == str(tmp_path)
    prints = {open_corpus(str(tmp_path), limit=n).fingerprint for n in (None, 1, 2)}
    assert len(prints) == 3
    assert open_corpus(str(tmp_path), limit=9).n_documents == 3
    with pytest.raises(InvalidSetting, match="limit 0"):
        open_corpus(str(tmp_path), limit=0)


def test_a_limit_of_rows_that_were_not_counted(tmp_path: Path) -> None:
    corpus = FirstDocuments(LocalCorpus(jsonl(tmp_path / "a.jsonl", *[{"text": "x"}] * 5)), 3)
    assert corpus.n_documents is None
    assert len(list(corpus.documents())) == 3


TEXT = "the quick brown fox jumps over the lazy dog and runs away into the dark wood at night " * 3


def test_near_duplicates_share_a_group() -> None:
    assert near_duplicate_group(TEXT) == near_duplicate_group(TEXT.upper())
    numbered = "chapter {} of the book begins on page {} and ends at line {} of the next page"
    assert near_duplicate_group(numbered.format(1, 2, 3)) == near_duplicate_group(
        numbered.format(44, 55, 66)
    )
    edited = [near_duplicate_group(TEXT + f" ending {word} it") for word in ("with", "without")]
    assert edited[0] == edited[1] or TEXT in edited[0]


def test_texts_that_differ_have_groups_of_their_own() -> None:
    sentences = [f"{a} {b} {c}" for a in "pqr" for b in "stu" for c in ("walks", "sits")]
    assert len({near_duplicate_group(s) for s in sentences}) == len(sentences)
    assert near_duplicate_group("") == near_duplicate_group(" \n")
