"""One request a token: the expected value of a single digit, from its log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import ModelError
from core.evidence import ExcerptSet
from core.results import Simulation
from llms.gather import all_of
from llms.protocol import ChatRequest, Message, Model
from prompts import load, numbered, shown
from scoring.simulators.digits import SCALE
from scoring.simulators.outcome import Outcome, expected, together

PROMPT = "simulate-token"
TOP = 20


@dataclass(frozen=True, slots=True)
class TokenByTokenSimulator:
    """Asks for each token by its number; all tokens of an excerpt share the prompt's beginning.

    Works with any chat model that gives log-probabilities of what it writes.
    """

    model: Model

    @property
    def name(self) -> str:
        """Strategy and model."""
        return f"token-by-token:{self.model.name}"

    async def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] on a 0-10 scale."""
        asked = (self._excerpt(explanation, tokens) for tokens in excerpts.tokens)
        return together(await all_of(asked), excerpts.token_ids.shape[1])

    async def _excerpt(self, explanation: str, tokens: tuple[str, ...]) -> Outcome:
        body = numbered(tokens)
        asked = (self._token(explanation, body, i, token) for i, token in enumerate(tokens, 1))
        read = await all_of(asked)
        failed = [r for r in read if r.reason]
        if not failed:
            return Outcome(np.concatenate([r.predicted for r in read]))
        return Outcome(
            np.concatenate([r.predicted for r in read]), failed[0].status, failed[0].reason
        )

    async def _token(self, explanation: str, body: str, number: int, token: str) -> Outcome:
        prompt = load(PROMPT)
        turns = prompt.render(
            {
                "explanation": shown(explanation),
                "excerpt": body,
                "number": str(number),
                "token": shown(token),
            }
        )
        messages = [Message(role=t.role, text=t.text, cached=t.cached) for t in turns]  # type: ignore[arg-type]
        request = ChatRequest(
            role="simulator",
            prompt=prompt.label,
            messages=tuple(messages),
            max_tokens=1,
            temperature=0.0 if "temperature" in self.model.capabilities else None,
            top_logprobs=TOP,
        )
        try:
            answer = await self.model.chat(request)
        except ModelError as error:
            return Outcome.of(1, error)
        if answer.finish == "refused":
            return Outcome.failed(1, "refused", "the model refused")
        value = expected(_digits(answer.first_token), SCALE)
        if not np.isfinite(value):
            return Outcome.failed(1, "unparsed", "no digit among the model's first tokens")
        return Outcome(np.array([value]))


def _digits(listed: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """Log-probabilities by digit; two tokens for one digit (``7`` and `` 7``) count together."""
    found: dict[str, float] = {}
    for text, log in listed:
        digit = text.strip()
        if digit in SCALE:
            found[digit] = float(np.logaddexp(found.get(digit, -np.inf), log))
    return found
