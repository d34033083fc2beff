"""What both SDKs' errors mean: shared by the HTTP providers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.errors import (
    AnswerUnusable,
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelUnavailable,
    RequestRejected,
    UnknownModel,
)
from llms.names import KEYS

_TOO_LONG = ("context_length", "context length", "too long", "maximum context", "max_tokens")
_KEY = re.compile(r"\bsk-[\w-]{8,}")
_MAY_PASS = (408, 409, 425, 429)


def from_status(
    model: str, status: int, message: str, code: str, headers: Mapping[str, str]
) -> ModelError:
    """The error that an HTTP status and the provider's own code and message stand for."""
    said = f"{model!r}: the server answered {status}: {_one_line(message)}"
    told = headers.get("x-should-retry", "").lower()
    again = told == "true" or (told != "false" and (status in _MAY_PASS or status >= 500))
    if status == 401 or status == 403:
        return ModelKeyRefused(said, "check the API key")
    if status == 404:
        return UnknownModel(said, "check the model's name and the address")
    if status == 429 and "insufficient_quota" in (code, message):
        return ModelUnavailable(said, "the account has no credit left")
    if status in (429, 529):
        return ModelUnavailable(
            said, "ask less at once or later", rate_limited=again, retry_after=_wait(headers)
        )
    if again:
        return ModelUnavailable(said, "try again later", transient=True, retry_after=_wait(headers))
    if status >= 500:
        return ModelUnavailable(said, "the server asks not to be asked again")
    if any(mark in f"{code} {message}".lower() for mark in _TOO_LONG) and status in (400, 413, 422):
        return ContextTooLong(said, "give fewer or shorter excerpts")
    return RequestRejected(said, "see neuroscribe llm log for the request")


def unreachable(model: str, error: Exception) -> ModelError:
    """No answer: connection refused, reset, timed out."""
    reason = _one_line(str(error.__cause__ or error)) or type(error).__name__
    return ModelUnavailable(
        f"{model!r} cannot be reached: {reason}", "check the address", transient=True
    )


def unusable(model: str, what: str) -> ModelError:
    """An answer that cannot be read. It may have been an accident, so asking again is allowed."""
    return AnswerUnusable(f"{model!r} gave an unusable answer: {what}", transient=True)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server says: ``retry-after-ms``, or ``retry-after`` in either form."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        told = headers.get("retry-after", "")
        try:
            return float(told)
        except ValueError:
            return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _one_line(text: str) -> str:
    """The beginning of a server's message, without the API key that some servers repeat."""
    for variable in KEYS.values():
        if key := os.environ.get(variable):
            text = text.replace(key, "***")
    return " ".join(_KEY.sub("***", text).split())[:200]
