"""The one tokenizer that all demo subjects share: byte-level BPE with 4096 entries.

Digits are split one by one, so that small-number arithmetic is learned on digits and not on
whatever numerals happened to be common.  There is no post-processor: a subject puts its own
<|bos|> before each window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

BOS, PAD, MASK, SEP = "<|bos|>", "<|pad|>", "<|mask|>", "<|sep|>"
SPECIALS = (BOS, PAD, MASK, SEP)
BOS_ID, PAD_ID, MASK_ID, SEP_ID = range(len(SPECIALS))
VOCABULARY = 4096


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Train byte-level BPE on `texts`; the special tokens get the ids 0 to 3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, directory: Path, *, masked: bool) -> None:
    """Save so that `AutoTokenizer.from_pretrained(directory)` gives this tokenizer, fast.

    A masked language model also names <|bos|> its `cls_token` and <|sep|> its `sep_token`.
    """
    names = {"bos_token": BOS, "pad_token": PAD, "mask_token": MASK}
    if masked:
        names |= {"cls_token": BOS, "sep_token": SEP}
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=128,
        clean_up_tokenization_spaces=False,
        **names,
    )
    wrapped.save_pretrained(directory)
    file = directory / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings.pop("backend", None)
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"  # the name older releases know too
    file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`."""
    return Tokenizer.from_file(str(path))
