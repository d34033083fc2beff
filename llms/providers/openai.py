"""OpenAI and every server that speaks its API (``vllm serve`` among them)."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import openai

from core.errors import RequestRejected, UnknownModel, UnsupportedRequest
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
from llms.providers.slots import from_echo, from_prompt_logprobs, laid_out

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "refused",
}
_CONNECTIONS = 1024


class OpenAIModel:
    """Chat through ``/chat/completions``, slots through ``/completions``.

    Slots are read in one of two ways, found out at the first request. A server with ``/tokenize``
    gets token IDs and gives log-probabilities by ID: exact for any tokenizer. Any other must echo
    the prompt with its offsets.
    """

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
        self._own_address = name.base_url is not None
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=name.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http_client
            or openai.DefaultAsyncHttpxClient(limits=_limits(), timeout=timeout),
        )
        self._ids: dict[tuple[str, bool], asyncio.Task[tuple[int, ...]]] = {}
        self._tokenizes: bool | None = None

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
        """One chat completion."""
        check(self.name, self.capabilities, request)
        with self._translated():
            answer = await self._client.chat.completions.create(**self._asked(request))
        return self._chat_response(answer)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """The same, piece by piece; tool calls come whole with the last item."""
        check(self.name, self.capabilities | {"chat"}, request)
        text, finish, model, usage = "", "stop", self.model, TokenUsage()
        calls: dict[int, dict[str, str]] = {}
        with self._translated():
            pieces = await self._client.chat.completions.create(
                **self._asked(request), stream=True, stream_options={"include_usage": True}
            )
            async for piece in pieces:
                model = piece.model or model
                usage = _usage(piece.usage) if piece.usage else usage
                for choice in piece.choices[:1]:
                    finish = choice.finish_reason or finish
                    if choice.delta.content:
                        text += choice.delta.content
                        yield choice.delta.content
                    for part in choice.delta.tool_calls or ():
                        call = calls.setdefault(part.index, {"id": "", "name": "", "json": ""})
                        call["id"] = part.id or call["id"]
                        if part.function:
                            call["name"] += part.function.name or ""
                            call["json"] += part.function.arguments or ""
        yield ChatResponse(
            model=model,
            usage=usage,
            text=text,
            finish=_FINISH.get(finish, "stop"),
            calls=tuple(self._call(c["id"], c["name"], c["json"]) for c in calls.values()),
        )

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """One completion of at most one token, for what it says about the prompt."""
        check(self.name, self.capabilities, request)
        if self._tokenizes is None:
            self._tokenizes = await self._can_tokenize()
        if self._tokenizes:
            return await self._slots_by_id(request)
        return await self._slots_by_echo(request)

    async def _slots_by_id(self, request: SlotRequest) -> SlotResponse:
        pieces = dict.fromkeys([*request.segments, request.filler, *request.candidates])
        ids = dict(
            zip(pieces, await asyncio.gather(*(self._encode(p) for p in pieces)), strict=True)
        )
        plain, marked = await self._encode("0"), await self._encode("0", special=True)
        start = marked[: len(marked) - len(plain)] if marked[-len(plain) :] == plain else ()
        prompt, places = laid_out(request, ids, start)
        with self._translated():
            answer = await self._client.completions.create(
                model=self.model,
                prompt=prompt,
                max_tokens=1,
                temperature=0.0,
                extra_body={"prompt_logprobs": request.top},
            )
        choice = self._first(answer.choices)
        told = getattr(choice, "prompt_logprobs", None) or getattr(answer, "prompt_logprobs", None)
        if told is None:
            raise UnsupportedRequest(
                f"{self.name!r} returns no log-probabilities of the prompt",
                "choose the simulator token-by-token or indexed",
            )
        candidates = {c: ids[c] for c in request.candidates}
        found = from_prompt_logprobs(told, len(prompt), places, candidates)
        return SlotResponse(model=answer.model, usage=_usage(answer.usage), slots=tuple(found))

    async def _slots_by_echo(self, request: SlotRequest) -> SlotResponse:
        with self._translated():
            answer = await self._client.completions.create(
                model=self.model,
                prompt=request.text,
                max_tokens=1,
                temperature=0.0,
                echo=True,
                logprobs=request.top,
            )
        told = self._first(answer.choices).logprobs
        if told is None or not told.top_logprobs or not told.text_offset:
            raise UnsupportedRequest(
                f"{self.name!r} does not echo log-probabilities",
                "choose the simulator token-by-token or indexed",
            )
        found = from_echo(told.text_offset, told.top_logprobs, request)
        return SlotResponse(model=answer.model, usage=_usage(answer.usage), slots=tuple(found))

    async def _can_tokenize(self) -> bool:
        if not self._own_address:
            return False
        try:
            await self._encode("0")
        except (RequestRejected, UnknownModel):
            return False
        return True

    async def _encode(self, piece: str, special: bool = False) -> tuple[int, ...]:
        """Token IDs of one piece of text, asked for once."""
        if not piece:
            return ()
        key = (piece, special)
        if key not in self._ids:
            self._ids[key] = asyncio.create_task(self._ask_ids(piece, special))
        try:
            return await asyncio.shield(self._ids[key])
        except BaseException:
            if self._ids.get(key) is not None and self._ids[key].done():
                del self._ids[key]
            raise

    async def _ask_ids(self, piece: str, special: bool) -> tuple[int, ...]:
        root = str(self._client.base_url).rstrip("/").removesuffix("/v1")
        with self._translated():
            answer: Any = await self._client.post(
                f"{root}/tokenize",
                cast_to=object,
                body={"model": self.model, "prompt": piece, "add_special_tokens": special},
            )
        try:
            return tuple(int(i) for i in answer["tokens"])
        except (TypeError, KeyError, ValueError) as error:
            raise unusable(self.name, "/tokenize gave no tokens") from error

    def _asked(self, request: ChatRequest) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [_message(m) for m in request.messages],
            # vLLM and other servers know the older name only.
            "max_tokens" if self._own_address else "max_completion_tokens": request.max_tokens,
        }
        if request.temperature is not None:
            asked["temperature"] = request.temperature
        if request.seed is not None:
            asked["seed"] = request.seed + request.sample
        if request.answer_schema is not None:
            asked["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": request.answer_name,
                    "schema": request.answer_schema,
                    "strict": True,
                },
            }
        if request.tools:
            asked["tools"] = [
                {"type": "function", "function": tool.model_dump(mode="json")}
                for tool in request.tools
            ]
        if request.top_logprobs:
            asked |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        return asked

    def _chat_response(self, answer: Any) -> ChatResponse:
        choice = self._first(answer.choices)
        said = choice.message
        refused = bool(getattr(said, "refusal", None))
        calls = tuple(
            self._call(c.id, c.function.name, c.function.arguments) for c in said.tool_calls or ()
        )
        finish = "refused" if refused else _FINISH.get(choice.finish_reason, "stop")
        text = (said.refusal if refused else said.content) or ""
        if not text and not calls and finish == "stop":
            raise unusable(self.name, "it is empty")
        first: tuple[tuple[str, float], ...] = ()
        if choice.logprobs and choice.logprobs.content:
            listed = choice.logprobs.content[0].top_logprobs
            first = tuple((t.token, t.logprob) for t in listed if math.isfinite(t.logprob))
        return ChatResponse(
            model=answer.model,
            usage=_usage(answer.usage),
            text=text,
            finish=finish,
            calls=calls,
            first_token=first,
        )

    def _call(self, id: str, name: str, arguments: str) -> ToolCall:
        try:
            parsed = json.loads(arguments or "{}")
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise unusable(self.name, f"the arguments of tool {name!r} are no JSON object")
        return ToolCall(id=id, name=name, arguments=parsed)

    def _first(self, choices: Any) -> Any:
        if not choices:
            raise unusable(self.name, "it holds no choices")
        return choices[0]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The SDK's errors as ours."""
        try:
            yield
        except openai.APIStatusError as error:
            raise from_status(
                self.name,
                error.status_code,
                error.message,
                error.code or "",
                error.response.headers,
            ) from error
        except openai.APIConnectionError as error:
            raise unreachable(self.name, error) from error
        except (openai.APIResponseValidationError, ValueError) as error:
            raise unusable(self.name, "it is no JSON of the expected form") from error
        except openai.APIError as error:
            raise unusable(self.name, error.message) from error


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    sent: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in message.calls
        ]
    return sent


def _usage(usage: Any) -> TokenUsage:
    """OpenAI counts cached tokens among the input already."""
    if usage is None:
        return TokenUsage()
    read = getattr(usage, "prompt_tokens_details", None)
    wrote = getattr(usage, "completion_tokens_details", None)
    return TokenUsage(
        input_tokens=usage.prompt_tokens or 0,
        cached_tokens=getattr(read, "cached_tokens", None) or 0,
        output_tokens=usage.completion_tokens or 0,
        reasoning_tokens=getattr(wrote, "reasoning_tokens", None) or 0,
    )


def _limits() -> Any:
    """As many connections as the gate lets through: it alone limits."""
    import httpx2

    return httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
