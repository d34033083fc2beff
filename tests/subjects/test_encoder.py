"""Encoders of texts: pooled vectors against an independent recomputation, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import SubjectLoadError
from subjects.embedding import BATCH, Encoder, load_encoder

TEXTS = ["the cat sat", "on the mat and the other cat", "dog", "", "the cat sat " * 40]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, masked_tokenizer: Any) -> Path:
    """A random two-layer BERT of sixteen dimensions that reads 32 tokens."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        pad_token_id=0,
    )
    path = tmp_path_factory.mktemp("bert")
    BertModel(config).save_pretrained(path)
    masked_tokenizer.save_pretrained(path)
    return path


def test_vectors_are_the_mean_over_each_texts_own_tokens(folder: Path) -> None:
    from transformers import AutoTokenizer, BertModel

    model, tokenizer = (
        BertModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    found = load_encoder(str(folder), device="cpu").embed(TEXTS)
    assert found.shape == (len(TEXTS), 16)
    for text, vector in zip(TEXTS, found, strict=True):
        ids = tokenizer(text)["input_ids"][:32]
        if not ids:
            assert not vector.any()
            continue
        with torch.no_grad():
            states = model(torch.tensor([ids])).last_hidden_state[0]
        assert vector == pytest.approx(states.mean(0).numpy(), abs=1e-5)


def test_batches_change_nothing(folder: Path) -> None:
    encoder = load_encoder(str(folder), device="cpu")
    texts = [TEXTS[i % 3] for i in range(BATCH + 3)]
    found = encoder.embed(texts)
    assert np.allclose(found, np.concatenate([encoder.embed([t]) for t in texts]), atol=1e-5)
    assert encoder.embed([]).shape == (0, 16)


def test_the_name_says_where_it_came_from(folder: Path) -> None:
    assert load_encoder(str(folder), device="cpu").name == str(folder)


def test_a_tokenizer_without_padding_pads_with_its_end(
    folder: Path, tmp_path: Path, backend_tokenizer: Any
) -> None:
    from transformers import BertModel, PreTrainedTokenizerFast

    BertModel.from_pretrained(folder).save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=backend_tokenizer, eos_token="<sep>").save_pretrained(
        tmp_path
    )
    encoder: Encoder = load_encoder(str(tmp_path), device="cpu")
    alone, padded = encoder.embed(["dog"])[0], encoder.embed(["dog", TEXTS[1]])[0]
    assert padded == pytest.approx(alone, abs=1e-5)


def test_what_is_no_encoder_is_refused_in_one_line(
    folder: Path, tmp_path: Path, masked_tokenizer: Any
) -> None:
    from transformers import BertModel, T5Config, T5Model

    empty = tmp_path / "empty"
    empty.mkdir()
    both = tmp_path / "t5"
    config = T5Config(vocab_size=300, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5Model(config).save_pretrained(both)
    masked_tokenizer.save_pretrained(both)
    pickled = tmp_path / "pickled"
    masked_tokenizer.save_pretrained(pickled)
    BertModel.from_pretrained(folder).config.save_pretrained(pickled)
    torch.save(BertModel.from_pretrained(folder).state_dict(), pickled / "pytorch_model.bin")
    torn = tmp_path / "torn"
    masked_tokenizer.save_pretrained(torn)
    config = BertModel.from_pretrained(folder).config
    BertModel(config).save_pretrained(torn)
    config.num_hidden_layers = 3
    config.save_pretrained(torn)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    said = {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Model"}}
    (foreign / "config.json").write_text(json.dumps(said))
    (foreign / "own.py").write_text("raise SystemExit('code of a repository was run')")
    refusals = {
        foreign: "needs code",
        empty: "no config",
        both: "decoder",
        pickled: "safetensors",
        torn: "missing",
    }
    for place, said in refusals.items():
        with pytest.raises(SubjectLoadError, match=said) as refused:
            load_encoder(str(place), device="cpu")
        assert "\n" not in str(refused.value)
        assert "--trust" not in str(refused.value)
