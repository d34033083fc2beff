"""What each model is declared to be able to do: an impossible request is refused before it costs.

``models.json`` lists patterns, the first that matches decides; settings may override it by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import get_args

from core.errors import InvalidSetting, UnsupportedRequest
from llms.names import ModelName
from llms.protocol import Capability, Request

_TABLE = Path(__file__).parent / "models.json"
KNOWN: frozenset[str] = frozenset(get_args(Capability))
_MEANING = {
    "schema": "answers in a JSON schema",
    "token_logprobs": "log-probabilities of the tokens it writes",
    "slots": "log-probabilities inside a prompt",
    "tools": "tool calls",
    "streaming": "streaming",
    "temperature": "a temperature",
    "chat": "chat",
}


def capabilities_of(
    name: ModelName, overrides: Mapping[str, list[str]] | None = None
) -> frozenset[Capability]:
    """The declared capabilities; ``overrides`` maps names as the user writes them to lists."""
    chosen = (overrides or {}).get(str(name))
    if chosen is None:
        served = str(name) if name.base_url is None else f"{name.provider}:{name.model}@"
        chosen = next(held for pattern, held in _rows() if fnmatchcase(served, pattern))
    unknown = sorted(set(chosen) - KNOWN)
    if unknown:
        raise InvalidSetting(
            f"capability {unknown[0]!r} of {str(name)!r} is unknown",
            f"known: {', '.join(sorted(KNOWN))}",
        )
    return frozenset(c for c in get_args(Capability) if c in chosen)


def check(name: str, held: frozenset[Capability], request: Request) -> None:
    """Raise :class:`UnsupportedRequest` when the model cannot do what the request needs."""
    missing = sorted(request.needs() - held)
    if missing:
        raise UnsupportedRequest(
            f"{name!r} is declared without {', '.join(_MEANING[m] for m in missing)}",
            "choose another model or simulator, or override its capabilities in the settings",
        )


@cache
def _rows() -> list[tuple[str, list[str]]]:
    table = json.loads(_TABLE.read_text(encoding="utf-8"))
    return [(row["match"], row["capabilities"]) for row in table["models"]]
