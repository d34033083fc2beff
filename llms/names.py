"""Names of models: ``provider:model`` or ``provider:model@base_url``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import InvalidSetting

PROVIDERS = ("openai", "anthropic", "vllm")
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_ADDRESS = re.compile(r"@([a-z]+://.*)$")
FORM = "openai:MODEL, openai:MODEL@BASE_URL, anthropic:MODEL or vllm:MODEL_OR_PATH"


@dataclass(frozen=True, slots=True)
class ModelName:
    """Who serves which model; ``base_url`` None is the provider's own address."""

    provider: str
    model: str
    base_url: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelName:
        """Raises :class:`InvalidSetting` for anything else than a model's name."""
        provider, colon, rest = text.partition(":")
        if not colon or provider not in PROVIDERS or not rest:
            raise InvalidSetting(f"{text!r} is no model", f"write {FORM}")
        found = _ADDRESS.search(rest)
        if found is None or provider == "vllm":
            return cls(provider, rest)
        model, url = rest[: found.start()], found[1]
        if not model:
            raise InvalidSetting(f"{text!r} names no model before its address", f"write {FORM}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSetting(f"{url!r} is no address of a server", "write http://host:port/v1")
        if parts.username or parts.password:
            raise InvalidSetting(
                "an address may hold no user name or password", "set the key in the environment"
            )
        return cls(provider, model, url.rstrip("/"))

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}" + (f"@{self.base_url}" if self.base_url else "")
