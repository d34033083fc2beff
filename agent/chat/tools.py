"""What may be done in a chat: tools by name, what they cost, and their results as bounded JSON.

A tool that costs names an :class:`Estimate`, and the chat asks before it runs it. Whatever goes
wrong in a tool is a result as well, with a code and a message, so that a conversation goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from core.errors import NeuroscribeError
from core.results import Record
from llms.protocol import Tool, ToolCall, schema_of

Data = dict[str, JsonValue]
LONGEST_RESULT = 12_000
"""Characters of one result: longer ones are thinned out."""
LEFT_OUT = "left_out"
"""The code of a result that made room for later ones."""
_LONGEST_ERROR = 600
_THINNER = ((2000, 24), (1000, 12), (400, 8), (120, 4))


class Estimate(Record):
    """What running a tool is likely to take: a sentence, and its figures."""

    said: str
    figures: dict[str, JsonValue] = Field(default_factory=dict)


def _free(_: Any) -> Estimate | None:
    return None


@dataclass(frozen=True, slots=True)
class ChatTool:
    """A function with a name and a form for its arguments.

    ``cost`` says what running it would take where that must be confirmed, else None. ``run``
    returns JSON; whatever in it may be cited stands under a key ``cite``. Both are called in
    another thread and may raise :class:`NeuroscribeError`.
    """

    name: str
    description: str
    arguments: type[Record]
    run: Callable[[Any], Data]
    cost: Callable[[Any], Estimate | None] = _free


class ToolRefused(Exception):
    """A call that cannot be run, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Toolbox:
    """The tools of a chat. Nothing that is not in here can be called."""

    def __init__(self, tools: Iterable[ChatTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    @property
    def names(self) -> tuple[str, ...]:
        """Every tool's name."""
        return tuple(self._tools)

    def offered(self) -> tuple[Tool, ...]:
        """The tools as a language model is told of them."""
        return tuple(
            Tool(name=t.name, description=t.description, parameters=schema_of(t.arguments))
            for t in self._tools.values()
        )

    def weigh(self, call: ToolCall) -> Estimate | None:
        """What a call would cost, None if it need not be confirmed; :class:`ToolRefused`."""
        tool, given = self._read(call)
        found: Estimate | None = _telling_errors(tool.cost, given)
        return found

    def run(self, call: ToolCall) -> Data:
        """What a call finds; :class:`ToolRefused`."""
        tool, given = self._read(call)
        found: Data = _telling_errors(tool.run, given)
        return found

    def _read(self, call: ToolCall) -> tuple[ChatTool, Record]:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            raise ToolRefused("unknown_tool", f"there is no tool {call.name!r}; tools: {known}")
        try:
            return tool, tool.arguments.model_validate(call.arguments)
        except NeuroscribeError as error:  # a name that is none, say
            raise ToolRefused(error.code, str(error)) from error
        except ValidationError as error:
            wrong = [
                f"{'.'.join(str(part) for part in e['loc']) or 'arguments'}: {e['msg']}"
                for e in error.errors(include_url=False, include_input=False)[:5]
            ]
            raise ToolRefused("bad_arguments", "; ".join(wrong)) from None


def _telling_errors(function: Callable[[Any], Any], given: Record) -> Any:
    try:
        return function(given)
    except NeuroscribeError as error:
        raise ToolRefused(error.code, str(error)) from error
    except Exception as error:
        # One tool's defect must not end a conversation; its name and message are told.
        said = (str(error).splitlines() or [""])[0]
        raise ToolRefused("internal", f"{type(error).__name__}: {said}") from error


def refusal(code: str, message: str) -> Data:
    """A call that was not run, as a result."""
    return {"error": {"code": code, "message": message[:_LONGEST_ERROR]}}


def bounded(data: Data, limit: int = LONGEST_RESULT) -> str:
    """``data`` as JSON of at most ``limit`` characters: long lists and texts lose their ends."""
    text = _json(data)
    for characters, items in _THINNER:
        if len(text) <= limit:
            return text
        text = _json(_thinned(data, characters, items))
    if len(text) <= limit:
        return text
    return _json(refusal("too_long", "the result is too long to be shown: ask for less"))


def cites(value: JsonValue) -> Iterator[str]:
    """Every citation that a result offers: strings under the key ``cite``, and only those."""
    if isinstance(value, list):
        for item in value:
            yield from cites(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "cite" and isinstance(item, str):
                yield item
            else:
                yield from cites(item)


def _json(data: JsonValue) -> str:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _thinned(value: JsonValue, characters: int, items: int) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= characters else value[:characters] + "…"
    if isinstance(value, list):
        kept = [_thinned(item, characters, items) for item in value[:items]]
        left = len(value) - len(kept)
        return [*kept, f"… and {left} more"] if left else kept
    if isinstance(value, dict):
        return {k: _thinned(v, characters, items) for k, v in value.items()}
    return value
