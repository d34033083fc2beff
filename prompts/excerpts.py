"""How text of a corpus is shown to a language model: as data inside a fence.

Token by token, one a line, or as running text. Either is JSON strings, so line ends and tabs cannot
make new lines or columns; angle brackets are escaped as well, so no text can close its fence, and
where tokens are marked, square brackets too, so no text can mark itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

_FILE = Path(__file__).parent / "demonstrations.json"
# Besides what JSON escapes: fences, lone surrogates (no UTF-8), and other line separators.
_ESCAPED = re.compile("[<>\ud800-\udfff\u0085\u2028\u2029\x7f]")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A worked example; ``activations`` go from 0 to 10."""

    explanation: str
    tokens: tuple[str, ...]
    activations: tuple[int, ...]


def shown(text: str) -> str:
    """A JSON string on one line that reads back as ``text``."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", quoted)


def listing(tokens: Sequence[str], values: Sequence[int]) -> str:
    """Token, tab, value on each line."""
    lines = (f"{shown(t)}\t{v}" for t, v in zip(tokens, values, strict=True))
    return "\n".join(lines)


def numbered(tokens: Sequence[str]) -> str:
    """Number from 1, tab, token on each line."""
    return "\n".join(f"{i}\t{shown(t)}" for i, t in enumerate(tokens, 1))


def marked(tokens: Sequence[str], marks: Sequence[bool]) -> str:
    """The text as a JSON string with ``[[``, ``]]`` around every run of marked tokens."""
    pieces = []
    for mark, run in groupby(zip(tokens, marks, strict=True), key=lambda pair: bool(pair[1])):
        text = shown("".join(token for token, _ in run))[1:-1]
        text = text.replace("[", "\\u005b").replace("]", "\\u005d")
        pieces.append(f"[[{text}]]" if mark else text)
    return f'"{"".join(pieces)}"'


def fenced(body: str, number: int | None = None) -> str:
    """``body`` between the marks that say where data begins and ends."""
    opening = "<excerpt>" if number is None else f"<excerpt> (sequence {number})"
    return f"{opening}\n{body}\n</excerpt>"


@cache
def demonstrations() -> tuple[Demonstration, ...]:
    """The worked examples that are shown before the question."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        Demonstration(d["explanation"], tuple(d["tokens"]), tuple(d["activations"]))
        for d in data["demonstrations"]
    )
