"""Loading from folders and from a (faked, offline) Hugging Face cache, and every way to fail."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import CASES

from core.errors import (
    HubUnavailable,
    InvalidSetting,
    NeuroscribeError,
    SubjectLoadError,
    UnknownSubject,
    UnsupportedArchitecture,
)
from subjects import loading
from subjects.huggingface import load_huggingface, wrap_model
from subjects.loading import resolve_device
from subjects.registry import load_subject, parse_source
from subjects.weights import digest_files, digest_tensors, weight_files

BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, causal_tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    BY_NAME["gpt2"].build().save_pretrained(folder)
    causal_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_a_saved_model_loads_as_itself(saved: Path, causal_tokenizer: Any) -> None:
    loaded = load_huggingface(str(saved), name="tiny", device="cpu")
    memory = wrap_model(BY_NAME["gpt2"].build(), causal_tokenizer)
    batch = memory.batch(np.array([[7, 8, 9]]))
    assert torch.equal(loaded.logits(batch), memory.logits(batch))
    assert loaded.spec.tokenizer == memory.spec.tokenizer
    assert loaded.spec.source == str(saved)
    assert loaded.spec.dtype == "float32"
    half = load_huggingface(str(saved), name="tiny", device="cpu", dtype="bfloat16")
    assert half.spec.weights == loaded.spec.weights
    assert half.spec.hash != loaded.spec.hash


def test_pytorch_weights_load_when_they_are_tensors_only(folder: Path) -> None:
    safe = load_huggingface(str(folder), name="tiny", device="cpu")
    (folder / "model.safetensors").unlink()
    torch.save(safe.model.state_dict(), folder / "pytorch_model.bin")
    plain = load_huggingface(str(folder), name="tiny", device="cpu")
    batch = safe.batch(np.array([[7, 8]]))
    assert torch.equal(plain.logits(batch), safe.logits(batch))


def test_an_encoder_without_head_has_no_logits(tmp_path: Path, masked_tokenizer: Any) -> None:
    """Sentence encoders are saved without the masked-LM head: a random one would be a lie."""
    BY_NAME["bert"].build().bert.save_pretrained(tmp_path)
    masked_tokenizer.save_pretrained(tmp_path)
    subject = load_huggingface(str(tmp_path), name="encoder", device="cpu")
    batch = subject.batch(np.array([[7, 8]]))
    assert subject.activations(batch, ["mlp.0"])["mlp.0"].shape == (1, 2, 40)
    with pytest.raises(NeuroscribeError, match="no trained language-model head"):
        subject.logits(batch)


class Payload:
    """Pickles into a call, as a hostile weight file would."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("ran",)


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])


def remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def hostile_weights(folder: Path) -> None:
    remove_weights(folder)
    torch.save({"weight": Payload()}, folder / "pytorch_model.bin")


def missing_tensors(folder: Path) -> None:
    state = BY_NAME["gpt2"].build().state_dict()
    remove_weights(folder)
    kept = {name: value for name, value in state.items() if ".h.1.mlp." not in name}
    torch.save(kept, folder / "pytorch_model.bin")


def remove_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def cut_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": ')


def other_type(model_type: str, **more: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps({"model_type": model_type, **more}))

    return change


FAULTS: list[tuple[Callable[[Path], None], type[NeuroscribeError], str]] = [
    (cut_weights, SubjectLoadError, "damaged"),
    (remove_weights, SubjectLoadError, "no weights"),
    (hostile_weights, SubjectLoadError, "more than tensors"),
    (missing_tensors, SubjectLoadError, r"4 tensors are missing, first 'transformer\.h\.1\.mlp"),
    (remove_tokenizer, SubjectLoadError, "no tokenizer"),
    (remove_config, SubjectLoadError, r"no config\.json"),
    (cut_config, SubjectLoadError, "not a valid JSON"),
    (other_type("nonsense"), SubjectLoadError, "nonsense"),
    (other_type("vit"), UnsupportedArchitecture, "'vit'"),
    (
        other_type("own", auto_map={"AutoConfig": "code.OwnConfig"}),
        SubjectLoadError,
        "trust-remote-code",
    ),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAULTS)
def test_each_fault_gives_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Path], None],
    error: type[NeuroscribeError],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    fault(folder)
    with pytest.raises(error, match=words) as caught:
        load_huggingface(str(folder), name="tiny", device="cpu")
    assert "\n" not in str(caught.value)
    assert not (folder / "ran").exists()


def test_devices_and_dtypes_are_checked_first(saved: Path) -> None:
    with pytest.raises(InvalidSetting, match="int8"):
        load_huggingface(str(saved), name="tiny", dtype="int8")
    with pytest.raises(InvalidSetting, match="'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        assert resolve_device("auto").type == "cpu"
        with pytest.raises(InvalidSetting, match="no GPU"):
            resolve_device("cuda")


@pytest.fixture
def hub(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An offline Hugging Face cache that holds the saved model as ``org/tiny``: its commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--org--tiny"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    for file in saved.iterdir():
        data = file.read_bytes()
        kind = hashlib.sha256 if file.suffix == ".safetensors" else hashlib.sha1
        blob = repository / "blobs" / kind(data).hexdigest()
        blob.write_bytes(data)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return commit


def test_a_cached_hub_model_is_named_by_its_commit(hub: str, saved: Path) -> None:
    subject = load_huggingface("org/tiny", name="tiny", device="cpu")
    local = load_huggingface(str(saved), name="tiny", device="cpu")
    assert subject.spec.revision == hub
    assert subject.spec.source == "org/tiny"
    assert subject.spec.weights == local.spec.weights, "hashed by name there, by content here"


def test_a_model_named_as_of_the_hub_is_never_a_folder(
    hub: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "here"
    for folder in (other / "org" / "tiny", other / "hf:org" / "tiny"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "neuroscribe-lstm"}')
    monkeypatch.chdir(other)
    assert parse_source("org/tiny").name == "tiny"
    subject = load_subject("tiny", source="hf:org/tiny", device="cpu")
    assert (subject.spec.revision, subject.spec.source) == (hub, "hf:org/tiny")
    local = load_huggingface(str(saved), name="tiny", device="cpu")
    assert subject.spec.weights == local.spec.weights
    with pytest.raises(HubUnavailable):
        load_subject("other", source="hf:org/other")
    with pytest.raises(UnknownSubject):
        parse_source("hf:../tiny")


def test_a_model_that_is_not_cached_needs_the_network(hub: str) -> None:
    with pytest.raises(SubjectLoadError, match="cannot be reached") as caught:
        load_huggingface("org/other", name="other", device="cpu")
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownSubject, match="no model"):
        load_huggingface("no such name!", name="other", device="cpu")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("RepositoryNotFoundError", UnknownSubject, "there is no model 'org/tiny'"),
        ("GatedRepoError", SubjectLoadError, "gated"),
        ("RevisionNotFoundError", SubjectLoadError, "no such revision"),
    ],
)
def test_answers_of_the_hub(
    monkeypatch: pytest.MonkeyPatch, name: str, error: type[NeuroscribeError], words: str
) -> None:
    import httpx2
    from huggingface_hub import errors

    answer = httpx2.Response(404, request=httpx2.Request("GET", "https://hub.invalid"))

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        try:
            raise getattr(errors, name)("first line\nsecond line", response=answer)
        except errors.HfHubHTTPError as cause:
            raise OSError("org/tiny is not a local folder\nand more lines") from cause

    monkeypatch.setattr("transformers.utils.cached_file", refuse)
    with pytest.raises(error, match=words) as caught:
        load_huggingface("org/tiny", name="tiny", device="cpu")
    assert "\n" not in str(caught.value)


def test_sharded_weights_are_all_part_of_the_digest(tmp_path: Path) -> None:
    BY_NAME["gpt2"].build().save_pretrained(tmp_path, max_shard_size="20KB")
    files = weight_files(tmp_path)
    assert len(files) > 1
    before = digest_files(files)
    data = bytearray(files[-1].read_bytes())
    data[-1] ^= 1
    files[-1].write_bytes(bytes(data))
    assert digest_files(files) != before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_changed_weight_changes_the_digest_of_a_large_model(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr("subjects.weights._ALL_BYTES", 1000)
    weight = torch.randn(300, 300, generator=torch.Generator().manual_seed(0)).to(dtype)
    before = digest_tensors({"w": weight})
    weight[17, 5] *= 1.5
    assert digest_tensors({"w": weight}) != before


def test_others_may_load_while_a_model_of_the_hub_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn = loading._ONE_AT_A_TIME
    free: list[bool] = []

    def other() -> bool:
        got = turn.acquire(blocking=False)
        if got:
            turn.release()
        return got

    def fetched(id: str, revision: str | None) -> Path:
        with ThreadPoolExecutor(1) as pool:
            free.append(pool.submit(other).result())
        raise OSError("couldn't connect")

    monkeypatch.setattr(loading, "fetched", fetched)
    with pytest.raises(HubUnavailable):
        load_subject("far", source="hf:org/far")
    assert free == [True]
