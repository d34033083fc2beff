"""One request a sequence: the expected value is read at every token of one prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import ModelError
from core.evidence import ExcerptSet
from core.results import Simulation
from llms.gather import all_of
from llms.protocol import Model, SlotRequest
from prompts import demonstrations, listing, load, shown
from scoring.simulators.digits import DIGITS, SCALE, digit
from scoring.simulators.outcome import Outcome, expected, together

PROMPT = "simulate-all-at-once"
FILLER = "unknown"


@dataclass(frozen=True, slots=True)
class AllAtOnceSimulator:
    """Lists every token with an unknown activity and reads what the model expects at each.

    Needs log-probabilities inside the prompt. A token at whose place the model listed no digit is
    missing. Alignment is the provider's, by position.
    """

    model: Model

    @property
    def name(self) -> str:
        """Strategy and model."""
        return f"all-at-once:{self.model.name}"

    async def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] on a 0-10 scale."""
        asked = (self._sequence(explanation, tokens) for tokens in excerpts.tokens)
        return together(await all_of(asked), excerpts.token_ids.shape[1])

    async def _sequence(self, explanation: str, tokens: tuple[str, ...]) -> Outcome:
        request = slot_request(explanation, tokens)
        try:
            answer = await self.model.slots(request)
        except ModelError as error:
            return Outcome.of(len(tokens), error)
        if len(answer.slots) != len(tokens):
            reason = f"{len(answer.slots)} places were read for {len(tokens)} tokens"
            return Outcome.failed(len(tokens), "unparsed", reason)
        predicted = np.array([expected(slot, SCALE) for slot in answer.slots])
        if np.isfinite(predicted).all():
            return Outcome(predicted)
        return Outcome(predicted, "unparsed", "no digit among what the model expected")


def slot_request(explanation: str, tokens: tuple[str, ...]) -> SlotRequest:
    """The prompt of one sequence, with one slot a token."""
    prompt = load(PROMPT)
    told = "\n".join(
        f"\nExplanation: {shown(d.explanation)}\n<excerpt>\n"
        f"{listing(d.tokens, [digit(a) for a in d.activations])}\n</excerpt>"
        for d in demonstrations()
    )
    head = prompt.render({"demonstrations": told, "explanation": shown(explanation)})[0].text
    lines = [f"\n{shown(token)}\t" for token in tokens]
    return SlotRequest(
        role="simulator",
        prompt=prompt.label,
        segments=(head + lines[0], *lines[1:], "\n</excerpt>\n"),
        filler=FILLER,
        candidates=DIGITS,
    )
