"""The explainer that asks a language model: some candidates, each from its own draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from agent.experiments import Probe
from agent.explainers.proposal import Candidate, Meaning, Parameter, Proposed
from core.errors import AnswerUnusable, ContextTooLong, ModelUnavailable
from core.evidence import ExcerptSet, Floats, SplitEvidence
from core.results import Record, Verdict
from llms.gather import all_of
from llms.protocol import ChatRequest, ChatResponse, Message, Model, schema_of
from prompts import demonstrations, fenced, listing, load, shown

PROMPT, REPAIR = "explain", "explain-repair"
SPARSE = 0.2
MAX_TOKENS = 1024


class MeaningSaid(Record):
    """One meaning in the model's words."""

    text: str = Field(min_length=1)
    tokens: list[str]
    confidence: int


class ExplanationSaid(Record):
    """The answer that is asked for."""

    verdict: Literal["explained", "several", "no_clear_pattern"]
    meanings: list[MeaningSaid]


@dataclass(frozen=True, slots=True)
class _Draw:
    said: ExplanationSaid | None
    verdict: Verdict = "abstained"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LanguageModelExplainer:
    """Shows a model the strongest ``excerpts`` of a unit with their activations from 0 to 10.

    ``candidates`` draws are made; which one is published is decided on ``select`` by whoever calls.
    ``promoted`` are the tokens that the unit makes more likely, offered as a hint. Where the prompt
    is too long, excerpts are dropped from the end and the parameters say how many.
    """

    model: Model
    candidates: int = 3
    excerpts: int = 10
    promoted: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    async def explain(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int
    ) -> Proposed:
        """Ask; refusals and answers that cannot be read are results with a reason."""
        strongest = explain.pool.take(explain.top_rows[: self.excerpts])
        scale = float(strongest.activations.max(initial=0.0))
        count = len(strongest)
        while True:
            part = strongest.take(range(count))
            asked = (self._draw(part, scale, seed, sample) for sample in range(self.candidates))
            try:
                draws = await all_of(asked)
            except ContextTooLong:
                if count == 1:
                    return Proposed(verdict="failed", reason="not one excerpt fits the model")
                count = max(1, count // 2)
                continue
            return self._proposed(draws, self._parameters(count, len(strongest) - count))

    async def _draw(self, part: ExcerptSet, scale: float, seed: int, sample: int) -> _Draw:
        prompt = load(PROMPT)
        turns = prompt.render(_variables(part, scale, self.promoted))
        asked = [Message(role="system", text=turns[0].text), *_worked()]
        asked += [Message(role="user", text=turns[1].text)]
        request = ChatRequest(
            role="explainer",
            prompt=prompt.label,
            sample=sample,
            seed=seed,
            temperature=1.0 if "temperature" in self.model.capabilities else None,
            messages=tuple(asked),
            max_tokens=MAX_TOKENS,
            answer_name="explanation",
            answer_schema=schema_of(ExplanationSaid),
        )
        try:
            answer = await self.model.chat(request)
            said = _read(answer)
            if isinstance(said, str) and answer.finish == "stop":
                answer, said = await self._repaired(request, answer, said)
        except (ModelUnavailable, AnswerUnusable) as error:
            return _Draw(None, "failed", f"{error.code}: {error.message}")
        if answer.finish == "refused":
            return _Draw(None, "refused", "the model refused")
        if isinstance(said, str):
            cut = answer.finish == "length"
            return _Draw(None, "failed", "the answer was cut off" if cut else said)
        return _Draw(said)

    async def _repaired(
        self, request: ChatRequest, answer: ChatResponse, problem: str
    ) -> tuple[ChatResponse, ExplanationSaid | str]:
        """One more chance, with what was wrong."""
        prompt = load(REPAIR)
        told = prompt.render({"problem": problem})[0].text
        more = (Message(role="assistant", text=answer.text), Message(role="user", text=told))
        again = request.model_copy(
            update={"messages": request.messages + more, "prompt": prompt.label}
        )
        second = await self.model.chat(again)
        return second, _read(second)

    def _parameters(self, count: int, dropped: int) -> dict[str, Parameter]:
        label = load(PROMPT)
        return {
            "candidates": self.candidates,
            "excerpts": count,
            "excerpts_dropped": dropped,
            "prompt": label.label,
        }

    def _proposed(self, draws: Sequence[_Draw], parameters: dict[str, Parameter]) -> Proposed:
        found = [_candidate(d.said) for d in draws if d.said is not None and d.said.meanings]
        unique = {c.text: c for c in found if c.text}
        if unique:
            return Proposed(tuple(unique.values()), parameters=parameters)
        if any(d.said is not None for d in draws):
            reason = "the explainer found no clear pattern"
            return Proposed(verdict="abstained", reason=reason, parameters=parameters)
        worst = draws[0]
        return Proposed(verdict=worst.verdict, reason=worst.reason, parameters=parameters)


def _read(answer: ChatResponse) -> ExplanationSaid | str:
    """The answer, or what is wrong with it."""
    try:
        said = ExplanationSaid.model_validate_json(answer.text)
    except ValidationError as error:
        told = error.errors()[0]
        return f"{'.'.join(str(p) for p in told['loc']) or 'it'}: {told['msg']}"
    if said.verdict != "no_clear_pattern" and not said.meanings:
        return "meanings: the list is empty, but the verdict is not no_clear_pattern"
    if said.verdict == "no_clear_pattern" and said.meanings:
        return "meanings: the verdict no_clear_pattern goes with an empty list"
    return said


def _candidate(said: ExplanationSaid) -> Candidate:
    texts = [" ".join(m.text.split()) for m in said.meanings]
    texts = [t for t in dict.fromkeys(texts) if t]
    whole = texts[0] if len(texts) == 1 else "; or ".join(t.rstrip(".; ") for t in texts)
    meanings = tuple(Meaning(t, _symbols(t)) for t in texts) if len(texts) > 1 else ()
    return Candidate(whole, _symbols(whole), meanings)


def _symbols(text: str) -> int:
    """Words: what a list of equal length may spend."""
    return len(text.split())


def _variables(part: ExcerptSet, scale: float, promoted: Sequence[str]) -> dict[str, str]:
    values = _scaled(part.activations, scale)
    shown_excerpts = [
        fenced(listing(tokens, row.tolist()))
        for tokens, row in zip(part.tokens, values, strict=True)
    ]
    active = ""
    if values.size and (values > 0).mean() < SPARSE:
        lines = [
            f"{shown(tokens[t])}\t{row[t]}"
            for tokens, row in zip(part.tokens, values, strict=True)
            for t in np.flatnonzero(row)
        ]
        active = "\nThe tokens that are not 0 again:\n" + fenced("\n".join(lines)) + "\n"
    hint = ""
    if promoted:
        listed = ", ".join(shown(token) for token in promoted)
        hint = f"\nWhen it is active, the model is more likely to go on with: {listed}\n"
    return {
        "excerpts": "\n".join(shown_excerpts),
        "active_tokens": active,
        "promoted": hint,
        "count": str(len(part)),
    }


def _scaled(activations: Floats, scale: float) -> NDArray[np.int64]:
    """``min(10, floor(10·relu(a)/max))`` as integers (Bills et al. 2023)."""
    if scale <= 0:
        return np.zeros(activations.shape, dtype=np.int64)
    steps = np.floor(10 * np.maximum(activations, 0) / scale)
    return np.minimum(10, steps).astype(np.int64)


def _worked() -> list[Message]:
    """The worked examples as earlier turns; what follows them changes with every unit."""
    prompt = load(PROMPT)
    turns: list[Message] = []
    for d in demonstrations():
        filled = {
            "excerpts": fenced(listing(d.tokens, d.activations)),
            "active_tokens": "",
            "promoted": "",
            "count": "1",
        }
        active = [t for t, a in zip(d.tokens, d.activations, strict=True) if a]
        said = MeaningSaid(text=d.explanation, tokens=active, confidence=8)
        answer = ExplanationSaid(verdict="explained", meanings=[said])
        turns.append(Message(role="user", text=prompt.render(filled)[1].text))
        turns.append(Message(role="assistant", text=answer.model_dump_json()))
    return [*turns[:-1], turns[-1].model_copy(update={"cached": True})]
