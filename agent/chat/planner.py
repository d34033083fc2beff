"""The speaker that needs no language model: one request, one tool, one answer in figures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.chat.phrases import CANNOT, HELP, NotUnderstood, spoken_of, understood, wants_help
from agent.chat.speakers import Hear, Spoken
from agent.chat.telling import tell
from llms.protocol import Message, Tool, ToolCall


class Planner:
    """Maps what the user says to a tool, and what the tool returned to sentences."""

    repairs = False

    async def say(
        self, messages: Sequence[Message], tools: tuple[Tool, ...], hear: Hear | None
    ) -> Spoken:
        """A call of a tool for a request, an answer for a result."""
        at = max(i for i, m in enumerate(messages) if m.role == "user")
        results = {m.call_id: m.text for m in messages[at:] if m.role == "tool"}
        calls = [call for m in messages[at:] for call in m.calls]
        if calls:
            told = [tell(c.name, c.arguments, json.loads(results[c.id])) for c in calls]
            return _heard("\n\n".join(told), hear)
        text = messages[at].text
        if wants_help(text):
            return _heard(HELP, hear)
        try:
            request = understood(text, _spoken_of(messages[:at]))
        except NotUnderstood as error:
            return _heard(str(error), hear)
        if request is None or request.tool not in {tool.name for tool in tools}:
            return _heard(CANNOT, hear)
        call = ToolCall(id=f"call-{at}", name=request.tool, arguments=request.arguments)
        return Spoken("", (call,))


def _heard(text: str, hear: Hear | None) -> Spoken:
    if hear is not None:
        hear(text)
    return Spoken(text)


def _spoken_of(messages: Sequence[Message]) -> str | None:
    """The unit that the user spoke of last."""
    for message in reversed(messages):
        found = spoken_of(message.text) if message.role == "user" else None
        if found is not None:
            return found
    return None
