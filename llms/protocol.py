"""What can be asked of a language model and what comes back, whoever serves it.

Two questions exist. A :class:`ChatRequest` asks for an answer, possibly as JSON of a given schema,
with tools, or with the probabilities of the first token. A :class:`SlotRequest` asks what the model
expects at places inside a given text. Everything is frozen and serialises to JSON, because the hash
of a request is its name in the cache.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import Field, JsonValue, model_validator

from core.hashing import fingerprint
from core.results import Finite, Record

Role = Literal["explainer", "simulator", "rater", "agent", "chat"]
Capability = Literal[
    "chat", "schema", "token_logprobs", "slots", "tools", "streaming", "temperature"
]
Finish = Literal["stop", "length", "tools", "refused"]


class ToolCall(Record):
    """A tool the model wants run. ``arguments`` is the parsed JSON object."""

    id: str
    name: str
    arguments: dict[str, JsonValue]


class Message(Record):
    """One turn. A ``tool`` message answers the call ``call_id``; an assistant's may hold calls.

    ``cached`` marks the end of a prefix that later requests share (prompt caching).
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    cached: bool = False


class Tool(Record):
    """A function that the model may ask for; ``parameters`` is the JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


class _Request(Record):
    """``sample`` tells repeated draws of one request apart; ``role`` says who spends.

    ``prompt`` is the id, version and hash of the template that the text was made from.
    """

    role: Role
    prompt: str | None = None
    sample: int = 0
    temperature: Finite | None = None
    seed: int | None = None

    def key(self, model: str) -> str:
        """The name of this request to ``model`` in the cache."""
        return fingerprint([type(self).__name__, model, self.model_dump(mode="json")])


class ChatRequest(_Request):
    """A conversation to go on with, ``max_tokens`` at most.

    ``answer_name`` and ``answer_schema`` ask for JSON of that schema; ``top_logprobs`` for that
    many alternatives of the first token.
    """

    messages: tuple[Message, ...] = Field(min_length=1)
    max_tokens: int = Field(default=1024, ge=1)
    answer_name: str | None = None
    answer_schema: dict[str, JsonValue] | None = None
    tools: tuple[Tool, ...] = ()
    top_logprobs: int = Field(default=0, ge=0, le=20)

    @model_validator(mode="after")
    def _named_schema(self) -> Self:
        if (self.answer_name is None) != (self.answer_schema is None):
            raise ValueError("a schema has a name and a name has a schema")
        return self

    def needs(self) -> set[Capability]:
        """What a model must be able to do to answer this."""
        wanted: set[Capability] = {"chat"}
        if self.answer_schema is not None:
            wanted.add("schema")
        if self.tools or any(m.calls or m.role == "tool" for m in self.messages):
            wanted.add("tools")
        if self.top_logprobs:
            wanted.add("token_logprobs")
        if self.temperature is not None:
            wanted.add("temperature")
        return wanted


class SlotRequest(_Request):
    """A text in ``segments`` and what stands at the end of each: which of ``candidates``?

    After every segment but the last stands one slot, filled with ``filler`` in the text. Each
    candidate must be one token wherever it can stand; digits are.
    """

    segments: tuple[str, ...] = Field(min_length=2)
    filler: str
    candidates: tuple[str, ...] = Field(min_length=1)
    top: int = Field(default=20, ge=1)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.filler.join(self.segments)

    def needs(self) -> set[Capability]:
        """What a model must be able to do to answer this."""
        return {"slots"}


Request = ChatRequest | SlotRequest


class TokenUsage(Record):
    """Tokens of one answered request.

    ``input_tokens`` counts every token of the prompt; ``cached_tokens`` of them were read from the
    provider's cache and ``cache_write_tokens`` were written to it. ``reasoning_tokens`` are part of
    ``output_tokens``.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class _Response(Record):
    """``model`` is what the server says answered; ``attempts`` counts requests, failed ones too.

    ``cached`` answers came from the store: nothing was asked of anybody and nothing spent.
    """

    model: str
    usage: TokenUsage
    usd: Finite | None = None
    attempts: int = 1
    cached: bool = False


class ChatResponse(_Response):
    """What the model said. ``first_token`` holds alternatives of the first token: text, log p."""

    kind: Literal["chat"] = "chat"
    text: str
    finish: Finish
    calls: tuple[ToolCall, ...] = ()
    first_token: tuple[tuple[str, Finite], ...] = ()


class SlotResponse(_Response):
    """For each slot the log-probabilities of the candidates that the server returned.

    ``slots[i]`` is empty where the server's answer cannot be aligned with slot ``i``.
    """

    kind: Literal["slots"] = "slots"
    slots: tuple[dict[str, Finite], ...]


Response = ChatResponse | SlotResponse
AnyResponse = Annotated[Response, Field(discriminator="kind")]


class Model(Protocol):
    """A language model, or a wrapper around one. Safe for concurrent callers of one event loop.

    Raises the :class:`core.errors.ModelError` tree. A refusal is an answer (``finish``), not an
    error.
    """

    @property
    def name(self) -> str:
        """As the user wrote it: ``provider:model`` or ``provider:model@base_url``."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What may be asked; anything else raises ``UnsupportedRequest`` before any request."""
        ...

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """Answer a conversation."""
        ...

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """Read what is expected at the slots of a text."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """Pieces of text as they come, and at the end the whole answer."""
        ...

    async def close(self) -> None:
        """Give back connections and memory."""
        ...


def schema_of(model: type[Record]) -> dict[str, Any]:
    """The strict JSON schema of a record, as both providers take it."""
    strict: dict[str, Any] = _strict(model.model_json_schema())
    return strict


def _strict(schema: Any) -> Any:
    """Every object closed and every property required; titles and defaults left out."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: _strict(v) for k, v in schema.items() if k not in ("title", "default")}
    if kept.get("type") == "object" and "properties" in kept:
        kept["properties"] = {k: _strict(v) for k, v in schema["properties"].items()}
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept
