"""What is asked about a concept, and the labelled texts that come of it. Every loss is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import InvalidSetting
from core.results import Record, Usage

Label = Literal["positive", "near-miss", "other"]
LEAST = 20
"""Fewer checked texts of a class than this are no labels."""
LONGEST_CONCEPT = 200
MOST_WANTED = 500
MOST_REQUESTS = 100


@dataclass(frozen=True, slots=True)
class ConceptQuestion:
    """A concept in words, and how many checked texts of each kind are ``wanted`` at what effort.

    At most ``requests`` proposals of ``per_request`` positives and as many near-misses are asked
    for. Raises :class:`core.errors.InvalidSetting` for what cannot be meant.
    """

    concept: str
    seed: int = 0
    wanted: int = 60
    requests: int = 12
    per_request: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "concept", " ".join(self.concept.split()))
        if not self.concept or not any(map(str.isalnum, self.concept)):
            raise InvalidSetting("the concept is empty", "say in words what the texts have")
        if len(self.concept) > LONGEST_CONCEPT:
            raise InvalidSetting(
                f"the concept has {len(self.concept)} characters",
                f"say it in {LONGEST_CONCEPT} at most",
            )
        for name, value, low, high in (
            ("wanted", self.wanted, LEAST, MOST_WANTED),
            ("requests", self.requests, 1, MOST_REQUESTS),
            ("per_request", self.per_request, 1, 20),
        ):
            if not low <= value <= high:
                raise InvalidSetting(f"{name} {value!r} is out of range", f"{low} to {high}")


class Example(Record):
    """A text; its characters ``start`` .. ``stop - 1`` carry the concept, or come closest to it."""

    text: str
    start: int
    stop: int
    label: Label


class Counts(Record):
    """What became of the texts of one label: ``proposed`` is the sum of all the others."""

    proposed: int = 0
    unusable: int = 0
    duplicates: int = 0
    agreed: int = 0
    disputed: int = 0
    unchecked: int = 0


class Asked(Record):
    """Questions put, and those that brought no usable answer."""

    questions: int = 0
    refused: int = 0
    failed: int = 0


class ConceptProvenance(Record):
    """Enough to ask the same again: ``corpus`` is the fingerprint of the unrelated text."""

    model: str
    prompts: tuple[str, ...]
    seed: int
    code_version: str
    corpus: str | None = None


class ConceptExamples(Record):
    """Texts on whose label the proposal and the blind check agree; ``disputed`` are the others.

    ``unusable`` counts proposals by what was wrong with them, ``reasons`` the questions without an
    answer by what was said instead.
    """

    concept: str
    examples: tuple[Example, ...]
    disputed: tuple[Example, ...]
    counts: dict[Label, Counts]
    unusable: dict[str, int]
    proposals: Asked
    checks: Asked
    reasons: dict[str, int]
    provenance: ConceptProvenance
    usage: Usage = Usage()

    def of(self, label: Label) -> tuple[Example, ...]:
        """The agreed ones of one label."""
        return tuple(example for example in self.examples if example.label == label)
