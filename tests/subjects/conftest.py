"""A tiny byte-level tokenizer, trained here, for subjects built in memory."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 300


@pytest.fixture(scope="session")
def backend_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<bos>", "<sep>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    text = "the cat sat on the mat and the other cat sat on the hat, then the dog ran home"
    tokenizer.train_from_iterator([text] * 5, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def causal_tokenizer(backend_tokenizer: Tokenizer) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend_tokenizer, bos_token="<bos>", pad_token="<pad>"
    )


@pytest.fixture(scope="session")
def masked_tokenizer(backend_tokenizer: Tokenizer) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend_tokenizer,
        cls_token="<bos>",
        sep_token="<sep>",
        mask_token="<mask>",
        pad_token="<pad>",
    )
