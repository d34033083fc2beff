"""Subjects by name: built-in ones, folders, Hugging Face IDs and aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_models import CASES

from core.errors import InvalidSetting, SubjectLoadError, UnknownSubject
from subjects import registry
from subjects.lstm_model import LSTMConfig, LSTMLanguageModel
from subjects.registry import Source, load_subject, parse_source, subject_names

BY_NAME = {case.name: case for case in CASES}


def test_the_built_in_names() -> None:
    assert subject_names() == (
        "demo", "demo-small", "demo-tiny", "demo-lstm", "demo-bert", "planted"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EleutherAI/pythia-70m", Source("pythia-70m", "EleutherAI/pythia-70m")),
        (
            "EleutherAI/pythia-70m@step3000",
            Source("pythia-70m", "EleutherAI/pythia-70m", "step3000"),
        ),
        ("meta-llama/Llama-3.2-1B", Source("llama-3.2-1b", "meta-llama/Llama-3.2-1B")),
    ],
)
def test_a_hub_id_names_its_subject(text: str, expected: Source) -> None:
    assert parse_source(text) == expected


def test_a_folder_names_its_subject(tmp_path: Path) -> None:
    folder = tmp_path / "My Model"
    folder.mkdir()
    assert parse_source(str(folder)) == Source("my-model", str(folder))


def test_an_alias_and_a_revision(tmp_path: Path) -> None:
    assert parse_source("org/m", name="mine", revision="v2") == Source("mine", "org/m", "v2")
    with pytest.raises(InvalidSetting, match="two revisions"):
        parse_source("org/m@v1", revision="v2")
    with pytest.raises(InvalidSetting, match="cannot name"):
        parse_source("org/m", name="Not A Name")


def test_a_built_in_name_is_not_given_away(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(InvalidSetting, match="alias"):
        parse_source(str(tmp_path / "demo"))
    with pytest.raises(InvalidSetting, match="built-in"):
        parse_source("org/planted")


@pytest.mark.parametrize("name", ["nothing", "./nowhere", "a/b/c", ""])
def test_an_unknown_name_lists_the_known_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownSubject, match=r"demo, demo-small.*org/model"):
        load_subject(name)


def test_a_folder_is_loaded_by_its_kind(
    tmp_path: Path, causal_tokenizer: Any, backend_tokenizer: Any
) -> None:
    transformer, recurrent = tmp_path / "small-gpt", tmp_path / "small-lstm"
    BY_NAME["gpt2"].build().save_pretrained(transformer)
    causal_tokenizer.save_pretrained(transformer)
    LSTMLanguageModel(LSTMConfig(300, 8, bos_token_id=1)).save_pretrained(recurrent)
    backend_tokenizer.save(str(recurrent / "tokenizer.json"))
    first = load_subject(str(transformer), device="cpu")
    assert (first.spec.name, first.spec.family) == ("small-gpt", "causal")
    second = load_subject(str(recurrent), device="cpu")
    assert (second.spec.name, second.spec.family) == ("small-lstm", "lstm")
    third = load_subject("alias", source=str(transformer), device="cpu")
    assert third.spec.name == "alias"
    assert third.spec.hash == first.spec.hash


def test_demo_weights_load_from_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, causal_tokenizer: Any
) -> None:
    monkeypatch.setattr(registry, "_DEMO_FOLDER", tmp_path)
    with pytest.raises(SubjectLoadError, match=r"'demo-tiny' are not installed"):
        load_subject("demo-tiny")
    BY_NAME["gpt2-relu"].build().save_pretrained(tmp_path / "demo-tiny")
    causal_tokenizer.save_pretrained(tmp_path / "demo-tiny")
    demo = load_subject("demo-tiny", device="cpu")
    assert (demo.spec.source, demo.spec.revision) == ("builtin:demo-tiny", "1")
    assert demo.sites()["mlp.0"].non_negative
