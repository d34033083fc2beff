"""What the small grammars of the natural languages have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language as patterns over inflected phrases.

    Attributes:
        phrases: From (noun, gender, adjective forms) to the phrases of one noun, by slot:
            ``def`` (definite, subject), ``obj`` (indefinite with adjective, object) and ``is``
            (definite noun, copula and agreeing adjective).
        adjectives: Inflected forms of each adjective, as ``phrases`` expects them.
        words: Other slots (names, days, places, adverbs).
        patterns: Sentence patterns of all topics.
        topics: For each topic its nouns (``gender:noun`` separated by commas) and its patterns.
    """

    phrases: Callable[[str, str, str], dict[str, str]]
    adjectives: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    patterns: tuple[str, ...]
    topics: tuple[tuple[str, tuple[str, ...]], ...]

    def slots(self, nouns: str) -> dict[str, tuple[str, ...]]:
        """The slot lists of a topic: every noun with every adjective, inflected."""
        slots: dict[str, list[str]] = {}
        for entry in nouns.split(","):
            gender, noun = entry.strip().split(":")
            for adjective in self.adjectives:
                for slot, phrase in self.phrases(noun, gender, adjective).items():
                    slots.setdefault(slot, []).append(phrase)
        return {slot: tuple(dict.fromkeys(found)) for slot, found in slots.items()} | self.words
