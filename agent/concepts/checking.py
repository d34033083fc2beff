"""The second call: is the concept in a text? It knows neither who says so nor what was proposed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agent.concepts.examples import Example
from agent.explainers.llm.answers import read
from agent.explainers.llm.asking import Draw, ask
from core.hashing import text_hash
from core.results import Record
from llms.gather import all_of
from llms.protocol import ChatResponse, Message, Model
from prompts import fenced, load, marked, shown

PROMPT = "concept-check"
BATCH = 10
MAX_TOKENS = 1024


class JudgementSaid(Record):
    """Whether the concept is in the marked words, and whether it is in the text at all."""

    sequence: int
    marked: bool
    anywhere: bool


class JudgementsSaid(Record):
    """The answer to ``concept-check``."""

    judgements: list[JudgementSaid]


@dataclass(frozen=True, slots=True)
class Checked:
    """A text with whether the check ``agrees`` with its label; None: no usable judgement came."""

    example: Example
    agrees: bool | None


async def checked(
    model: Model, concept: str, examples: Sequence[Example], seed: int
) -> tuple[list[Checked], list[Draw[JudgementsSaid]]]:
    """Every text judged once, in the order given, and the answers that the judgements come from.

    Texts of all labels are mixed: a hash of the seed and the text decides which are shown together
    and in what order.
    """
    order = sorted(examples, key=lambda e: text_hash("neuroscribe/concept/1", str(seed), e.text))
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    draws = await all_of(_judged(model, concept, batch, seed) for batch in batches)
    found: dict[str, bool | None] = {}
    for batch, draw in zip(batches, draws, strict=True):
        found |= _agreements(batch, draw.said)
    return [Checked(example, found[example.text]) for example in examples], draws


async def _judged(
    model: Model, concept: str, batch: Sequence[Example], seed: int
) -> Draw[JudgementsSaid]:
    prompt = load(PROMPT)
    body = [fenced(_with_span(example), n) for n, example in enumerate(batch, 1)]
    turns = prompt.render(
        {"concept": shown(concept), "texts": "\n".join(body), "count": str(len(batch))}
    )

    def understood(answer: ChatResponse) -> JudgementsSaid | str:
        said = read(answer, JudgementsSaid)
        if isinstance(said, str) or any(1 <= j.sequence <= len(batch) for j in said.judgements):
            return said
        return f"judgements: not one is of a text from 1 to {len(batch)}"

    return await ask(
        model,
        prompt,
        [Message(role=t.role, text=t.text) for t in turns],  # type: ignore[arg-type]
        JudgementsSaid,
        understood,
        name="judgements",
        seed=seed,
        role="rater",
        max_tokens=MAX_TOKENS,
        temperature=0.0,
    )


def _with_span(example: Example) -> str:
    """The text with its span between marks."""
    text, start, stop = example.text, example.start, example.stop
    return marked([text[:start], text[start:stop], text[stop:]], [False, True, False])


def _agreements(batch: Sequence[Example], said: JudgementsSaid | None) -> dict[str, bool | None]:
    """By text; a text that was judged twice, or not at all, has no judgement."""
    judgements = () if said is None else said.judgements
    times = Counter(j.sequence for j in judgements)
    by_number = {j.sequence: j for j in judgements if times[j.sequence] == 1}
    found: dict[str, bool | None] = {}
    for number, example in enumerate(batch, 1):
        judged = by_number.get(number)
        if judged is None:
            found[example.text] = None
        elif example.label == "positive":
            found[example.text] = judged.marked and judged.anywhere
        else:
            found[example.text] = not (judged.marked or judged.anywhere)
    return found
