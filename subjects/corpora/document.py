"""One document of a corpus: its text, and what keeps the evidence splits honest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One text with the names that the rest of the system knows it by.

    Attributes:
        id: Stable name, unique in its corpus, e.g. ``generated/agreement/frame-03/000017``.
        text: The whole text.
        type: What kind of text it is, e.g. ``generated:agreement``.
        group: Documents that share a template are in one group. A group is never divided
            between evidence splits, so an explanation cannot be scored on a sentence pattern
            that it was written from.
    """

    id: str
    text: str
    type: str
    group: str
