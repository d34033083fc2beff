"""A conversation as people read it: what was said, what was called, what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from agent.chat.tools import LEFT_OUT, cites
from core.results import Record
from llms.protocol import Message


class Said(Record):
    """One thing in a conversation.

    ``user`` and ``assistant`` say ``text``. ``tool`` is a call of ``tool`` with ``arguments``:
    ``text`` is its result as JSON, empty as long as there is none, ``error`` the code of one that
    failed, and ``cites`` the citations that it offered. Long results of earlier questions are not
    kept.
    """

    role: Literal["user", "assistant", "tool"]
    text: str
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    error: str | None = None
    cites: tuple[str, ...] = ()


def transcript(messages: Sequence[Message]) -> list[Said]:
    """Everything in order; each call stands where it was made, with its result."""
    results = {m.call_id: m.text for m in messages if m.role == "tool"}
    return [said for message in messages for said in _of(message, results)]


def _of(message: Message, results: dict[str | None, str]) -> Iterable[Said]:
    if message.role == "user":
        yield Said(role="user", text=message.text)
    if message.role != "assistant":
        return
    if message.text:
        yield Said(role="assistant", text=message.text)
    for call in message.calls:
        result = results.get(call.id, "")
        data = json.loads(result) if result else {}
        failed = data.get("error")
        code = failed.get("code") if isinstance(failed, dict) else None
        yield Said(
            role="tool",
            text=result,
            tool=call.name,
            arguments=dict(call.arguments),
            error=None if code == LEFT_OUT else code,
            cites=tuple(cites(data)),
        )
