"""One request for several sequences: the model names the tokens that are not zero, by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from core.errors import ContextTooLong, ModelError
from core.evidence import ExcerptSet
from core.results import Record, Simulation
from llms.gather import all_of
from llms.protocol import ChatRequest, Message, Model, schema_of
from prompts import fenced, load, numbered, shown
from scoring.simulators.outcome import Outcome, together

PROMPT = "simulate-indexed"
TOKENS_A_SEQUENCE = 400
Tokens = tuple[str, ...]


class Sequence(Record):
    """``values`` holds [token number from 1, activity 0-10] for tokens that are not silent."""

    sequence: int
    values: list[list[int]]


class Prediction(Record):
    """The answer that is asked for."""

    sequences: list[Sequence]


@dataclass(frozen=True, slots=True)
class IndexedSimulator:
    """Works with any chat model that answers in a JSON schema.

    A batch that is too long for the model is halved until it fits.
    A sequence that the answer leaves out is missing, not silent; so is one with a number outside
    the excerpt or an activity outside the scale.
    """

    model: Model
    batch: int = 5

    @property
    def name(self) -> str:
        """Strategy and model."""
        return f"indexed:{self.model.name}"

    async def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] on a 0-10 scale."""
        parts = [excerpts.tokens[i : i + self.batch] for i in range(0, len(excerpts), self.batch)]
        answers = await all_of(self._batch(explanation, list(part)) for part in parts)
        outcomes = [outcome for answer in answers for outcome in answer]
        return together(outcomes, excerpts.token_ids.shape[1])

    async def _batch(self, explanation: str, part: list[Tokens]) -> list[Outcome]:
        prompt = load(PROMPT)
        listed = "\n".join(fenced(numbered(tokens), i) for i, tokens in enumerate(part, 1))
        turns = prompt.render(
            {"explanation": shown(explanation), "excerpts": listed, "count": str(len(part))}
        )
        request = ChatRequest(
            role="simulator",
            prompt=prompt.label,
            messages=tuple(Message(role=t.role, text=t.text) for t in turns),  # type: ignore[arg-type]
            max_tokens=TOKENS_A_SEQUENCE * len(part),
            temperature=0.0 if "temperature" in self.model.capabilities else None,
            answer_name="prediction",
            answer_schema=schema_of(Prediction),
        )
        try:
            answer = await self.model.chat(request)
        except ContextTooLong as error:
            if len(part) == 1:
                return [Outcome.of(len(part[0]), error)]
            half = len(part) // 2
            first = await self._batch(explanation, part[:half])
            return first + await self._batch(explanation, part[half:])
        except ModelError as error:
            return [Outcome.of(len(tokens), error) for tokens in part]
        if answer.finish == "refused":
            return [Outcome.failed(len(t), "refused", "the model refused") for t in part]
        try:
            predicted = Prediction.model_validate_json(answer.text)
        except ValidationError as error:
            cut = "the answer was cut off" if answer.finish == "length" else _first(error)
            return [Outcome.failed(len(tokens), "unparsed", cut) for tokens in part]
        named: dict[int, list[Sequence]] = {}
        for sequence in predicted.sequences:
            named.setdefault(sequence.sequence, []).append(sequence)
        return [_read(named.get(i, []), len(tokens)) for i, tokens in enumerate(part, 1)]


def _read(named: list[Sequence], tokens: int) -> Outcome:
    if len(named) != 1:
        return Outcome.failed(tokens, "unparsed", f"named {len(named)} times in the answer")
    values = np.zeros(tokens)
    for pair in named[0].values:
        if len(pair) != 2 or not 1 <= pair[0] <= tokens or not 0 <= pair[1] <= 10:
            return Outcome.failed(tokens, "unparsed", f"{pair} is no [token number, activity]")
        values[pair[0] - 1] = pair[1]
    return Outcome(values)


def _first(error: ValidationError) -> str:
    told = error.errors()[0]
    return f"{'.'.join(str(part) for part in told['loc']) or 'answer'}: {told['msg']}"
