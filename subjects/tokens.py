"""Tokens as people read them: from a tokenizer to strings by ID, and its fingerprint.

Byte-level pieces become text (``Ġthe`` is `` the``), bytes that are no text on their own are shown
as ``\\xe2``, SentencePiece's ``▁`` becomes a space, and WordPiece's ``##ing`` stays as it is, since
without the mark it could not be told from the word ``ing``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from core.errors import UnsupportedOperation
from core.hashing import fingerprint
from subjects.protocol import Aligned, Vocabulary


class Tokenizer(Protocol):
    """The little that a subject needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token IDs, nothing added; names of special tokens in ``text`` are plain text."""
        ...

    def align(self, text: str) -> Aligned:
        """:meth:`encode` with the characters of each token."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``."""
        ...

    def vocabulary(self, size: int) -> Vocabulary:
        """Strings for IDs 0 .. size - 1 at least."""
        ...

    def digest(self) -> str:
        """16 hexadecimal digits that change when the tokenizer would."""
        ...


def open_tokenizer(tokenizer: Any) -> Tokenizer:
    """Wrap a ``transformers`` tokenizer or a ``tokenizers.Tokenizer``.

    A fast tokenizer is copied, so that settings of the caller's (padding, truncation) do not reach
    the subject.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    special = [int(i) for i in getattr(tokenizer, "all_special_ids", ())]
    if backend is None and hasattr(tokenizer, "to_str"):
        backend = tokenizer
    if backend is None:
        return _SlowTokenizer(tokenizer, special)
    return _FastTokenizer(backend.to_str(), special)


class _FastTokenizer:
    """A private copy of a Rust tokenizer."""

    def __init__(self, serialised: str, special: Sequence[int]) -> None:
        from tokenizers import Tokenizer as Backend

        self._data: dict[str, Any] = json.loads(serialised)
        self._special = frozenset(special)
        self._backend = Backend.from_str(serialised)
        self._backend.no_truncation()
        self._backend.no_padding()
        self._backend.encode_special_tokens = True

    def encode(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def align(self, text: str) -> Aligned:
        encoded = self._backend.encode(text, add_special_tokens=False)
        offsets = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
        return Aligned(list(encoded.ids), offsets)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._backend.decode(list(ids), skip_special_tokens=False))

    def vocabulary(self, size: int) -> Vocabulary:
        added = self._backend.get_added_tokens_decoder()
        kinds = _types(self._data.get("decoder"))
        by_id = {i: piece for piece, i in self._backend.get_vocab(with_added_tokens=True).items()}
        strings: list[str] = []
        special = set(self._special) | {i for i, token in added.items() if token.special}
        for index in range(max(size, 1 + max(by_id, default=-1))):
            if index in added:
                strings.append(added[index].content)
            elif index in by_id:
                strings.append(_readable(by_id[index], kinds))
            else:
                strings.append(unused(index))
                special.add(index)
        return Vocabulary(tuple(strings), frozenset(special))

    def digest(self) -> str:
        data = {key: self._data[key] for key in self._data if key not in ("truncation", "padding")}
        return fingerprint(data)


class _SlowTokenizer:
    """A tokenizer written in Python (some models with remote code)."""

    def __init__(self, tokenizer: Any, special: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(special)

    def encode(self, text: str) -> list[int]:
        return [int(i) for i in self._tokenizer.encode(text, add_special_tokens=False)]

    def align(self, text: str) -> Aligned:
        raise UnsupportedOperation(
            f"{type(self._tokenizer).__name__} does not say which characters a token stands for",
            "give the model a fast tokenizer (tokenizer.json)",
        )

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids)))

    def vocabulary(self, size: int) -> Vocabulary:
        known = len(self._tokenizer)
        special = set(self._special) | set(range(known, size))
        strings = [
            _from_any(piece) for piece in self._tokenizer.convert_ids_to_tokens(range(known))
        ]
        strings += [unused(index) for index in range(known, size)]
        return Vocabulary(tuple(strings), frozenset(special))

    def digest(self) -> str:
        strings = self.vocabulary(0).strings
        return fingerprint([type(self._tokenizer).__name__, sorted(self._special), list(strings)])


def _types(decoder: Any) -> set[str]:
    """The decoder steps named in a serialised tokenizer."""
    if not isinstance(decoder, dict):
        return set()
    found = {str(decoder.get("type"))}
    for step in decoder.get("decoders", ()):
        found |= _types(step)
    return found


def _readable(piece: str, kinds: set[str]) -> str:
    if "ByteLevel" in kinds:
        return show_bytes(_from_byte_level(piece))
    if kinds & {"Metaspace", "ByteFallback", "Replace"}:
        return _from_sentencepiece(piece)
    return piece


def _from_any(piece: object) -> str:
    if isinstance(piece, bytes):
        return show_bytes(piece)
    return _from_sentencepiece(str(piece))


def _from_sentencepiece(piece: str) -> str:
    if re.fullmatch(r"<0x[0-9A-Fa-f]{2}>", piece):
        return show_bytes(bytes([int(piece[3:5], 16)]))
    return piece.replace("\u2581", " ")


def unused(index: int) -> str:
    """How an ID is shown that the model has and the tokenizer never gives (padded vocabularies)."""
    return f"<unused {index}>"


def show_bytes(data: bytes) -> str:
    """``data`` as UTF-8 text; what is not UTF-8 as ``\\x..`` escapes."""
    return data.decode("utf-8", errors="backslashreplace")


def _byte_characters() -> dict[str, int]:
    """The character that byte-level BPE (GPT-2) writes for each byte: printable bytes stand for
    themselves, the others are moved to code points from 256 on, in order."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in set(kept)]
    table = {chr(byte): byte for byte in kept}
    table.update({chr(256 + rank): byte for rank, byte in enumerate(moved)})
    return table


_BYTES = _byte_characters()


def _from_byte_level(piece: str) -> bytes:
    """The bytes of a byte-level piece; characters outside the alphabet stand for themselves."""
    return b"".join(
        bytes([_BYTES[character]]) if character in _BYTES else character.encode("utf-8")
        for character in piece
    )


def special_digest(digest: str, *ids: int | None) -> str:
    """The tokenizer's digest together with the IDs put around every text."""
    text = f"{digest}:{','.join('' if i is None else str(i) for i in ids)}"
    return hashlib.blake2b(text.encode("ascii"), digest_size=8).hexdigest()
