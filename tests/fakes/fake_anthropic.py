"""The questions of Anthropic's API: messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from fake_answers import Answer, Asked, Turn, compose, spoken
from fake_cache import PromptCache
from fake_faults import Fault, Rejected, too_long
from fake_model import SEPARATOR, TinyModel
from fake_schema import strict_fault
from fake_wire import Reply, anthropic_events

MOST_MARKS = 4
_STOP = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "refused": "refusal"}


def messages_prompt(model: TinyModel, body: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The tokens that a request is to the model, and where prefixes to be cached end."""
    ids = model.encode("", special=True)
    ends: list[int] = []
    for text, marked in _parts(body):
        ids += model.encode(text)
        if marked:
            ends.append(len(ids))
    return ids, ends


def _parts(body: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for tool in body.get("tools") or ():
        yield json.dumps(_plain(tool)), "cache_control" in tool
    for block in _blocks(body.get("system") or ""):
        yield block["text"], "cache_control" in block
    for message in body["messages"]:
        yield f"{SEPARATOR}{message['role']}\n", False
        for block in _blocks(message["content"]):
            is_text = block["type"] == "text"
            text = block["text"] if is_text else json.dumps(_plain(block))
            yield text, "cache_control" in block
    yield f"{SEPARATOR}assistant\n", False


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "cache_control"}


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def check_messages(body: dict[str, Any]) -> None:
    """Raise what Anthropic says about a request that it does not take."""
    if not body.get("max_tokens"):
        raise Rejected("invalid", "max_tokens: Field required")
    called: set[str] = set()
    for n, message in enumerate(body["messages"]):
        if message["role"] not in ("user", "assistant"):
            text = f"messages: Unexpected role {message['role']!r}. Use the `system` parameter."
            raise Rejected("invalid", text)
        if not message["content"]:
            raise Rejected("invalid", f"messages.{n}: all messages must have non-empty content")
        results = set()
        for block in _blocks(message["content"]):
            if block["type"] == "text" and not block["text"].strip():
                text = f"messages.{n}: text content blocks must contain non-whitespace text"
                raise Rejected("invalid", text)
            if block["type"] == "tool_result":
                results.add(block["tool_use_id"])
        if results - called:
            text = f"messages.{n}: unexpected `tool_use_id` found in `tool_result` blocks"
            raise Rejected("invalid", text)
        if called - results:
            text = f"messages.{n}: `tool_use` ids were found without `tool_result` blocks after"
            raise Rejected("invalid", text)
        blocks = _blocks(message["content"])
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
    marks = json.dumps(body).count('"cache_control": {')
    if marks > MOST_MARKS:
        text = f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {marks}"
        raise Rejected("invalid", text)
    schema = _schema(body)
    fault = None if schema is None else strict_fault(schema)
    if fault and "additionalProperties" in fault:
        raise Rejected("invalid", f"output_config.format.schema: {fault}")


def messages(
    model: TinyModel, cache: PromptCache, body: dict[str, Any], answer: Answer, fault: Fault | None
) -> Reply:
    """``POST /v1/messages``."""
    check_messages(body)
    prompt, ends = messages_prompt(model, body)
    if len(prompt) >= model.context:
        raise too_long("anthropic", len(prompt), model.context, "messages")
    limit = min(body["max_tokens"], model.context - len(prompt))
    turn = compose(model, Asked(prompt, limit, _schema(body), _forced_tool(body)), answer)
    read, written = cache.marked(prompt, ends)
    read = read if answer.cached_tokens is None else answer.cached_tokens
    usage = {
        "input_tokens": len(prompt) - read - written,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": turn.output_tokens(model),
    }
    head = {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_sequence": None,
    }
    content = [] if fault and fault.kind == "no_choices" else _content(turn)
    if body.get("stream"):
        return Reply(events=anthropic_events(_events(model, head, turn, content, usage)))
    return Reply(head | {"content": content, "stop_reason": _STOP[turn.finish], "usage": usage})


def _content(turn: Turn) -> list[dict[str, Any]]:
    said = [{"type": "text", "text": turn.text}] if turn.text else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in turn.calls
    ]
    return said + calls


def _events(
    model: TinyModel,
    head: dict[str, Any],
    turn: Turn,
    content: list[dict[str, Any]],
    usage: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    begun = usage | {"output_tokens": 1}
    started = head | {"content": [], "stop_reason": None, "usage": begun}
    yield {"type": "message_start", "message": started}
    yield {"type": "ping"}
    for n, block in enumerate(content):
        if block["type"] == "text":
            empty = block | {"text": ""}
            said = filter(None, spoken(model.pieces(turn.ids)))
            deltas = [{"type": "text_delta", "text": text} for text in said]
        else:
            empty = block | {"input": {}}
            words = json.dumps(block["input"])
            cuts = pairwise([*range(0, len(words), 7), len(words)])
            deltas = [
                {"type": "input_json_delta", "partial_json": words[begin:end]}
                for begin, end in cuts
            ]
        yield {"type": "content_block_start", "index": n, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": n, "delta": delta}
        yield {"type": "content_block_stop", "index": n}
    ended = {"stop_reason": _STOP[turn.finish], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    wanted = (body.get("output_config") or {}).get("format")
    return wanted["schema"] if wanted else None


def _forced_tool(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    choice = body.get("tool_choice") or {}
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or ()}
    if choice.get("type") == "tool":
        return choice["name"], tools[choice["name"]]
    if choice.get("type") == "any":
        return next(iter(tools.items()))
    return None
