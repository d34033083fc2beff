"""A tiny random Llama with a real tokenizer: real tokens, real log-probabilities, milliseconds."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

import subjects

TOKENIZER = Path(subjects.__file__).parent / "demo" / "demo-tiny" / "tokenizer.json"
BOS, SEPARATOR = "<|bos|>", "<|sep|>"
LEAST = 1e-30
"""The probability shared by all tokens that a scripted distribution leaves nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of a text: its bytes, and the characters of the text that are complete before."""

    id: int
    raw: bytes
    offset: int

    def text(self, partial: str) -> str:
        """As text; a part of a character is ``partial`` followed by ``\\xNN`` for each byte."""
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError:
            return partial + "".join(f"\\x{byte:02x}" for byte in self.raw)


class TinyModel:
    """``bos`` is put in front of what is tokenized with special tokens, as Llama's tokenizer does.

    ``context`` is what the server says is the most tokens that fit.
    """

    def __init__(self, *, seed: int = 0, context: int = 2048, bos: bool = False) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        self.context, self.bos = context, bos
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self.size = self.tokenizer.get_vocab_size()
        config = LlamaConfig(
            vocab_size=self.size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=context,
            initializer_range=0.4,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=1,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = LlamaForCausalLM(config).eval()

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of ``text``."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [self.token(BOS), *found] if special and self.bos else found

    def token(self, text: str) -> int:
        """The one token that ``text`` is; :class:`ValueError` if it is more, or none."""
        ids = self.encode(text)
        if len(ids) != 1:
            raise ValueError(f"{text!r} is {len(ids)} tokens")
        return ids[0]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens; bytes that are no characters become U+FFFD."""
        return b"".join(self._bytes[id] for id in ids).decode("utf-8", errors="replace")

    def pieces(self, ids: Iterable[int]) -> list[Piece]:
        """Every token with the place where it begins."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        found, offset = [], 0
        for id in ids:
            found.append(Piece(id, self._bytes[id], offset))
            offset += len(decoder.decode(self._bytes[id]))
        return found

    def log_probs(self, ids: Sequence[int], last: int = 0) -> Tensor:
        """Row ``i``: what is expected after token ``i`` [tokens, vocabulary].

        Only the ``last`` rows if it is not 0.
        """
        with torch.no_grad():
            found = self.network(input_ids=torch.tensor([list(ids)]), logits_to_keep=last)
            return torch.log_softmax(found.logits[0].double(), dim=-1)

    def generate(self, ids: Sequence[int], count: int) -> list[int]:
        """The most likely next tokens, one by one, of those that can be printed."""
        found: list[int] = []
        for _ in range(count):
            row = self.log_probs([*ids, *found], last=1)[0]
            found.append(int((row + self._speakable).argmax()))
        return found

    def reweighted(self, row: Tensor, wanted: Mapping[str, float]) -> Tensor:
        """``row`` with these log-probabilities; the others share what is left as they did."""
        ids = [self.token(text) for text in wanted]
        given = torch.tensor(list(wanted.values()), dtype=torch.float64)
        left = (1.0 - given.exp().sum()).clamp(min=LEAST)
        changed = row.clone()
        changed[ids] = -torch.inf
        changed += left.log() - changed.logsumexp(-1)
        changed[ids] = given
        return changed

    @cached_property
    def _bytes(self) -> list[bytes]:
        """What every token stands for: byte-level tokens are written in an alphabet of 256."""
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in plain]
        alphabet = {chr(byte): byte for byte in plain}
        alphabet |= {chr(256 + n): byte for n, byte in enumerate(others)}
        added = self.tokenizer.get_added_tokens_decoder()
        return [
            token.encode() if id in added else bytes(alphabet[char] for char in token)
            for id in range(self.size)
            if (token := self.tokenizer.id_to_token(id)) is not None
        ]

    @cached_property
    def _speakable(self) -> Tensor:
        """0 for tokens that can be printed, minus infinity for the others."""
        added = self.tokenizer.get_added_tokens_decoder()
        penalty = torch.zeros(len(self._bytes), dtype=torch.float64)
        for id, raw in enumerate(self._bytes):
            text = raw.decode("utf-8", errors="replace")
            if id in added or "�" in text or not text.isprintable():
                penalty[id] = -torch.inf
        return penalty


@lru_cache
def tiny_model(*, seed: int = 0, context: int = 2048, bos: bool = False) -> TinyModel:
    """The model, built once a process."""
    return TinyModel(seed=seed, context=context, bos=bos)
