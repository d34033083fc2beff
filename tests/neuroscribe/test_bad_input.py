"""Every wrong input has one clear line, the right exit code, and loses nothing."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["explain", "demo"], "malformed_id", 2),
        (["explain", "demo/mlp.1"], "malformed_id", 2),
        (["explain", "demo/mlp.1/x"], "malformed_id", 2),
        (["explain", "Demo/mlp.1/1"], "malformed_id", 2),
        (["explain", "nobody/mlp.1/1"], "unknown_subject", 2),
        (["explain", "planted/mlp.1/1"], "unknown_site", 2),
        (["explain", "planted/exact/99999"], "unit_out_of_range", 2),
        (["show", "planted/exact/99999"], "unit_out_of_range", 2),
        (["collect", "planted", "--sites", "nowhere"], "unknown_site", 2),
        (["explain", "planted/exact/0", "--corpus", "/does/not/exist"], "corpus_not_found", 2),
        (["explain", "planted/exact/0", "--window", "0"], "misuse", 2),
        (["explain"], "misuse", 2),
        (["explain", "planted/exact/0", "--no-such-option"], "misuse", 2),
        (["frobnicate"], "misuse", 2),
    ],
)
def test_misuse_is_named(run: Run, home: Path, words: list[str], code: str, exit_code: int) -> None:
    told = run(*words)
    assert told.code == exit_code
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    under_json = run(*words, "--json")
    assert under_json.code == exit_code
    assert under_json.err == ""
    assert under_json.json["error"]["code"] == code
    assert set(under_json.json["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.txt", b"", "corpus_empty"),
        ("binary.txt", b"\x00\x01\x02" * 500, "corpus_not_text"),
        ("latin.txt", "caf\xe9 ".encode("latin-1") * 500, "corpus_not_text"),
        ("short.txt", b"too short to fill a window", "corpus_too_short"),
        ("broken.jsonl", b'{"text": "fine"}\n{"text": ', "corpus_not_text"),
        ("column.jsonl", b'{"body": "no text here"}\n', "corpus_not_text"),
    ],
)
def test_a_bad_corpus_is_named(
    run: Run, own_home: Path, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    told = run("explain", "planted/exact/0", "--corpus", path, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == code
    assert name in told.json["error"]["message"]


def explained(unit: str, corpus: Path) -> tuple[str | Path, ...]:
    """The words that explain ``unit`` in the least time."""
    return ("explain", unit, "--corpus", corpus, "--mode", "one-shot", "--no-arms", "--json")


def damaged_file(run: Run, corpus: Path) -> Path:
    made = run("collect", "planted", "--sites", "exact", "--corpus", corpus, "--json").json
    return next(Path(made["indexes"][0]["folder"]).glob("exact.*.safetensors"))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_damaged_index_is_named_and_rebuilt_on_request(
    run: Run, own_home: Path, corpus: Path, damage: str
) -> None:
    path = damaged_file(run, corpus)
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    else:
        path.unlink()
    told = run("explain", "planted/exact/0", "--corpus", corpus, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == "index_damaged"
    assert path.name in told.json["error"]["message"]
    assert "--rebuild" in told.json["error"]["hint"]
    again = run("collect", "planted", "--sites", "exact", "--corpus", corpus, "--rebuild", "--json")
    assert again.code == 0
    assert run(*explained("planted/exact/0", corpus)).code == 0


def test_a_full_disk_loses_nothing(
    run: Run, own_home: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(*explained("planted/exact/0", corpus)).json
    real = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told = run(*explained("planted/word/0", corpus))
    assert told.code == 1
    assert told.json["error"]["code"] == "disk_full"
    monkeypatch.setattr(os, "fsync", real)
    assert run(*explained("planted/exact/0", corpus)).json == before
    assert run(*explained("planted/word/0", corpus)).code == 0


def test_an_interrupted_run_goes_on_where_it_was(
    run: Run, own_home: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from subjects.index import shard as collecting

    real = collecting.collect_shard
    calls: list[int] = []

    def interrupted(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(collecting, "collect_shard", interrupted)
    stopped = run("collect", "planted", "--sites", "exact", "--corpus", corpus, "--json")
    assert stopped.code == 130
    assert stopped.json["error"]["code"] == "interrupted"
    done = run("collect", "planted", "--sites", "exact", "--corpus", corpus, "--json")
    assert done.code == 0
    assert len(calls) == 3  # one shard before the interruption, the interrupted one, and its repeat


def test_an_unsupported_architecture_names_what_it_saw(
    run: Run, own_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "nothing-we-know"}))
    told = run("explain", "odd/mlp.0/0", "--source", folder, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] in ("subject_load", "unsupported_architecture")
    assert (
        "odd" in told.json["error"]["message"] or "nothing-we-know" in told.json["error"]["message"]
    )


def test_a_wrong_setting_names_its_variable(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_THREADS", "many")
    told = run("explain", "planted/exact/0", "--json")
    assert told.code == 2
    assert "NEUROSCRIBE_THREADS" in told.json["error"]["message"]
