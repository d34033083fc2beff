"""A home folder, a small corpus, and a scripted server of language models for every test module.

The subject is ``planted``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import torch

import subjects.planted
from neuroscribe.cli import main
from subjects.corpora.builtin import standard_library
from subjects.corpora.generated import documents

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fakes"))

from fake_ideal import IdealModel
from fake_model import tiny_model
from fake_server import FakeServer, running

torch.set_num_threads(1)
KEY = "sk-secret-of-the-tests-0123456789"


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
    """A hundred documents of generated English and fifty library files, as one ``.jsonl`` file."""
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
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus on which a unit takes a moment."""
    path = tmp_path_factory.mktemp("few") / "few.jsonl"
    rows = [
        {"id": d.id, "text": d.text, "type": d.type, "group": d.group}
        for name in ("agreement", "prose")
        for d in documents(name, seed=3, count=60)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session", autouse=True)
def planted_once() -> Iterator[None]:
    """The planted subject, which nothing changes, is made once and not by every command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subjects.planted, "load_planted", cache(subjects.planted.load_planted))
        yield


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
def begun_home(own_home: Path, empty_file: Path) -> Path:
    """An empty home but for its store, which is copied: that is sooner done than making tables."""
    own_home.mkdir()
    copyfile(empty_file, own_home / "neuroscribe.db")
    return own_home


@pytest.fixture
def database(
    kind: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str | None:
    """A test that asks for it runs on the store of its home, and on an empty PostgreSQL.

    The URL of the latter; None where the home's own file is the store.
    """
    if kind == "sqlite":
        return None
    url = str(request.getfixturevalue("emptied_postgres"))
    monkeypatch.setenv("NEUROSCRIBE_DATABASE_URL", url)
    return url


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


class Served:
    """The running server, its script, and the names of models on it."""

    def __init__(self, server: FakeServer, ideal: IdealModel, url: str) -> None:
        self.server, self.ideal = server, ideal
        self.openai = f"openai:tiny@{url}/v1"
        self.anthropic = f"anthropic:tiny@{url}"


@pytest.fixture(scope="module")
def running_server() -> Iterator[Served]:
    model = tiny_model(context=8192)
    ideal = IdealModel(model)
    server = FakeServer(model=model, script=ideal, key=KEY)
    with running(server) as url:
        yield Served(server, ideal, url)


@pytest.fixture
def served(running_server: Served, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("NEUROSCRIBE_LLM_FIRST_WAIT", "0.05")
    running_server.server.requests.clear()
    yield running_server
    running_server.server.faults = ()


@pytest.fixture
def truth(
    run: Callable[..., Ran], home: Path, corpus: Path, served: Served
) -> Callable[[str], str]:
    def of(unit: str) -> str:
        shown = run("show", unit, "--corpus", corpus, "--json").json
        served.ideal.truth = shown["truth"]["pattern"]
        return str(served.ideal.truth)

    return of
