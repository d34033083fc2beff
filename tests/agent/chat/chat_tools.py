"""A small toolbox that notes what was run, and a room round it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.chat.graph import Room
from agent.chat.session import Chat
from agent.chat.speakers import ModelSpeaker, Speaker
from agent.chat.tools import ChatTool, Data, Estimate, Toolbox
from agent.checkpoints import checkpoints
from core.errors import NotStored
from core.results import Record
from llms.fake import FakeChatModel
from llms.protocol import ChatRequest, ChatResponse, TokenUsage, ToolCall

IN_STORE = ("score", "e9/simulation/corpus")


class Named(Record):
    unit: str


class Noting:
    """Tools ``look`` (free), ``explain`` (costs), ``broken``, ``missing`` and ``long``."""

    def __init__(self, text: str = "the cat") -> None:
        self.ran: list[tuple[str, str]] = []
        self.text = text

    def box(self) -> Toolbox:
        return Toolbox(
            [
                ChatTool("look", "Look at a unit.", Named, self._look),
                ChatTool(
                    "explain",
                    "Explain a unit.",
                    Named,
                    self._explain,
                    lambda _: Estimate(said="about 30 s", figures={"seconds": 30.0}),
                ),
                ChatTool("broken", "Fails.", Named, self._broken),
                ChatTool("missing", "Finds nothing.", Named, self._missing),
                ChatTool("long", "Says much.", Named, lambda _: {"words": ["x" * 3000] * 90}),
            ]
        )

    def _look(self, given: Named) -> Data:
        self.ran.append(("look", given.unit))
        return {
            "text": self.text,
            "scores": [{"value": 0.5, "cite": "[score e1/simulation/corpus]"}],
        }

    def _explain(self, given: Named) -> Data:
        self.ran.append(("explain", given.unit))
        return {"verdict": "explained", "cite": "[run f00d]"}

    def _broken(self, given: Named) -> Data:
        raise ZeroDivisionError("a secret\nof several lines")

    def _missing(self, given: Named) -> Data:
        raise NotStored(f"{given.unit!r} is not in the store", "explain it first")


def room(speaker: Speaker, tools: Noting) -> Room:
    return Room(speaker, tools.box(), lambda kind, id: (kind, id) == IN_STORE)


@asynccontextmanager
async def chat(path: Path, speaker: Speaker, tools: Noting) -> AsyncIterator[Chat]:
    async with checkpoints(str(path / "checkpoints.db")) as kept:
        yield Chat(kept, room(speaker, tools))


def says(*script: str | tuple[ToolCall, ...]) -> tuple[ModelSpeaker, FakeChatModel]:
    """A model that says or calls these, one after the other, and then the last again."""
    left = list(script)

    def answer(_: ChatRequest) -> str | ChatResponse:
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, str):
            return said
        return ChatResponse(model="fake", usage=TokenUsage(), text="", finish="tools", calls=said)

    model = FakeChatModel(answer)
    return ModelSpeaker(model), model


def call(name: str, unit: object = "demo/mlp.0/1", id: str = "c1") -> tuple[ToolCall, ...]:
    return (ToolCall(id=id, name=name, arguments={"unit": unit}),)  # type: ignore[dict-item]
