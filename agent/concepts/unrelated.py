"""Passages of a corpus that stand for text that has nothing to do with a concept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from agent.concepts.examples import Example
from core.hashing import text_hash, unit_interval
from subjects.corpora.document import Document

READ = 2_000
"""So many first documents are drawn from."""
CHARACTERS = 20_000
"""So much of each is looked at."""
_WORD = re.compile(r"\S+")


def passages(
    documents: Iterable[Document], like: Sequence[Example], seed: int
) -> tuple[Example, ...]:
    """At most one passage for each text of ``like``: as long, with a span of as many words.

    That they are alike keeps length and place from telling them apart. They come from different
    documents, drawn by hash; those that are too short are passed over.
    """
    ranked = sorted(
        (
            (text_hash("neuroscribe/unrelated/1", str(seed), d.id), d)
            for d in islice(documents, READ)
        ),
        key=lambda pair: pair[0],
    )
    found: dict[str, Example] = {}
    for _, document in ranked:
        if len(found) == len(like):
            break
        passage = _cut(document, like[len(found)], seed)
        if passage is not None:
            found.setdefault(passage.text, passage)
    return tuple(found.values())


def _cut(document: Document, like: Example, seed: int) -> Example | None:
    """A passage that begins at a word drawn by hash, None where the document is too short."""
    words = list(_WORD.finditer(document.text[:CHARACTERS]))
    wanted = max(len(_WORD.findall(like.text[like.start : like.stop])), 1)
    length = max(len(_WORD.findall(like.text)), wanted)
    if len(words) < length:
        return None
    drawn = unit_interval("neuroscribe/unrelated/2", str(seed), document.id)
    first = int(drawn * (len(words) - length + 1))
    inside = len(_WORD.findall(like.text[: like.start]))
    inside = first + min(inside, length - wanted)
    begin, end = words[first].start(), words[first + length - 1].end()
    start, stop = words[inside].start(), words[inside + wanted - 1].end()
    text = document.text[begin:end]
    return Example(text=text, start=start - begin, stop=stop - begin, label="other")
