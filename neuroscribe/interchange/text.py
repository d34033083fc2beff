"""JSON text that every parser takes, and back: no NaN, no broken characters.

A lone surrogate (half of a character, as a byte-level tokenizer may leave behind) is no Unicode
text, and many parsers refuse its JSON escape. It is written as the store writes it: SUB and four
hexadecimal digits.
"""

from __future__ import annotations

import json
import math
from typing import Any

from storage.columns import escape, unescape

EXTENSION = "neuroscribe"
"""The key of the object that carries what a foreign format has no place for."""

VERSION = 1


def written(value: dict[str, Any]) -> bytes:
    """One JSON object on one line; ValueError for NaN and infinity."""
    text = json.dumps(
        _strings(value, undo=False), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return text.encode() + b"\n"


def parsed(text: str) -> tuple[Any, list[str]]:
    """The value of a JSON text, and the paths of its numbers that are none: they are None now.

    Characters are given back when the value carries our extension. ValueError when the text is not
    JSON.
    """
    try:
        value = json.loads(text)
        if isinstance(value, dict) and isinstance(value.get(EXTENSION), dict):
            value = _strings(value, undo=True)
        missing: list[str] = []
        return _numbers(value, "", missing), missing
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def path_of(location: tuple[int | str, ...]) -> str:
    """``("a", 3, "b")`` as ``a[3].b``."""
    path = ""
    for part in location:
        path = _below(path, part)
    return path


def _below(path: str, part: int | str) -> str:
    if isinstance(part, int):
        return f"{path}[{part}]"
    return f"{path}.{part}" if path else part


def _strings(value: Any, *, undo: bool) -> Any:
    if isinstance(value, str):
        return unescape(value) if undo else escape(value)
    if isinstance(value, list | tuple):
        return [_strings(item, undo=undo) for item in value]
    if isinstance(value, dict):
        return {_strings(k, undo=undo): _strings(v, undo=undo) for k, v in value.items()}
    return value


def _numbers(value: Any, path: str, missing: list[str]) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        missing.append(path)
        return None
    if isinstance(value, list):
        return [_numbers(item, f"{path}[{i}]", missing) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {k: _numbers(item, _below(path, k), missing) for k, item in value.items()}
    return value
