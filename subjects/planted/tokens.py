"""The planted subject's tokens: any byte-level BPE file, by default the demo subject's.

Nothing is fetched and nothing is trained here: a ``tokenizer.json`` on this disk is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from core.errors import SubjectLoadError
from subjects.protocol import Aligned, Vocabulary

DEMO_TOKENIZER = Path(__file__).resolve().parents[1] / "demo" / "demo" / "tokenizer.json"
_BOS_NAMES = ("<|bos|>", "<|endoftext|>", "<s>", "[CLS]")


@dataclass(frozen=True, slots=True)
class TokenSource:
    """A loaded tokenizer: ``bos`` is the ID put before each window, ``digest`` names the file."""

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    bos: int
    digest: str

    def encode(self, text: str) -> list[int]:
        """Token IDs of ``text``, nothing added."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def align(self, text: str) -> Aligned:
        """:meth:`encode`, and which characters each token stands for."""
        encoded = self.tokenizer.encode(text, add_special_tokens=False)
        offsets = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
        return Aligned(list(encoded.ids), offsets)


def load_tokens(source: Path | None = None) -> TokenSource:
    """Read ``source`` (a ``tokenizer.json`` or the folder that holds it).

    Raises :class:`core.errors.SubjectLoadError` when the file is missing, unreadable, or has no
    beginning-of-text token.
    """
    path = source if source is not None else DEMO_TOKENIZER
    if path.is_dir():
        path = path / "tokenizer.json"
    try:
        content = path.read_bytes()
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
    except OSError as error:
        raise SubjectLoadError(
            f"the planted subject's tokenizer {str(path)!r} cannot be read: {error.strerror}",
            "name another tokenizer.json, or reinstall to get the demo subject's",
        ) from error
    except Exception as error:  # the tokenizers library raises plain Exception
        raise SubjectLoadError(
            f"{str(path)!r} is not a tokenizer file: {error}", "give a tokenizers tokenizer.json"
        ) from error
    special = _special_ids(content)
    bos = next((i for n in _BOS_NAMES if (i := tokenizer.token_to_id(n)) is not None), None)
    if bos is None:
        raise SubjectLoadError(
            f"tokenizer {str(path)!r} has no beginning-of-text token",
            "it needs one of " + ", ".join(_BOS_NAMES),
        )
    return TokenSource(
        tokenizer=tokenizer,
        vocabulary=Vocabulary(_strings(tokenizer, special), special | {bos}),
        bos=bos,
        digest=hashlib.blake2b(content, digest_size=8).hexdigest(),
    )


def _special_ids(content: bytes) -> frozenset[int]:
    added = json.loads(content).get("added_tokens") or []
    return frozenset(int(t["id"]) for t in added if t.get("special"))


def _strings(tokenizer: Tokenizer, special: frozenset[int]) -> tuple[str, ...]:
    """What each token shows as; bytes that are no whole character become U+FFFD."""
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    table = _byte_table()
    shown = []
    for token in range(size):
        name = tokenizer.id_to_token(token) or ""
        if token in special or not all(c in table for c in name):
            shown.append(name)
        else:
            shown.append(bytes(table[c] for c in name).decode("utf-8", "replace"))
    return tuple(shown)


@lru_cache(maxsize=1)
def _byte_table() -> dict[str, int]:
    """The character that stands for each byte in byte-level BPE (Radford et al. 2019)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in plain}
    others = (b for b in range(256) if b not in set(plain))
    return table | {chr(256 + i): b for i, b in enumerate(others)}
