"""Where the slots of a text lie among its tokens, and what the server said there.

Positions come from lengths that we know, never from looking for the text that a server echoes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llms.protocol import SlotRequest

Ids = Sequence[int]


def laid_out(
    request: SlotRequest, ids: Mapping[str, Ids], start: Ids = ()
) -> tuple[list[int], list[int]]:
    """The token IDs of the whole text, and each slot's position among them.

    Every piece is tokenised by itself, so no token crosses the border of a slot.
    """
    prompt, places = list(start), []
    for number, segment in enumerate(request.segments):
        prompt += ids[segment]
        if number < len(request.segments) - 1:
            places.append(len(prompt))
            prompt += ids[request.filler]
    return prompt, places


def from_prompt_logprobs(
    told: Sequence[Mapping[Any, Any] | None],
    length: int,
    places: Sequence[int],
    candidates: Mapping[str, Ids],
) -> list[dict[str, float]]:
    """From log-probabilities by token ID at each of the prompt's ``length`` positions.

    Candidates must be one token, after what all of them begin with (some tokenizers put a space
    mark in front of any text). Another number of positions leaves every slot empty.
    """
    if len(told) != length:
        return [{} for _ in places]
    columns = enumerate(zip(*candidates.values(), strict=False))
    common = next((i for i, column in columns if len(set(column)) > 1), 0)
    single = {ids[common]: text for text, ids in candidates.items() if len(ids) == common + 1}
    found = []
    for place in places:
        listed = told[place]
        held = {}
        for token, value in (listed or {}).items():
            log = (
                value["logprob"] if isinstance(value, Mapping) else getattr(value, "logprob", value)
            )
            if int(token) in single and math.isfinite(log):
                held[single[int(token)]] = float(log)
        found.append(held)
    return found


def from_echo(
    offsets: Sequence[int], told: Sequence[Mapping[str, float] | None], request: SlotRequest
) -> list[dict[str, float]]:
    """From an echoed prompt: a slot is read where a token begins exactly at its first character.

    The token must also be followed by no other at the same offset, which happens where a character
    is split into bytes. Slots that cannot be aligned stay empty, and so do all of them when the
    server gave another number of log-probabilities than of offsets.
    """
    if len(offsets) != len(told):
        return [{} for _ in _starts(request)]
    at: dict[int, int | None] = {}
    for position, offset in enumerate(offsets):
        at[offset] = None if offset in at else position
    found = []
    for start in _starts(request):
        place = at.get(start)
        listed = told[place] if place is not None else None
        found.append(
            {
                text: float(value)
                for text, value in (listed or {}).items()
                if text in request.candidates and math.isfinite(value)
            }
        )
    return found


def _starts(request: SlotRequest) -> Iterator[int]:
    """The character at which each slot begins."""
    at = 0
    for segment in request.segments[:-1]:
        at += len(segment)
        yield at
        at += len(request.filler)
