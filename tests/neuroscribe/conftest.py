"""A home folder and a small corpus of its own for every test module; the subject is ``planted``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from neuroscribe.cli import main
from subjects.corpora.builtin import standard_library
from subjects.corpora.generated import documents

torch.set_num_threads(1)


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty documents of generated English and forty library files, as one ``.jsonl`` file."""
    path = tmp_path_factory.mktemp("corpus") / "small.jsonl"
    rows = [
        {"id": d.id, "text": d.text, "type": d.type, "group": d.group}
        for name in ("agreement", "negation", "prose", "quotations")
        for d in documents(name, seed=3, count=25)
    ]
    for name, file in standard_library()[40:90]:
        text = file.read_text(encoding="utf-8", errors="replace")[:6000]
        rows.append({"id": name, "text": text, "type": "code", "group": name})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all tests that do not break it, so that indexes are collected once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(shared_home))
    return shared_home


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, for tests that damage it."""
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the program in this process; returns its exit code and what it printed."""

    def call(*words: str | Path) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Ran(stop.value.code, out, err)

    return call
