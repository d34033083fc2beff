"""Asking for texts with a concept and for near-misses, and finding the span that was named."""

from __future__ import annotations

import re
from functools import partial

from pydantic import Field

from agent.concepts.examples import ConceptQuestion, Example, Label
from agent.explainers.llm.answers import read
from agent.explainers.llm.asking import Draw, ask
from core.hashing import text_hash
from core.results import Record
from llms.protocol import Message, Model
from prompts import load, shown

PROMPT = "concept-propose"
WORDS = 40
LONGEST_TEXT = 600
MAX_TOKENS = 3072
STYLES = (
    "a news report",
    "a letter to a friend",
    "a technical manual",
    "a short story",
    "spoken dialogue",
    "an encyclopedia",
    "documentation of a program",
    "a review of a book or a product",
    "a contract or a law",
    "instructions or a recipe",
    "a post in a forum",
    "a travel guide",
)
"""Another one for every request, so that the texts differ in more than their words."""


class TextSaid(Record):
    """A proposed text and the words in it that count."""

    text: str
    span: str


class TextsSaid(Record):
    """The answer to ``concept-propose``."""

    positives: list[TextSaid] = Field(max_length=100)
    near_misses: list[TextSaid] = Field(max_length=100)

    def labelled(self) -> list[tuple[TextSaid, Label]]:
        """All of them, each with what it was proposed as."""
        listed: list[tuple[TextSaid, Label]] = [(said, "positive") for said in self.positives]
        return listed + [(said, "near-miss") for said in self.near_misses]


async def proposed(model: Model, question: ConceptQuestion, number: int) -> Draw[TextsSaid]:
    """One request for texts; ``number`` decides its style."""
    prompt = load(PROMPT)
    first = text_hash("neuroscribe/concept/style/1", str(question.seed))
    turns = prompt.render(
        {
            "concept": shown(question.concept),
            "count": str(question.per_request),
            "style": STYLES[(first + number) % len(STYLES)],
            "words": str(WORDS),
        }
    )
    return await ask(
        model,
        prompt,
        [Message(role=t.role, text=t.text) for t in turns],  # type: ignore[arg-type]
        TextsSaid,
        partial(read, kind=TextsSaid),
        name="texts",
        seed=question.seed,
        sample=number,
        role="agent",
        max_tokens=MAX_TOKENS,
    )


def placed(said: TextSaid, label: Label) -> Example | str:
    """The text with the place of its span, or in a word or two why it cannot be used."""
    text, span = said.text.strip(), said.span.strip()
    if not text or not span:
        return "empty"
    if len(text) > LONGEST_TEXT:
        return "too long"
    # A span that stands once as words of its own may stand in other words as well.
    whole = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(span)}(?!\w)", text)]
    found = whole or [m.start() for m in re.finditer(re.escape(span), text)]
    if not found:
        return "span not in the text"
    if len(found) > 1:
        return "span more than once"
    return Example(text=text, start=found[0], stop=found[0] + len(span), label=label)
