"""What a model is asked to answer, and how answers become candidates and experiments."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from agent.explainers.proposal import Candidate, Meaning
from core.results import Record
from llms.protocol import ChatResponse

R = TypeVar("R", bound=Record)


class MeaningSaid(Record):
    """One meaning in the model's words."""

    text: str = Field(min_length=1)
    tokens: list[str]
    confidence: int


class ExplanationSaid(Record):
    """The answer to ``explain`` and ``revise``."""

    verdict: Literal["explained", "several", "no_clear_pattern"]
    meanings: list[MeaningSaid]


class PairSaid(Record):
    """Two texts that differ little: the unit fires in one and is silent in the other."""

    fires: str
    silent: str


class TestsSaid(Record):
    """The answer to ``design``."""

    fires: list[str]
    silent: list[str]
    pairs: list[PairSaid]


class ParaphraseSaid(Record):
    """The answer to ``paraphrase``."""

    text: str = Field(min_length=1)


def explanation_in(answer: ChatResponse) -> ExplanationSaid | str:
    """The explanation that was said, or what is wrong with the answer."""
    said = read(answer, ExplanationSaid)
    if isinstance(said, str):
        return said
    if said.verdict != "no_clear_pattern" and not said.meanings:
        return "meanings: the list is empty, but the verdict is not no_clear_pattern"
    if said.verdict == "no_clear_pattern" and said.meanings:
        return "meanings: the verdict no_clear_pattern goes with an empty list"
    return said


def read(answer: ChatResponse, kind: type[R]) -> R | str:
    """The answer as a record of this kind, or what is wrong with it."""
    try:
        return kind.model_validate_json(answer.text)
    except ValidationError as error:
        told = error.errors()[0]
        return f"{'.'.join(str(p) for p in told['loc']) or 'it'}: {told['msg']}"


def candidate(said: ExplanationSaid, origin: str) -> Candidate | None:
    """The sentence that was said; several meanings are joined and kept apart as well."""
    return joined([" ".join(m.text.split()) for m in said.meanings], origin)


def joined(texts: list[str], origin: str) -> Candidate | None:
    """One sentence of one or several; None where nothing is left."""
    texts = [t for t in dict.fromkeys(texts) if t]
    if not texts:
        return None
    whole = texts[0] if len(texts) == 1 else "; or ".join(t.rstrip(".; ") for t in texts)
    meanings = tuple(Meaning(text=t, symbols=words(t)) for t in texts) if len(texts) > 1 else ()
    return Candidate(text=whole, symbols=words(whole), meanings=meanings, origin=origin)


def words(text: str) -> int:
    """Words: what a token list of equal length may spend."""
    return len(text.split())
