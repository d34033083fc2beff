"""Windows of tokens with what is known of each token: in the context, out of it, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Annotation, Collection, Span
from discovery.probing.priority import priorities
from discovery.probing.tokens import Places
from subjects.protocol import Aligned, Subject

Over = Literal["documents", "groups"]
IN, OUT, UNKNOWN = 1, -1, 0


@dataclass(frozen=True, slots=True)
class LabelledWindows:
    """Text of one subject's tokenizer and the context of every token.

    Attributes:
        ids: Token IDs [windows, longest], -1 after a window's end.
        lengths: Tokens in each window [windows].
        context: int8 [windows, longest]: 1 in the context, -1 out of it, 0 where nobody knows (and
            after a window's end); such tokens are read and counted nowhere.
        clusters: What an interval draws: the document or group of each window [windows], numbers.
        over: What the clusters are.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    context: NDArray[np.int8]
    clusters: NDArray[np.int64]
    over: Over = "documents"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which tokens are known to be in or out [windows, longest]."""
        return np.asarray(self.context != UNKNOWN)

    @property
    def unknown(self) -> int:
        """Tokens that are neither in nor out."""
        return int(self.lengths.sum()) - int(self.labelled.sum())

    def take(self, rows: NDArray[np.int64]) -> LabelledWindows:
        """The windows of these numbers, in their order."""
        return replace(
            self,
            ids=self.ids[rows],
            lengths=self.lengths[rows],
            context=self.context[rows],
            clusters=self.clusters[rows],
        )

    @property
    def followed(self) -> bool:
        """Whether any token in the context has a token after it in its window."""
        places = np.arange(self.ids.shape[1])[None] < self.lengths[:, None] - 1
        return bool(((self.context == IN) & places).any())

    def whole(self) -> LabelledWindows:
        """The same text with every token labelled: unknown ones count as out of the context."""
        there = np.arange(self.ids.shape[1])[None] < self.lengths[:, None]
        context = np.where(there & (self.context == UNKNOWN), OUT, self.context)
        return replace(self, context=context.astype(np.int8))

    def sample(self, most: int, seed: int) -> LabelledWindows:
        """At most ``most`` windows: half with tokens in the context, half with none, at random.

        What one half does not need, the other gets.
        """
        if len(self) <= most:
            return self
        order = np.random.default_rng(seed).permutation(len(self))
        holds = (self.context[order] == IN).any(1)
        inside, outside = order[holds], order[~holds]
        wanted = max(most // 2, most - len(outside))
        inside = inside[:wanted]
        return self.take(np.sort(np.r_[inside, outside[: most - len(inside)]]))

    def divided(self, train: float, seed: int) -> tuple[LabelledWindows, LabelledWindows]:
        """Two parts that share no cluster; about ``train`` of the clusters are in the first."""
        known = np.unique(self.clusters)
        order = np.random.default_rng(seed).permutation(known)
        first = np.isin(self.clusters, order[: round(train * len(known))])
        return self.take(np.flatnonzero(first)), self.take(np.flatnonzero(~first))


def windows_of(
    dataset: ProbingDataset,
    feature: str,
    *,
    documents: NDArray[np.int64] | None = None,
    over: Over = "documents",
) -> LabelledWindows:
    """A dataset's windows with labelled tokens of ``feature``; KeyError when there is no such one.

    A token is in the context where a positive row holds it and out where a negative row does. Rows
    of a whole sequence make all of its tokens one or the other; where only sampled tokens are
    labelled, the others are unknown, and so are tokens with labels of both kinds. ``documents``
    (numbers) leaves out all others: those that chose the units, say.
    """
    labels = dataset.labels[:, dataset.column(feature)]
    used = labels != 0
    if documents is not None:
        used &= np.isin(dataset.row_documents, documents)
    of_row, *places = dataset.tokens_of(used)
    marks = labels[used][of_row]
    inside = np.zeros(dataset.ids.shape, dtype=np.bool_)
    outside = np.zeros(dataset.ids.shape, dtype=np.bool_)
    inside[tuple(axis[marks > 0] for axis in places)] = True
    outside[tuple(axis[marks < 0] for axis in places)] = True
    kept = np.unique(places[0])
    context = (inside.astype(np.int8) - outside.astype(np.int8))[kept]
    return LabelledWindows(
        ids=dataset.ids[kept].astype(np.int64),
        lengths=dataset.lengths[kept].astype(np.int64),
        context=context,
        clusters=_clusters(dataset, over)[dataset.documents[kept]],
        over=over,
    )


def running_windows(
    subject: Subject,
    collection: Collection,
    feature: str,
    *,
    length: int = 128,
    most_tokens: int = 200_000,
    seed: int = 0,
) -> LabelledWindows:
    """Windows of a collection's text as it comes, drawn evenly from all of it: ``most_tokens``.

    Which ones hangs on documents' names, places and the seed alone, never on labels.
    A token is in where a positive span covers it (its last token alone where the collection reads
    the last one; the others are unknown then), unknown where a span covers it in part or leaves it
    out, and out everywhere else, also outside of what negatives are restricted to: the question is
    what share of all text the label has. Documents are the clusters. KeyError when there is no such
    feature.
    """
    if feature not in {known.name for known in collection.features}:
        raise KeyError(feature)
    length = min(length, subject.max_text, max(1, most_tokens))
    kept: list[_Window] = []
    most = max(1, most_tokens // length)
    for number, annotation in enumerate(collection.annotations()):
        aligned = subject.aligned(annotation.document.text)
        context = _context(aligned, annotation, feature, last=collection.reading == "last")
        ids = np.asarray(aligned.ids, dtype=np.int64)
        starts = np.arange(0, len(ids), length)
        drawn = priorities(f"running {annotation.document.id}", starts, seed)
        for start, rank in zip(starts.tolist(), drawn.tolist(), strict=True):
            part = slice(start, start + length)
            kept.append((rank, number, start, ids[part], context[part]))
        if len(kept) > 2 * most:
            kept = sorted(kept, key=_rank)[:most]
    chosen = sorted(sorted(kept, key=_rank)[:most], key=_place)
    return _stacked([(ids, context, number) for _, number, _, ids, context in chosen])


_Window = tuple[int, int, int, NDArray[np.int64], NDArray[np.int8]]
"""Priority, number of the document, first token, token IDs, labels."""


def _rank(window: _Window) -> tuple[int, int, int]:
    return window[0], window[1], window[2]


def _place(window: _Window) -> tuple[int, int]:
    return window[1], window[2]


def _clusters(dataset: ProbingDataset, over: Over) -> NDArray[np.int64]:
    if over == "documents":
        return np.arange(len(dataset.document_names))
    _, number = np.unique(np.asarray(dataset.groups), return_inverse=True)
    return np.asarray(number, dtype=np.int64)


def _context(
    aligned: Aligned, annotation: Annotation, feature: str, *, last: bool
) -> NDArray[np.int8]:
    places = Places.of(annotation.document.text, aligned.offsets.reshape(-1, 2))
    first, stop = places.first, places.stop
    context = np.full(len(first), OUT, dtype=np.int8)
    for span in annotation.left_out.get(feature, ()):
        context[_touched(first, stop, span)] = UNKNOWN
    for span in annotation.positive.get(feature, ()):
        touched = _touched(first, stop, span)
        covered = touched & (first >= span.start) & (stop <= span.stop)
        context[touched & ~covered] = UNKNOWN
        inside = np.flatnonzero(covered)
        context[inside[:-1] if last else []] = UNKNOWN
        context[inside[-1:] if last else inside] = IN
    return context


def _touched(first: NDArray[np.int64], stop: NDArray[np.int64], span: Span) -> NDArray[np.bool_]:
    return (first < span.stop) & (stop > span.start)


def _stacked(rows: list[tuple[NDArray[np.int64], NDArray[np.int8], int]]) -> LabelledWindows:
    lengths = np.array([len(ids) for ids, _, _ in rows], dtype=np.int64)
    longest = int(lengths.max()) if len(lengths) else 0
    ids = np.full((len(rows), longest), -1, dtype=np.int64)
    context = np.zeros((len(rows), longest), dtype=np.int8)
    for row, (tokens, marks, _) in enumerate(rows):
        ids[row, : len(tokens)], context[row, : len(tokens)] = tokens, marks
    clusters = np.array([number for _, _, number in rows], dtype=np.int64)
    return LabelledWindows(ids, lengths, context, clusters)
