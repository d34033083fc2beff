"""What a search of the stored explanations gives: one record an explanation, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from core.ids import UnitIdField
from core.results import Finite, Record, Side, Status, Verdict
from storage.records import UtcTime
from storage.search_query import Term
from storage.words import words_of

Pieces = tuple[tuple[str, bool], ...]
"""Text cut where words that were searched for begin and end, and whether each piece is one."""

SNIPPET = 200
_BEFORE = 60
_MORE = "…"


class FoundScore(Record):
    """The main figure: the correlation on the whole corpus, from the ``report`` split.

    ``null_p95`` is the 95th percentile of what the same prediction reaches on other units;
    ``caution`` says why the interval is approximate, where it is.
    """

    value: Finite | None
    low: Finite | None
    high: Finite | None
    caution: str | None
    null_p95: Finite | None
    n_excerpts: int
    status: Status
    reason: str | None


class FoundExplanation(Record):
    """An explanation that was found.

    ``verdict`` is that of its run (``None`` where it was imported), ``score`` ``None`` where the
    main figure was never computed.
    """

    unit: UnitIdField
    explanation: str
    run: str
    version: int
    text: str
    side: Side
    method: str
    verdict: Verdict | None
    finished: UtcTime | None
    score: FoundScore | None
    snippet: Pieces


class SearchPage(Record):
    """Explanations, best match first; ``after`` asks for the next page, ``None`` if it is empty."""

    hits: tuple[FoundExplanation, ...]
    after: str | None


class FoundByMeaning(FoundExplanation):
    """An explanation and how near it is to what was asked for.

    ``similarity`` is the cosine of their directions; ``z`` how many standard deviations of all
    similarities that is above their mean, ``None`` where they do not differ.
    """

    similarity: Finite
    z: Finite | None


class Similarities(Record):
    """How near all explanations that were compared are to what was asked for.

    They are the baseline of a single similarity: every explanation is near to every text to some
    degree, and how much depends on the embedder. ``count`` is how many there are; figures are
    ``None`` without any. ``not_compared`` have no direction, ``waiting`` were not yet given one.
    """

    count: int
    mean: Finite | None
    deviation: Finite | None
    median: Finite | None
    p95: Finite | None
    highest: Finite | None
    not_compared: int
    waiting: int


class MeaningPage(Record):
    """Explanations, nearest in meaning first; ``after`` asks for the next page."""

    hits: tuple[FoundByMeaning, ...]
    after: str | None
    all: Similarities
    embedder: str


def snippet(text: str, terms: Sequence[Term]) -> Pieces:
    """About :data:`SNIPPET` characters of ``text`` with the first match in them, in pieces.

    The pieces joined are a part of the text, ``…`` where it is cut.
    """
    words = words_of(text)
    marked = sorted({place for term in terms for found in term.places(words) for place in found})
    spans = [(words[place].start, words[place].end) for place in marked]
    start, end = 0, len(text)
    if end > SNIPPET:
        first = spans[0][0] if spans else 0
        start = max(0, min(first - _BEFORE, end - SNIPPET))
        starts = [word.start for word in words if start <= word.start <= first]
        start = starts[0] if start and starts else start
        end = min(end, start + SNIPPET)
        ends = [word.end for word in words if word.end <= end and word.end > first]
        end = ends[-1] if end < len(text) and ends else end
    pieces = [(_MORE, False)] if start else []
    at = start
    for left, right in spans:
        if start <= left and right <= end:
            pieces += [(text[at:left], False), (text[left:right], True)]
            at = right
    pieces += [(text[at:end], False), (_MORE if end < len(text) else "", False)]
    return tuple(_joined(pieces))


def _joined(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """The pieces that are not empty, neighbours of one kind as one (but no words)."""
    joined: list[tuple[str, bool]] = []
    for text, matched in pieces:
        if joined and not matched and not joined[-1][1]:
            joined[-1] = (joined[-1][0] + text, False)
        elif text:
            joined.append((text, matched))
    return joined
