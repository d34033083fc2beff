"""Anthropic's Messages API. It has no log-probabilities and takes no temperature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic

from core.errors import UnsupportedRequest
from llms.capabilities import check
from llms.names import ModelName
from llms.protocol import (
    Capability,
    ChatRequest,
    ChatResponse,
    Finish,
    Message,
    SlotRequest,
    SlotResponse,
    TokenUsage,
    ToolCall,
)
from llms.providers.http import from_status, unreachable, unusable

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "refused",
}


class AnthropicModel:
    """Chat through ``/v1/messages``, with structured output, tools and prompt caching."""

    def __init__(
        self,
        name: ModelName,
        capabilities: frozenset[Capability],
        key: str,
        *,
        timeout: float = 120.0,
        http_client: Any = None,
    ) -> None:
        self.model = name.model
        self._name = str(name)
        self._capabilities = capabilities
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=name.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http_client,
        )

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As declared."""
        return self._capabilities

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """One message."""
        check(self.name, self.capabilities, request)
        with self._translated():
            answer = await self._client.messages.create(**_asked(self.model, request))
        return self._response(answer)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """The same, piece by piece; tool calls come whole with the last item."""
        check(self.name, self.capabilities, request)
        with self._translated():
            async with self._client.messages.stream(**_asked(self.model, request)) as pieces:
                async for text in pieces.text_stream:
                    yield text
                answer = await pieces.get_final_message()
        yield self._response(answer)

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """Always :class:`UnsupportedRequest`."""
        raise UnsupportedRequest(
            f"{self.name!r} gives no log-probabilities", "choose the simulator indexed"
        )

    def _response(self, answer: Any) -> ChatResponse:
        parts = answer.content or []
        text = "".join(part.text for part in parts if part.type == "text")
        calls = tuple(
            ToolCall(id=part.id, name=part.name, arguments=dict(part.input))
            for part in parts
            if part.type == "tool_use"
        )
        finish = _FINISH.get(answer.stop_reason or "end_turn", "stop")
        if not text and not calls and finish == "stop":
            raise unusable(self.name, "it is empty")
        return ChatResponse(
            model=answer.model, usage=_usage(answer.usage), text=text, finish=finish, calls=calls
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The SDK's errors as ours."""
        try:
            yield
        except anthropic.APIStatusError as error:
            body = error.body if isinstance(error.body, dict) else {}
            told = body.get("error") if isinstance(body.get("error"), dict) else {}
            kind = str((told or {}).get("type", ""))
            raise from_status(
                self.name, error.status_code, error.message, kind, error.response.headers
            ) from error
        except anthropic.APIConnectionError as error:
            raise unreachable(self.name, error) from error
        except (anthropic.APIResponseValidationError, ValueError, AttributeError) as error:
            raise unusable(self.name, "it is no JSON of the expected form") from error
        except anthropic.AnthropicError as error:
            raise unusable(self.name, str(error)) from error


def _asked(model: str, request: ChatRequest) -> dict[str, Any]:
    system = [_block(m) for m in request.messages if m.role == "system"]
    asked: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "messages": _turns([m for m in request.messages if m.role != "system"]),
    }
    if system:
        asked["system"] = system
    if request.answer_schema is not None:
        asked["output_config"] = {
            "format": {"type": "json_schema", "schema": request.answer_schema}
        }
    if request.tools:
        asked["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": t.parameters}
            for t in request.tools
        ]
    return asked


def _turns(messages: list[Message]) -> list[dict[str, Any]]:
    """User and assistant in turn: the results of several tools belong in one user turn."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += _content(message)
        else:
            turns.append({"role": role, "content": _content(message)})
    return turns


def _content(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.call_id, "content": message.text}]
    blocks = [_block(message)] if message.text else []
    return blocks + [
        {"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments}
        for c in message.calls
    ]


def _block(message: Message) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": message.text}
    if message.cached:
        block["cache_control"] = {"type": "ephemeral"}
    return block


def _usage(usage: Any) -> TokenUsage:
    """Anthropic counts cached tokens beside the input: here they are part of it."""
    read = getattr(usage, "cache_read_input_tokens", None) or 0
    wrote = getattr(usage, "cache_creation_input_tokens", None) or 0
    return TokenUsage(
        input_tokens=usage.input_tokens + read + wrote,
        cached_tokens=read,
        cache_write_tokens=wrote,
        output_tokens=usage.output_tokens,
    )
