"""Who answers in a chat: anything that sees the conversation and says something or calls tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import ModelError
from llms.protocol import ChatRequest, ChatResponse, Message, Model, Tool, ToolCall
from prompts import load

PROMPT = "chat"
MOST_MESSAGES = 80
_LONGEST_ANSWER = 1500

Hear = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said: text, calls of tools, or both. ``note`` is what a reader has to know of it."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    note: str = ""


class Speaker(Protocol):
    """Answers a conversation. Raises the errors of language models and of budgets."""

    @property
    def repairs(self) -> bool:
        """Whether it can be asked to write an answer again."""
        ...

    async def say(
        self, messages: Sequence[Message], tools: tuple[Tool, ...], hear: Hear | None
    ) -> Spoken:
        """The next thing to say; ``hear`` gets pieces of text as they come."""
        ...


class ModelSpeaker:
    """A language model. It answers in pieces only if it can and somebody hears them.

    Text in results of tools is data: it stands in ``tool`` messages, and nothing that it says can
    call anything, because only the model's own calls of offered tools are run.
    """

    repairs = True

    def __init__(self, model: Model, *, streams: bool = True) -> None:
        self._model = model
        self._streams = streams and "streaming" in model.capabilities
        prompt = load(PROMPT)
        self._label = prompt.label
        turns = prompt.render({"form": "[score e1f/simulation/corpus]"})
        self._system = tuple(
            Message(role="system", text=turn.text, cached=turn.cached) for turn in turns
        )

    async def say(
        self, messages: Sequence[Message], tools: tuple[Tool, ...], hear: Hear | None
    ) -> Spoken:
        """One request; a stream that fails before its first word is asked again as a whole."""
        request = ChatRequest(
            role="chat",
            prompt=self._label,
            messages=(*self._system, *_recent(messages)),
            max_tokens=_LONGEST_ANSWER,
            tools=tools,
        )
        if hear is None or not self._streams:
            return _spoken(await self._model.chat(request))
        heard = False
        try:
            async for piece in self._model.stream(request):
                if isinstance(piece, ChatResponse):
                    return _spoken(piece)
                heard = True
                hear(piece)
        except ModelError as error:
            if heard or not error.transient:
                raise
        return _spoken(await self._model.chat(request))


def _spoken(answer: ChatResponse) -> Spoken:
    match answer.finish:
        case "refused":
            said = answer.text.strip() or "It gave no reason."
            return Spoken(said, note="the language model declined to answer")
        case "length":
            return Spoken(answer.text, note="the answer was cut off at its longest")
    return Spoken(answer.text, answer.calls)


def _recent(messages: Sequence[Message]) -> list[Message]:
    """The last messages, from something the user said on."""
    start = max(0, len(messages) - MOST_MESSAGES)
    while start > 0 and messages[start].role != "user":
        start -= 1
    return list(messages[start:])
