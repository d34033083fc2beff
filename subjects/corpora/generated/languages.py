"""Everyday sentences in several natural languages, from small grammars that agree correctly.

Each language is a :class:`Grammar`: topic by topic, sentence patterns and word lists in which the
article, the adjective and the case are already right (nouns are listed with their gender, and the
grammar inflects what stands beside them). A document holds one language and one topic.
"""

from __future__ import annotations

from . import germanic, romance
from .draw import Frame, capital, pattern_frame
from .grammar import Grammar

LANGUAGES: dict[str, Grammar] = romance.GRAMMARS | germanic.GRAMMARS


def _frames(code: str, grammar: Grammar) -> tuple[Frame, ...]:
    made = []
    for nouns, own in grammar.topics:
        slots = grammar.slots(nouns)
        base = pattern_frame((*grammar.patterns, *own, *own), slots, finish=capital)
        made.append(Frame(base.render, variant=code))
    return tuple(made)


FRAMES: tuple[Frame, ...] = tuple(
    frame for code, grammar in LANGUAGES.items() for frame in _frames(code, grammar)
)
