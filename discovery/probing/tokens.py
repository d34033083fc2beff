"""From labels on characters to labels on a subject's tokens.

A token belongs to a span when all of its characters that are not white space lie inside (tokens of
white space alone: all of them). A token that a span covers in part belongs to neither class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discovery.probing.labels import WHOLE, Annotation, Collection, Feature, Span

Flags = NDArray[np.bool_]
Ranges = NDArray[np.int64]
ANY = ""
"""The kind of a negative that is no labelled span but any other text."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Token ranges [n, 2] of one document that a feature could take as a class."""

    feature: int
    positive: bool
    kind: str
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Places:
    """The characters of each token of one text, without white space around them.

    ``first`` and ``stop`` are [tokens]; an empty range stands where a token has no character.
    """

    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    length: int

    @classmethod
    def of(cls, text: str, offsets: NDArray[np.int64]) -> Places:
        """Trim ``offsets`` [tokens, 2]; tokens that are all white space keep their characters."""
        solid = np.fromiter((not c.isspace() for c in text), dtype=bool, count=len(text))
        places = np.flatnonzero(solid)
        first, stop = offsets[:, 0].copy(), offsets[:, 1].copy()
        after, before = np.searchsorted(places, first), np.searchsorted(places, stop)
        inside = after < before
        first[inside] = places[after[inside]]
        stop[inside] = places[before[inside] - 1] + 1
        return cls(first, stop, len(text))

    def covered(self, spans: Sequence[Span]) -> tuple[Flags, Flags]:
        """Which tokens lie wholly in the spans, and which at least with one character."""
        if not spans:
            nothing = np.zeros(len(self.first), dtype=bool)
            return nothing, nothing
        steps = np.zeros(self.length + 1, dtype=np.int64)
        starts = np.clip([span.start for span in spans], 0, self.length)
        stops = np.clip([span.stop for span in spans], 0, self.length)
        np.add.at(steps, starts, 1)
        np.add.at(steps, stops, -1)
        sums = np.concatenate([[0], np.cumsum(np.cumsum(steps)[:-1] > 0)])
        counts = sums[self.stop] - sums[self.first]
        touched = counts > 0
        return touched & (counts == self.stop - self.first), touched

    def ranges(self, spans: Sequence[Span]) -> tuple[Ranges, int]:
        """The tokens of each span [n, 2], without spans that cut a token or hold none, and how many
        those were."""
        starts = np.array([span.start for span in spans], dtype=np.int64)
        stops = np.array([span.stop for span in spans], dtype=np.int64)
        # Token k lies in a span when it begins at or after its start and ends at or before its
        # stop; tokens are in order of their characters.
        first = np.searchsorted(self.stop, starts, side="right")
        last = np.searchsorted(self.first, stops, side="left")
        kept = first < last
        kept[kept] &= self.first[first[kept]] >= starts[kept]
        kept[kept] &= self.stop[last[kept] - 1] <= stops[kept]
        return np.stack([first, last], axis=1)[kept], int((~kept).sum())


@dataclass(slots=True)
class Labeller:
    """Finds the candidates of a collection's documents, and counts what no token fits.

    ``by_token`` [features, vocabulary] are labels that hang on the token alone; the annotations'
    spans are not looked at then.
    """

    collection: Collection
    by_token: Flags | None = None
    cut: int = 0

    def candidates(
        self, annotation: Annotation, places: Places, ids: Sequence[int]
    ) -> Iterator[Candidates]:
        """Positives, negatives by kind, and other text (kind :data:`ANY`) of every feature."""
        if self.by_token is not None:
            for index, flags in enumerate(self.by_token[:, np.asarray(ids)]):
                yield Candidates(index, True, ANY, _singles(flags))
                yield Candidates(index, False, ANY, _singles(~flags))
            return
        for index, feature in enumerate(self.collection.features):
            yield from self._of_feature(index, feature, annotation, places)

    def _of_feature(
        self, index: int, feature: Feature, annotation: Annotation, places: Places
    ) -> Iterator[Candidates]:
        positive = annotation.positive.get(feature.name, ())
        negative = annotation.negative.get(feature.name, ())
        if feature.negatives == "among" and not positive and not negative:
            return
        inside, touched = places.covered(positive)
        _, against = places.covered(negative)
        _, skipped = places.covered(annotation.left_out.get(feature.name, ()))
        found = self._rows(positive, places, skipped)
        yield Candidates(index, True, ANY, found)
        if feature.negatives != "any":
            for kind in sorted({span.kind for span in negative}):
                spans = [span for span in negative if span.kind == kind]
                rows = self._negatives(spans, places, (skipped, touched), found)
                yield Candidates(index, False, kind or "-", rows)
        if feature.negatives != "among":
            free = ~touched & ~skipped
            if feature.negatives == "half":
                free &= ~against
            yield Candidates(index, False, ANY, self._free(free, inside))

    def _negatives(
        self, spans: Sequence[Span], places: Places, out: tuple[Flags, Flags], positives: Ranges
    ) -> Ranges:
        """What is read of spans labelled as negative: no token that a positive span touches, or,
        where a span is one row, no row that is a positive one."""
        skipped, touched = out
        if self.collection.reading == "every":
            return self._rows(spans, places, skipped | touched)
        rows, taken = self._rows(spans, places, skipped), set(map(tuple, positives.tolist()))
        return rows[[tuple(row) not in taken for row in rows.tolist()]]

    def _rows(self, spans: Sequence[Span], places: Places, skipped: Flags) -> Ranges:
        """What is read of labelled spans."""
        reading = self.collection.reading
        if reading == "every":
            inside, touched = places.covered(spans)
            self.cut += int((touched & ~inside).sum())
            return _singles(inside & ~skipped)
        if any(span.stop >= WHOLE for span in spans):
            return np.array([[0, len(places.first)]], dtype=np.int64)
        ranges, cut = places.ranges(spans)
        self.cut += cut
        if reading == "last" and len(ranges):
            ranges = np.stack([ranges[:, 1] - 1, ranges[:, 1]], axis=1)
        clear = [not skipped[a:b].any() for a, b in ranges]
        found: Ranges = ranges[np.array(clear, dtype=bool)]
        return found

    def _free(self, free: Flags, inside: Flags) -> Ranges:
        """What is read of other text: single tokens, or runs of them for whole spans."""
        if self.collection.reading in ("every", "last"):
            return _singles(free)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
        return edges.reshape(-1, 2).astype(np.int64)


def _singles(flags: Flags) -> Ranges:
    tokens = np.flatnonzero(flags).astype(np.int64)
    return np.stack([tokens, tokens + 1], axis=1)
