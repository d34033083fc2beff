"""Column types that give back exactly what was stored, on SQLite and PostgreSQL alike.

Neither takes every Python string: SQLite refuses lone surrogates (half of a character, as a
byte-level tokenizer may leave behind) and PostgreSQL the character NUL as well. SQLite also turns
``NaN`` into ``NULL`` without a word.
"""

from __future__ import annotations

import json
import math
import re

from pydantic import JsonValue
from sqlalchemy import Dialect, Double, Text
from sqlalchemy.types import TypeDecorator

_ESCAPE = "\x1a"
_UNSAFE = re.compile(f"[\x00{_ESCAPE}\ud800-\udfff]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


def escape(text: str) -> str:
    """``text`` with NUL, SUB and lone surrogates as SUB and four hexadecimal digits.

    Every other character stands for itself, so ordinary text stays readable and searchable;
    ``unescape(escape(t)) == t``.
    """
    return _UNSAFE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def unescape(text: str) -> str:
    """The text that :func:`escape` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


class AnyText(TypeDecorator[str]):
    """Text that may hold any Python character, those of broken tokens included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database would refuse."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Undo :meth:`process_bind_param`."""
        return None if value is None else unescape(value)


class JsonText(TypeDecorator[JsonValue]):
    """A JSON value as text (key order kept); raises ``ValueError`` for NaN and infinity."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonValue | None, dialect: Dialect) -> str | None:
        """Write JSON."""
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return escape(text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue | None:
        """Read JSON."""
        if value is None:
            return None
        parsed: JsonValue = json.loads(unescape(value))
        return parsed


class FiniteFloat(TypeDecorator[float]):
    """A float; raises ``ValueError`` for NaN and infinity."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Refuse what is not a number."""
        if value is not None and not math.isfinite(value):
            raise ValueError("NaN and infinity are not stored")
        return value
