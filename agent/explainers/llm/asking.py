"""One question to a language model, with one chance to repair an answer that has no form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.errors import AnswerUnusable, ModelUnavailable
from core.results import Record, Verdict
from llms.protocol import ChatRequest, ChatResponse, Message, Model, Role, schema_of
from prompts import Prompt, load

REPAIR = "explain-repair"
MAX_TOKENS = 1024

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Draw(Generic[R]):
    """What was said, or why nothing was."""

    said: R | None
    verdict: Verdict = "abstained"
    reason: str = ""


async def ask(
    model: Model,
    prompt: Prompt,
    messages: list[Message],
    kind: type[R],
    understood: Callable[[ChatResponse], R | str],
    *,
    name: str,
    seed: int,
    sample: int = 0,
    role: Role = "explainer",
    max_tokens: int = MAX_TOKENS,
    temperature: float = 1.0,
) -> Draw[R]:
    """Refusals, answers that cannot be read and a model that cannot be reached are results.

    Raises :class:`core.errors.ContextTooLong`, and what stops a whole run: a used-up budget, a
    wrong key, an unknown model.
    """
    request = ChatRequest(
        role=role,
        prompt=prompt.label,
        sample=sample,
        seed=seed,
        temperature=temperature if "temperature" in model.capabilities else None,
        messages=tuple(messages),
        max_tokens=max_tokens,
        answer_name=name,
        answer_schema=schema_of(kind),
    )
    try:
        answer = await model.chat(request)
        said = understood(answer)
        if isinstance(said, str) and answer.finish == "stop":
            answer, said = await _repaired(model, request, answer, said, understood)
    except (ModelUnavailable, AnswerUnusable) as error:
        return Draw(None, "failed", f"{error.code}: {error.message}")
    if answer.finish == "refused":
        return Draw(None, "refused", "the model refused")
    if isinstance(said, str):
        cut = answer.finish == "length"
        return Draw(None, "failed", "the answer was cut off" if cut else said)
    return Draw(said)


async def _repaired(
    model: Model,
    request: ChatRequest,
    answer: ChatResponse,
    problem: str,
    understood: Callable[[ChatResponse], R | str],
) -> tuple[ChatResponse, R | str]:
    """One more chance, with what was wrong."""
    prompt = load(REPAIR)
    told = prompt.render({"problem": problem})[0].text
    more = (Message(role="assistant", text=answer.text), Message(role="user", text=told))
    again = request.model_copy(update={"messages": request.messages + more, "prompt": prompt.label})
    second = await model.chat(again)
    return second, understood(second)
