"""From a model's name to a model with everything around it. Keys come from the environment only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ModelKeyMissing, UnsupportedRequest
from llms.budget import Budget
from llms.capabilities import capabilities_of
from llms.names import KEYS, ModelName
from llms.prices import price_of
from llms.protocol import Model
from llms.wrappers.limits import Gate, Limits
from llms.wrappers.record import Record, Recorder
from llms.wrappers.retry import Retry
from llms.wrappers.spend import Spend

FORBID = "NEUROSCRIBE_FORBID_REMOTE_MODELS"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Options:
    """How models are asked. ``reuse`` False asks anew whatever the record holds."""

    concurrency: int = 16
    timeout: float = 120.0
    attempts: int = 6
    first_wait: float = 1.0
    reuse: bool = True
    run: str | None = None
    capabilities: Mapping[str, list[str]] = field(default_factory=dict)
    prices: Path | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)


def open_model(name: str, recorder: Recorder, budget: Budget, options: Options) -> Model:
    """The model, recorded, within the budget, retried and limited; raises as :func:`shared`."""
    model = shared(name, budget, options)
    return Record(model, recorder, run=options.run, reuse=options.reuse)


def shared(name: str, budget: Budget, options: Options) -> Model:
    """The model within the budget, retried and limited: all that runs at one time share.

    Each puts a record of its own round it. Raises :class:`InvalidSetting` for a bad name or an
    unknown price under a money budget, :class:`ModelKeyMissing`, :class:`MissingExtra`; nothing is
    sent anywhere yet.
    """
    named = ModelName.parse(name)
    model: Model = Limits(provider(named, options), Gate(options.concurrency))
    model = Retry(model, attempts=options.attempts, first_wait=options.first_wait)
    return Spend(model, budget, price_of(named, options.prices))


def provider(named: ModelName, options: Options) -> Model:
    """The bare provider of a model."""
    held = capabilities_of(named, options.capabilities)
    if named.provider == "vllm":
        from llms.providers.vllm import VllmModel

        return VllmModel(named, held, dict(options.engine))
    _check_allowed(named)
    key = os.environ.get(KEYS[named.provider], "")
    if not key:
        if named.base_url is None:
            raise ModelKeyMissing(f"{str(named)!r} needs an API key", f"set {KEYS[named.provider]}")
        key = "none"  # servers of one's own often want none
    if named.provider == "openai":
        from llms.providers.openai import OpenAIModel

        return OpenAIModel(named, held, key, timeout=options.timeout)
    from llms.providers.anthropic import AnthropicModel

    return AnthropicModel(named, held, key, timeout=options.timeout)


def _check_allowed(named: ModelName) -> None:
    """The switch that keeps a test suite from ever asking a real provider."""
    if not os.environ.get(FORBID):
        return
    from urllib.parse import urlsplit

    host = urlsplit(named.base_url or "").hostname
    if host not in _LOOPBACK:
        raise UnsupportedRequest(f"{FORBID} is set: {str(named)!r} may not be asked", "unset it")
