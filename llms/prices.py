"""What requests cost, from a dated table. A price that is not in it is unknown, never zero."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from core.errors import InvalidSetting
from llms.names import ModelName
from llms.protocol import TokenUsage

_TABLE = Path(__file__).parent / "prices.json"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens. ``as_of`` is when it was looked up."""

    input: float
    cached: float
    cache_write: float
    output: float
    as_of: str

    def of(self, usage: TokenUsage) -> float:
        """What an answered request cost, in dollars."""
        plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        millionths = (
            plain * self.input
            + usage.cached_tokens * self.cached
            + usage.cache_write_tokens * self.cache_write
            + usage.output_tokens * self.output
        )
        return millionths / 1e6


def price_of(name: ModelName, table: Path | None = None) -> Price | None:
    """The price of a model, None when it is unknown; ``table`` replaces the one that is shipped.

    A custom address sets its own prices: only a row that names the address holds for it.
    """
    for pattern, price in _rows(table or _TABLE):
        if fnmatchcase(str(name), pattern) and (name.base_url is None or "@" in pattern):
            return price
    return None


@cache
def _rows(path: Path) -> list[tuple[str, Price]]:
    fields = ("input", "cached", "cache_write", "output")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return [
            (
                str(row["match"]),
                Price(as_of=str(row["as_of"]), **{k: float(row[k]) for k in fields}),
            )
            for row in table["models"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidSetting(
            f"the price table {str(path)!r} cannot be read", "see llms/prices.json for its form"
        ) from error
