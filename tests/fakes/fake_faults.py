"""What can go wrong on demand, and errors in the words of each provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Provider = Literal["openai", "anthropic"]
Kind = Literal[
    "rate_limit",  # 429, with ``retry_after`` seconds
    "quota",  # OpenAI: 429 insufficient_quota; Anthropic: 402 billing_error
    "server_error",  # 500
    "overloaded",  # OpenAI: 503; Anthropic: 529
    "timeout",  # 408
    "too_long",  # 400: the context length is exceeded
    "gateway",  # 502 with a page of HTML
    "reset",  # the connection is closed without an answer
    "slow",  # ``delay`` seconds before the first byte
    "stall",  # ``delay`` seconds in the middle of a stream
    "cut",  # half of the JSON, or of the stream, as if that were all
    "dropped",  # half of the answer, then the connection is closed
    "stream_error",  # a stream that ends in an error event
    "wrong_schema",  # JSON, or tool arguments, that fit no schema
    "refusal",  # the model declines
    "empty",  # the answer has no text
    "no_choices",  # the answer has no choices
    "lost_logprobs",  # ``lost`` positions have no log-probabilities
]


@dataclass(frozen=True)
class Fault:
    """Something to go wrong with one request.

    ``retry_after`` and ``should_retry`` become the headers ``Retry-After`` and ``x-should-retry``
    of an error.
    """

    kind: Kind
    retry_after: float | None = None
    should_retry: bool | None = None
    delay: float = 0.0
    lost: int = 1

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        found = {}
        if self.retry_after is not None:
            found["retry-after"] = f"{self.retry_after:g}"
        if self.should_retry is not None:
            found["x-should-retry"] = str(self.should_retry).lower()
        return found


class Rejected(Exception):
    """A request that gets an error: its name in ``ERRORS`` and what to say."""

    def __init__(self, name: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.name, self.message, self.param = name, message, param


@dataclass(frozen=True)
class Shape:
    """Status, type and code of an OpenAI error; status and type of the Anthropic one."""

    openai: tuple[int, str, str | None]
    anthropic: tuple[int, str]
    message: str = ""


_INVALID = "invalid_request_error"
ERRORS = {
    "rate_limit": Shape(
        (429, "requests", "rate_limit_exceeded"), (429, "rate_limit_error"), "Rate limit reached."
    ),
    "quota": Shape(
        (429, "insufficient_quota", "insufficient_quota"),
        (402, "billing_error"),
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "server_error": Shape(
        (500, "server_error", None), (500, "api_error"), "The server had an error."
    ),
    "overloaded": Shape((503, "server_error", None), (529, "overloaded_error"), "Overloaded"),
    "timeout": Shape(
        (408, "timeout", "request_timeout"), (408, "timeout_error"), "The request timed out."
    ),
    "too_long": Shape((400, _INVALID, "context_length_exceeded"), (400, _INVALID)),
    "no_key": Shape((401, _INVALID, "invalid_api_key"), (401, "authentication_error")),
    "no_model": Shape((404, _INVALID, "model_not_found"), (404, "not_found_error")),
    "no_path": Shape((404, _INVALID, "unknown_url"), (404, "not_found_error")),
    "unsupported": Shape((400, _INVALID, "unsupported_parameter"), (400, _INVALID)),
    "invalid": Shape((400, _INVALID, None), (400, _INVALID)),
    "bug": Shape((500, "server_error", "script_failed"), (500, "api_error")),
}


def error(provider: Provider, rejected: Rejected) -> tuple[int, dict[str, Any]]:
    """The status and the body of an error."""
    shape = ERRORS[rejected.name]
    message = rejected.message or shape.message
    if provider == "anthropic":
        status, type = shape.anthropic
        problem = {"type": type, "message": message}
        return status, {"type": "error", "error": problem, "request_id": "req_fake"}
    status, type, code = shape.openai
    problem = {"message": message, "type": type, "param": rejected.param, "code": code}
    return status, {"error": problem}


def too_long(provider: Provider, tokens: int, most: int, param: str) -> Rejected:
    """The request has more tokens than fit."""
    if provider == "anthropic":
        return Rejected("too_long", f"prompt is too long: {tokens} tokens > {most} maximum")
    return Rejected(
        "too_long",
        f"This model's maximum context length is {most} tokens. However, your {param} resulted "
        f"in {tokens} tokens. Please reduce the length of the {param}.",
        param,
    )
