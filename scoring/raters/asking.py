"""Requests of raters to a language model: batches of excerpts in, one number an excerpt out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from core.errors import ContextTooLong, ModelError
from core.results import Record, Status
from llms.gather import all_of
from llms.protocol import ChatRequest, ChatResponse, Message, Model, schema_of
from prompts import fenced, load, shown
from scoring.raters.answers import Rating

HIGHEST = 10
TOKENS_AN_ANSWER = 100
Answer = TypeVar("Answer", bound=Record)


class RatingSaid(Record):
    """The rating of one excerpt, 0-10, by the excerpt's number."""

    sequence: int
    rating: int


class RatingsSaid(Record):
    """The answer that is asked for."""

    ratings: list[RatingSaid]


async def ratings(
    model: Model, prompt: str, explanation: str, excerpts: Sequence[str], batch: int
) -> list[Rating]:
    """A rating for each of ``excerpts``, which stand one on a line, ``batch`` a request.

    A batch that is too long for the model is halved until it fits.
    """
    parts = [excerpts[i : i + batch] for i in range(0, len(excerpts), batch)]
    answers = await all_of(_batch(model, prompt, explanation, part) for part in parts)
    return [rating for answer in answers for rating in answer]


async def _batch(model: Model, prompt: str, explanation: str, part: Sequence[str]) -> list[Rating]:
    try:
        answer = await _asked(model, prompt, explanation, part, RatingsSaid, "ratings")
    except ContextTooLong as error:
        if len(part) == 1:
            return [Rating.of(error)]
        half = len(part) // 2
        first = await _batch(model, prompt, explanation, part[:half])
        return first + await _batch(model, prompt, explanation, part[half:])
    except ModelError as error:
        return [Rating.of(error)] * len(part)
    said = read(answer, RatingsSaid)
    return [said] * len(part) if isinstance(said, Rating) else _by_number(said, len(part))


async def odd_one_out(model: Model, prompt: str, excerpts: Sequence[str]) -> int | Rating:
    """Which of ``excerpts`` is named, counted from 0, or why none is."""
    try:
        answer = await _asked(model, prompt, None, excerpts, IntruderSaid, "intruder")
    except ModelError as error:
        return Rating.of(error)
    said = read(answer, IntruderSaid)
    if isinstance(said, Rating):
        return said
    if not 1 <= said.intruder <= len(excerpts):
        return Rating(None, "unparsed", f"excerpt {said.intruder} is none of {len(excerpts)}")
    return said.intruder - 1


class IntruderSaid(Record):
    """The answer that is asked for."""

    intruder: int


async def _asked(
    model: Model,
    prompt: str,
    explanation: str | None,
    excerpts: Sequence[str],
    form: type[Record],
    name: str,
) -> ChatResponse:
    template = load(prompt)
    filled = {
        "excerpts": "\n".join(fenced(text, i) for i, text in enumerate(excerpts, 1)),
        "count": str(len(excerpts)),
    }
    if explanation is not None:
        filled["explanation"] = shown(explanation)
    turns = template.render(filled)
    request = ChatRequest(
        role="rater",
        prompt=template.label,
        messages=tuple(Message(role=t.role, text=t.text) for t in turns),  # type: ignore[arg-type]
        max_tokens=TOKENS_AN_ANSWER * len(excerpts),
        temperature=0.0 if "temperature" in model.capabilities else None,
        answer_name=name,
        answer_schema=schema_of(form),
    )
    return await model.chat(request)


def read(answer: ChatResponse, form: type[Answer]) -> Answer | Rating:
    """The answer in its form, or why it cannot be read."""
    if answer.finish == "refused":
        return Rating(None, "refused", "the model refused")
    try:
        return form.model_validate_json(answer.text)
    except ValidationError as error:
        told = error.errors()[0]
        place = ".".join(str(part) for part in told["loc"]) or "answer"
        cut = answer.finish == "length"
        return _unparsed("the answer was cut off" if cut else f"{place}: {told['msg']}")


def _by_number(said: RatingsSaid, count: int) -> list[Rating]:
    """Each excerpt's rating; a number that no excerpt has makes all numbers doubtful."""
    strange = [r.sequence for r in said.ratings if not 1 <= r.sequence <= count]
    if strange:
        return [_unparsed(f"excerpt {strange[0]} is none of {count}")] * count
    named: dict[int, list[int]] = {i: [] for i in range(1, count + 1)}
    for entry in said.ratings:
        named[entry.sequence].append(entry.rating)
    return [_one(values) for values in named.values()]


def _one(values: Sequence[int]) -> Rating:
    if len(values) != 1:
        return _unparsed(f"named {len(values)} times in the answer")
    if not 0 <= values[0] <= HIGHEST:
        return _unparsed(f"{values[0]} is no rating from 0 to {HIGHEST}")
    return Rating(float(values[0]))


def _unparsed(reason: str) -> Rating:
    status: Status = "unparsed"
    return Rating(None, status, reason)
