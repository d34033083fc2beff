"""The questions of OpenAI's API, and of vLLM's: chat, completions, tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from fake_answers import Answer, Asked, Turn, best, compose, expected, finite, spoken
from fake_cache import PromptCache
from fake_faults import Fault, Rejected, too_long
from fake_model import SEPARATOR, Piece, TinyModel
from fake_schema import strict_fault
from fake_wire import Reply, openai_events
from torch import Tensor

MOST_LOGPROBS = 20
_FINISH = {"stop": "stop", "length": "length", "tools": "tool_calls", "refused": "stop"}
_HEAD = {"id": "chatcmpl-fake", "created": 1_700_000_000, "system_fingerprint": "fp_fake"}


def chat_prompt(model: TinyModel, body: dict[str, Any]) -> list[int]:
    """The tokens that a chat request is to the model."""
    parts = [json.dumps(body["tools"])] if body.get("tools") else []
    for message in body["messages"]:
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = "".join(part["text"] for part in content)
        calls = json.dumps(message["tool_calls"]) if message.get("tool_calls") else ""
        parts.append(f"{message['role']}\n{content}{calls}\n")
    text = SEPARATOR.join(["", *parts, "assistant\n"])
    return model.encode(text, special=True)


def check_chat(body: dict[str, Any]) -> None:
    """Raise what OpenAI says about a chat request that it does not take."""
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise Rejected("invalid", "'logprobs' must be true with 'top_logprobs'.", "top_logprobs")
    if (body.get("top_logprobs") or 0) > MOST_LOGPROBS:
        raise Rejected("invalid", "Invalid value for 'top_logprobs': above 20.", "top_logprobs")
    called: set[str] = set()
    for message in body["messages"]:
        if message["role"] == "tool" and message["tool_call_id"] not in called:
            raise Rejected(
                "invalid",
                "Messages with role 'tool' must be a response to a preceding 'tool_calls'.",
                "messages",
            )
        called |= {call["id"] for call in message.get("tool_calls") or ()}
    wanted = (body.get("response_format") or {}).get("json_schema")
    if wanted is None:
        return
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wanted["name"]):
        raise Rejected("invalid", "Invalid 'response_format.json_schema.name'.", "response_format")
    fault = strict_fault(wanted["schema"]) if wanted.get("strict") else None
    if fault:
        text = f"Invalid schema for response_format '{wanted['name']}': {fault}"
        raise Rejected("invalid", text, "response_format")


def chat(
    model: TinyModel, cache: PromptCache, body: dict[str, Any], answer: Answer, fault: Fault | None
) -> Reply:
    """``POST /v1/chat/completions``."""
    check_chat(body)
    prompt = chat_prompt(model, body)
    if len(prompt) >= model.context:
        raise too_long("openai", len(prompt), model.context, "messages")
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    room = min(limit or model.context, model.context - len(prompt))
    asked = Asked(prompt, room, wanted.get("schema"), _forced_tool(body))
    turn = compose(model, asked, answer)
    usage = _usage(model, cache, turn, answer)
    logprobs = None
    if body.get("logprobs"):
        rows = expected(model, turn, answer)[len(prompt) - 1 :]
        logprobs = _chat_logprobs(model, turn.ids, rows, body.get("top_logprobs") or 0)
        if fault and fault.kind == "lost_logprobs":
            logprobs = _without(logprobs, fault.lost)
    if body.get("stream"):
        chunks = _chunks(model, body, turn, logprobs, usage)
        return Reply(events=openai_events(chunks))
    message: dict[str, Any] = {
        "role": "assistant",
        "content": turn.text if turn.text or not (turn.calls or turn.refusal) else None,
        "refusal": turn.refusal,
    }
    if turn.calls:
        message["tool_calls"] = _calls(turn)
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": _FINISH[turn.finish],
        "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
    }
    kept = [] if fault and fault.kind == "no_choices" else [choice]
    head = _HEAD | {"object": "chat.completion", "model": body["model"]}
    return Reply(head | {"choices": kept, "usage": usage})


def completion(
    model: TinyModel, cache: PromptCache, body: dict[str, Any], answer: Answer, fault: Fault | None
) -> Reply:
    """``POST /v1/completions``."""
    if body.get("stream"):
        raise Rejected("unsupported", "Streaming of completions is not supported.", "stream")
    for name in ("logprobs", "prompt_logprobs"):
        if (body.get(name) or 0) > MOST_LOGPROBS:
            raise Rejected("invalid", f"Requested {name} above {MOST_LOGPROBS}.", name)
    prompt = completion_prompt(model, body)
    limit = 16 if body.get("max_tokens") is None else body["max_tokens"]
    if len(prompt) + limit > model.context:
        raise too_long("openai", len(prompt) + limit, model.context, "prompt")
    turn = compose(model, Asked(prompt, limit), answer)
    rows = expected(model, turn, answer)
    echoed = body["prompt"] if isinstance(body["prompt"], str) else model.decode(prompt)
    choice: dict[str, Any] = {
        "index": 0,
        "text": (echoed if body.get("echo") else "") + turn.text,
        "finish_reason": "content_filter" if turn.refusal else _FINISH[turn.finish],
        "logprobs": None,
    }
    lost = fault.lost if fault and fault.kind == "lost_logprobs" else 0
    if body.get("logprobs") is not None:
        choice["logprobs"] = _legacy(model, turn, rows, body["logprobs"], bool(body.get("echo")))
        for name in ("token_logprobs", "top_logprobs"):
            choice["logprobs"][name] = _without(choice["logprobs"][name], lost)
    if body.get("prompt_logprobs") is not None:
        found = _prompt_logprobs(model, prompt, rows, body["prompt_logprobs"])
        choice["prompt_logprobs"] = _without(found, lost)
    kept = [] if fault and fault.kind == "no_choices" else [choice]
    head = _HEAD | {"id": "cmpl-fake", "object": "text_completion", "model": body["model"]}
    return Reply(head | {"choices": kept, "usage": _usage(model, cache, turn, answer)})


def completion_prompt(model: TinyModel, body: dict[str, Any]) -> list[int]:
    """The tokens that a completion request is to the model."""
    if isinstance(body["prompt"], str):
        return model.encode(body["prompt"], special=body.get("add_special_tokens", True))
    return list(body["prompt"])


def slots_at(
    model: TinyModel, body: dict[str, Any], wanted: Mapping[int, Mapping[str, float]]
) -> dict[int, Mapping[str, float]]:
    """``Answer.slots`` from what is wanted at characters of a completion's prompt.

    A token must begin at each of these characters.
    """
    ids = completion_prompt(model, body)
    text = body["prompt"] if isinstance(body["prompt"], str) else model.decode(ids)
    added = len(model.decode(ids)) - len(text)
    found = {piece.offset - added: n for n, piece in reversed(list(enumerate(model.pieces(ids))))}
    return {found[offset]: choices for offset, choices in wanted.items()}


def tokenized(model: TinyModel, body: dict[str, Any]) -> Reply:
    """``POST /tokenize``, as vLLM has it."""
    ids = model.encode(body["prompt"], special=body.get("add_special_tokens", True))
    return Reply({"count": len(ids), "max_model_len": model.context, "tokens": ids})


def listed(model: TinyModel, names: tuple[str, ...]) -> Reply:
    """``GET /v1/models``."""
    head = {"object": "model", "created": 1_700_000_000, "owned_by": "tests"}
    found = [head | {"id": name, "max_model_len": model.context} for name in names]
    return Reply({"object": "list", "data": found})


def _forced_tool(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    choice = body.get("tool_choice")
    tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or ()}
    if isinstance(choice, dict):
        name = choice["function"]["name"]
    elif choice == "required":
        name = next(iter(tools))
    else:
        return None
    return name, tools[name]["parameters"]


def _calls(turn: Turn) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in turn.calls
    ]


def _usage(model: TinyModel, cache: PromptCache, turn: Turn, answer: Answer) -> dict[str, Any]:
    cached, output = cache.automatic(turn.prompt), turn.output_tokens(model)
    if answer.cached_tokens is not None:
        cached = answer.cached_tokens
    return {
        "prompt_tokens": len(turn.prompt),
        "completion_tokens": output,
        "total_tokens": len(turn.prompt) + output,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": turn.reasoning_tokens},
    }


def _chat_logprobs(
    model: TinyModel, ids: list[int], rows: Tensor, top: int
) -> list[dict[str, Any]]:
    def one(id: int, value: float) -> dict[str, Any]:
        piece = model.pieces([id])[0]
        return {"token": piece.text(""), "logprob": value, "bytes": list(piece.raw)}

    return [
        one(id, finite(row[id])) | {"top_logprobs": [one(*pair) for pair in likeliest]}
        for id, row, likeliest in zip(ids, rows, best(rows, top), strict=True)
    ]


def _chunks(
    model: TinyModel,
    body: dict[str, Any],
    turn: Turn,
    logprobs: list[dict[str, Any]] | None,
    usage: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    include = (body.get("stream_options") or {}).get("include_usage")
    head = _HEAD | {"object": "chat.completion.chunk", "model": body["model"]}
    head |= {"usage": None} if include else {}

    def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}
        return head | {"choices": [choice | more]}

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    if turn.refusal:
        yield chunk({"refusal": turn.refusal})
    for n, text in enumerate(spoken(model.pieces(turn.ids))):
        known = None if logprobs is None else {"content": logprobs[n : n + 1], "refusal": None}
        yield chunk({"content": text}, logprobs=known)
    for n, call in enumerate(_calls(turn)):
        words = call["function"]["arguments"]
        first = call | {"index": n, "function": call["function"] | {"arguments": ""}}
        yield chunk({"tool_calls": [first]})
        for begin, end in pairwise([*range(0, len(words), 7), len(words)]):
            piece = {"index": n, "function": {"arguments": words[begin:end]}}
            yield chunk({"tool_calls": [piece]})
    yield chunk({}, finish_reason=_FINISH[turn.finish])
    if include:
        yield head | {"choices": [], "usage": usage}


def _legacy(model: TinyModel, turn: Turn, rows: Tensor, top: int, echo: bool) -> dict[str, Any]:
    """Every token with the alternatives by text; a part of a character is ``bytes:\\xNN``."""

    def text(piece: Piece) -> str:
        return piece.text("bytes:")

    skipped = 0 if echo else len(turn.prompt)
    pieces = model.pieces([*turn.prompt, *turn.ids])
    chosen: list[float | None] = [None]
    tops: list[dict[str, float] | None] = [None]
    for piece, row, likeliest in zip(pieces[1:], rows, best(rows, top), strict=True):
        chosen.append(finite(row[piece.id]))
        found = {text(model.pieces([id])[0]): value for id, value in likeliest}
        tops.append(found | {text(piece): finite(row[piece.id])})
    start = 0 if echo or skipped == len(pieces) else pieces[skipped].offset
    return {
        "tokens": [text(piece) for piece in pieces[skipped:]],
        "token_logprobs": chosen[skipped:],
        "top_logprobs": tops[skipped:],
        "text_offset": [piece.offset - start for piece in pieces[skipped:]],
    }


def _prompt_logprobs(
    model: TinyModel, prompt: list[int], rows: Tensor, top: int
) -> list[dict[str, Any] | None]:
    """For every token of the prompt itself and the likeliest in its place, by token ID."""
    found: list[dict[str, Any] | None] = [None]
    rows = rows[: len(prompt) - 1]
    for actual, row, likeliest in zip(prompt[1:], rows, best(rows, top), strict=True):
        own = (actual, finite(row[actual]), int((row > row[actual]).sum()) + 1)
        ranked = [(id, value, rank) for rank, (id, value) in enumerate(likeliest, start=1)]
        found.append(
            {
                str(id): {"logprob": value, "rank": rank, "decoded_token": model.decode([id])}
                for id, value, rank in [own, *(entry for entry in ranked if entry[0] != actual)]
            }
        )
    return found


def _without(items: list[Any], lost: int) -> list[Any]:
    """All but ``lost`` from the middle."""
    middle = (len(items) - lost) // 2
    return items[: max(middle, 0)] + items[max(middle, 0) + lost :]
