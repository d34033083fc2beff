"""Token strings of the tokenizer families."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from subjects.tokens import open_tokenizer, show_bytes


def strings(backend: Tokenizer, size: int = 0) -> tuple[str, ...]:
    return open_tokenizer(backend).vocabulary(size).strings


def test_byte_level_pieces_become_text(backend_tokenizer: Any) -> None:
    tokens = open_tokenizer(backend_tokenizer)
    vocabulary = tokens.vocabulary(0)
    for text, expected in [
        ("the cat", ("the", " cat")),
        ("\n", ("\n",)),
        (" ", (" ",)),
        ("é", ("\\xc3", "\\xa9")),
    ]:
        assert vocabulary.decode(tokens.encode(text)) == expected


@given(st.text(max_size=40))
def test_byte_level_text_survives(backend_tokenizer: Any, text: str) -> None:
    tokens = open_tokenizer(backend_tokenizer)
    assert tokens.decode(tokens.encode(text)) == text


def test_sentencepiece_pieces_become_text() -> None:
    pieces = {"<unk>": 0, "<0x0A>": 1, "<0xE2>": 2, "▁the": 3, "ing": 4, "▁▁": 5}
    backend = Tokenizer(models.BPE(pieces, [], byte_fallback=True, unk_token="<unk>"))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    assert strings(backend) == ("<unk>", "\n", "\\xe2", " the", "ing", "  ")


def test_wordpiece_keeps_its_marks() -> None:
    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "run": 1, "##ing": 2}, unk_token="[UNK]"))
    backend.decoder = decoders.WordPiece()
    assert strings(backend) == ("[UNK]", "run", "##ing")


def test_ids_that_the_tokenizer_never_gives_are_special() -> None:
    backend = Tokenizer(models.WordLevel({"a": 0, "b": 2}, unk_token="a"))
    vocabulary = open_tokenizer(backend).vocabulary(4)
    assert vocabulary.strings == ("a", "<unused 1>", "b", "<unused 3>")
    assert vocabulary.special == {1, 3}


def test_settings_of_the_caller_stay_outside(backend_tokenizer: Any) -> None:
    mine = Tokenizer.from_str(backend_tokenizer.to_str())
    digest = open_tokenizer(mine).digest()
    mine.enable_truncation(2)
    mine.enable_padding(length=9)
    tokens = open_tokenizer(mine)
    assert len(tokens.encode("the cat sat on the mat")) == 6
    assert tokens.digest() == digest
    assert mine.truncation is not None


def test_another_vocabulary_has_another_digest(backend_tokenizer: Any) -> None:
    other = Tokenizer.from_str(backend_tokenizer.to_str())
    other.add_tokens(["zebra"])
    assert open_tokenizer(other).digest() != open_tokenizer(backend_tokenizer).digest()


class BytesTokenizer:
    """A tokenizer in plain Python whose pieces are bytes, as some models with own code have."""

    all_special_ids = (0,)

    def __len__(self) -> int:
        return 3

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        return [1 if character == "a" else 2 for character in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(" aé"[i] for i in ids)

    def convert_ids_to_tokens(self, ids: range) -> list[Any]:
        return [["<end>", b"a", b"\xc3"][i] for i in ids]


def test_a_tokenizer_without_backend() -> None:
    tokens = open_tokenizer(BytesTokenizer())
    vocabulary = tokens.vocabulary(4)
    assert vocabulary.strings == ("<end>", "a", "\\xc3", "<unused 3>")
    assert vocabulary.special == {0, 3}
    assert tokens.encode("ab") == [1, 2]
    assert tokens.decode([1, 2]) == "aé"
    assert len(tokens.digest()) == 16


@pytest.mark.parametrize(
    ("data", "shown"), [(b"abc", "abc"), (b" \xe2", " \\xe2"), ("é".encode(), "é")]
)
def test_bytes_are_text_or_escapes(data: bytes, shown: str) -> None:
    assert show_bytes(data) == shown


def test_pre_tokenizers_do_not_matter_for_reading() -> None:
    backend = Tokenizer(models.WordLevel({"Ġx": 0}, unk_token="Ġx"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    assert strings(backend) == ("Ġx",), "only the decoder says that pieces are bytes"
