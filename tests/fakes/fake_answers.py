"""What the server says, before it is put in the words of one provider's API."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fake_model import Piece, TinyModel
from fake_schema import example_of
from torch import Tensor

Finish = Literal["stop", "length", "tools", "refused"]
SPEECH = 8
"""Tokens after which the unscripted model has said what it wanted."""
LOWEST = -9999.0
"""Log-probabilities below this are sent as this: JSON has no infinity."""


@dataclass(frozen=True)
class Call:
    """A tool that the model wants run."""

    name: str
    arguments: Mapping[str, Any]
    id: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a script wants said. Anything left out is what the tiny model says.

    ``data`` is said as JSON. ``tokens[i]`` maps alternatives of the generated token ``i`` to their
    log-probabilities, and without a text the likeliest are what is said. ``slots`` does the same
    for tokens of a completion's prompt, by position. What these leave of the probability is shared
    by the other tokens as the tiny model would.
    """

    text: str | None = None
    data: Any = None
    calls: tuple[Call, ...] = ()
    refusal: str | None = None
    finish: Finish | None = None
    tokens: Sequence[Mapping[str, float]] = ()
    slots: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    cached_tokens: int | None = None
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Turn:
    """The whole answer to ``prompt``: tokens and what ended them, or tool calls, or a refusal."""

    prompt: list[int]
    ids: list[int]
    text: str
    finish: Finish
    calls: tuple[Call, ...] = ()
    refusal: str | None = None
    reasoning_tokens: int = 0

    def output_tokens(self, model: TinyModel) -> int:
        """Everything that was generated."""
        extra = [json.dumps(dict(call.arguments)) for call in self.calls] + [self.refusal or ""]
        said = sum(len(model.encode(text)) for text in extra)
        return len(self.ids) + said + self.reasoning_tokens


@dataclass(frozen=True)
class Asked:
    """What a request wants: at most ``limit`` tokens, JSON of ``schema``, a call of ``tool``."""

    prompt: list[int]
    limit: int
    schema: dict[str, Any] | None = None
    tool: tuple[str, dict[str, Any]] | None = None


def compose(model: TinyModel, asked: Asked, answer: Answer) -> Turn:
    """The turn that a script's ``answer`` makes, or the model's own where it says nothing."""
    if answer.refusal is not None:
        return Turn(asked.prompt, [], "", "refused", refusal=answer.refusal)
    calls, text = answer.calls, answer.text
    if answer.data is not None:
        text = json.dumps(answer.data, ensure_ascii=False)
    unscripted = text is None and not calls and not answer.tokens
    if unscripted and asked.tool is not None:
        calls = (Call(asked.tool[0], example_of(asked.tool[1])),)
    elif unscripted and asked.schema is not None:
        text = json.dumps(example_of(asked.schema), ensure_ascii=False)
    if text is not None:
        ids = model.encode(text)
    elif answer.tokens:
        ids = [model.token(max(wanted, key=wanted.__getitem__)) for wanted in answer.tokens]
    elif calls:
        ids = []
    else:
        ids = model.generate(asked.prompt, min(asked.limit, SPEECH))
    silent = unscripted and text is None and not calls
    cut = asked.limit < (SPEECH if silent else len(ids))
    return Turn(
        asked.prompt,
        ids[: asked.limit],
        model.decode(ids[: asked.limit]),
        answer.finish or ("length" if cut else "tools" if calls else "stop"),
        calls=tuple(
            replace(call, id=call.id or f"call_{len(asked.prompt)}_{n}")
            for n, call in enumerate(calls)
        ),
        reasoning_tokens=answer.reasoning_tokens,
    )


def expected(model: TinyModel, turn: Turn, answer: Answer) -> Tensor:
    """For every token of prompt and answer but the first, what was expected in its place.

    Row ``i`` is for token ``i + 1``.
    """
    rows = model.log_probs([*turn.prompt, *turn.ids])[:-1]
    wanted = dict(answer.slots)
    wanted |= {len(turn.prompt) + n: choices for n, choices in enumerate(answer.tokens)}
    for position, choices in wanted.items():
        if not 1 <= position <= len(rows):
            continue
        rows[position - 1] = model.reweighted(rows[position - 1], choices)
    return rows


def best(rows: Tensor, count: int) -> list[list[tuple[int, float]]]:
    """For every row the likeliest tokens and their log-probabilities."""
    values, ids = rows.topk(count)
    found = zip(ids.tolist(), values.clamp(min=LOWEST).tolist(), strict=True)
    return [list(zip(*pair, strict=True)) for pair in found]


def finite(value: Tensor) -> float:
    """A number that JSON knows."""
    return max(float(value), LOWEST)


def spoken(pieces: Sequence[Piece]) -> list[str]:
    """What every token adds to the text; the last byte of a character brings the character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    said = [decoder.decode(piece.raw) for piece in pieces]
    rest = decoder.decode(b"", final=True)
    return [*said[:-1], said[-1] + rest] if said else []
