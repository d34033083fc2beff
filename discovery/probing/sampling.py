"""From a collection to the rows of a probe: places drawn once, shared by all features.

Every place has one random priority, whatever the feature (:mod:`.priority`), and each feature takes
the lowest of its positives and of each kind of its negatives. So features tend to use the same
places, and activations are read once. Memory is bounded by what is drawn, not by the corpus.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import CorpusEmpty, InvalidSetting
from core.hashing import fingerprint
from discovery.probing.dataset import Aggregate, LeftOut, ProbingDataset
from discovery.probing.labels import Annotation, Collection, Feature
from discovery.probing.priority import Pool, priorities
from discovery.probing.tokens import ANY, Candidates, Labeller, Places, Ranges

if TYPE_CHECKING:
    from subjects.protocol import Subject

VERSION = 3
"""Raised when the same settings on the same text draw other rows."""
LEAST_POSITIVES = 20
LEAST_SEQUENCE = 8
"""Tokens that a window needs to be read as a whole."""
_PRUNE_EVERY = 512
_LENGTHS = 64
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How rows are drawn.

    Attributes:
        window: Tokens in one window, where the collection does not ask for others.
        most: Rows of one feature at most.
        share: Positive share that is aimed at; negatives are left away, never repeated.
        per_document: Windows of one document at most, drawn by priority (None: all).
        seed: Draws other places.
    """

    window: int = 64
    most: int = 5000
    share: float = 0.2
    per_document: int | None = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.window < 1:
            raise InvalidSetting(
                f"a window of {self.window!r} tokens holds nothing", "give 1 or more"
            )
        if self.most < 2 * LEAST_POSITIVES:
            raise InvalidSetting(
                f"{self.most!r} rows a feature are too few", f"give {2 * LEAST_POSITIVES} or more"
            )
        if not 0 < self.share < 1:
            raise InvalidSetting(
                f"positive share {self.share!r} is not between 0 and 1", "0.2 is the default"
            )


@dataclass(slots=True)
class _Text:
    """A document whose tokens may still be needed."""

    name: str
    group: str
    ids: NDArray[np.int32]


@dataclass(slots=True)
class _Drawer:
    """Pools of candidate rows, one for each feature, class and kind."""

    collection: Collection
    sampling: Sampling
    window: int
    texts: dict[int, _Text] = field(default_factory=dict)
    pools: dict[tuple[int, bool, str], Pool] = field(default_factory=dict)
    lengths: deque[int] = field(default_factory=lambda: deque([1], maxlen=_LENGTHS))
    read: int = 0
    tokens: int = 0
    outside: int = 0
    """Labelled spans that lie in no one window."""
    passed: Counter[int] = field(default_factory=Counter)
    """By feature: positives in windows of long documents that are not used."""
    short: Counter[int] = field(default_factory=Counter)
    """By feature: positives that are whole documents of too few tokens."""

    def take(self, annotation: Annotation, ids: list[int], found: Iterator[Candidates]) -> None:
        """Offer the candidates of one document to their pools."""
        number = self.read
        self.read += 1
        self.tokens += len(ids)
        document = annotation.document
        kept = self._windows(document.id, len(ids))
        used = False
        for candidates in found:
            rows = self._placed(candidates, kept, len(ids))
            if not len(rows):
                continue
            used = True
            drawn = priorities(document.id, rows[:, 1], self.sampling.seed)
            places = np.column_stack([np.full(len(rows), number), rows])
            self._pool(candidates).offer(drawn, places)
        if used:
            self.texts[number] = _Text(document.id, document.group, np.array(ids, dtype=np.int32))
        if self.read % _PRUNE_EVERY == 0:
            self._prune()

    def _pool(self, candidates: Candidates) -> Pool:
        key = (candidates.feature, candidates.positive, candidates.kind)
        if key not in self.pools:
            share = self.sampling.share if candidates.positive else 1 - self.sampling.share
            self.pools[key] = Pool(max(1, round(self.sampling.most * share)), 4)
        return self.pools[key]

    def _windows(self, document: str, n: int) -> NDArray[np.int64]:
        """The first tokens of the windows that are used, by priority where there are too many."""
        starts = np.arange(self.collection.skip, max(n, self.collection.skip), self.window)
        limits = (self.collection.per_document, self.sampling.per_document)
        most = min((limit for limit in limits if limit is not None), default=None)
        if self.collection.ending or most is None or len(starts) <= most:
            return starts.astype(np.int64)
        rank = priorities(f"windows of {document}", starts, self.sampling.seed)
        return np.sort(starts[np.argsort(rank, kind="stable")[:most]]).astype(np.int64)

    def _placed(self, found: Candidates, kept: NDArray[np.int64], n: int) -> Ranges:
        """(window start, first, stop) in tokens of the document [rows, 3]."""
        ranges = found.ranges
        skip = self.collection.skip
        if self.collection.reading in ("mean", "max"):
            if found.positive:
                self.lengths.extend(int(b - a) for a, b in ranges if b - a <= self.window)
            ranges = self._pieces(found, n)
        ranges = ranges[ranges[:, 0] >= skip]
        if self.collection.ending:
            starts = np.maximum(skip, ranges[:, 1] - self.window)
            inside = starts <= ranges[:, 0]
            used = inside
        else:
            starts = skip + (ranges[:, 0] - skip) // self.window * self.window
            inside = ranges[:, 1] <= starts + self.window
            used = inside & np.isin(starts, kept)
        self.outside += int((~inside).sum())
        if found.positive:
            self.passed[found.feature] += int((inside & ~used).sum())
        return np.column_stack([starts, ranges])[used]

    def _pieces(self, found: Candidates, n: int) -> Ranges:
        """Whole windows of what covers a whole document; pieces as long as positives of other
        text; labelled spans as they are."""
        skip, pieces = self.collection.skip, []
        for first, stop in found.ranges.tolist():
            if first == 0 and stop == n:
                windows = [
                    (a, min(a + self.window, n))
                    for a in range(skip, n, self.window)
                    if min(a + self.window, n) - a >= min(LEAST_SEQUENCE, self.window)
                ]
                self.short[found.feature] += found.positive and not windows
                pieces += windows
            elif found.positive or found.kind != ANY:
                pieces.append((first, stop))
            else:
                pieces += self._like_positives(first, stop)
        return np.array(pieces, dtype=np.int64).reshape(-1, 2)

    def _like_positives(self, first: int, stop: int) -> list[tuple[int, int]]:
        found = []
        while first < stop:
            length = self.lengths[0]
            self.lengths.rotate(-1)
            if first + length <= stop:
                found.append((first, first + length))
            first += length
        return found

    def _prune(self) -> None:
        needed = {int(place[0]) for pool in self.pools.values() for place in pool.lowest()[1]}
        self.texts = {number: text for number, text in self.texts.items() if number in needed}


def sample(
    collection: Collection,
    subject: Subject,
    sampling: Sampling | None = None,
    *,
    by_token: NDArray[np.bool_] | None = None,
    told: Told | None = None,
) -> ProbingDataset:
    """Draw the rows of every feature of ``collection`` on the tokens of ``subject``.

    ``by_token`` [features, vocabulary] labels tokens by what they are; spans are not looked at
    then. ``told`` hears the number of documents read so far. Features with fewer than 20 positives
    or with one class only are in ``left_out``, with the reason. Raises :class:`CorpusEmpty` when no
    feature is left, :class:`InvalidSetting` for settings that cannot be used.
    """
    sampling = sampling or Sampling()
    window = window_of(collection, sampling, subject)
    labeller = Labeller(collection, by_token)
    drawer = _Drawer(collection, sampling, window)
    for annotation in collection.annotations():
        text = annotation.document.text
        aligned = subject.aligned(text)
        if not aligned.ids:
            continue
        places = Places.of(text, aligned.offsets)
        found = labeller.candidates(annotation, places, aligned.ids)
        drawer.take(annotation, aligned.ids, found)
        if told is not None:
            told(drawer.read)
    return _dataset(drawer, collection, sampling, labeller.cut, subject.spec.tokenizer)


def dataset_fingerprint(
    collection: Collection, sampling: Sampling, window: int, tokenizer: str
) -> str:
    """What :func:`sample` gives its dataset, told without reading the text."""
    return fingerprint([VERSION, collection.fingerprint, tokenizer, asdict(sampling), window])


def window_of(collection: Collection, sampling: Sampling, subject: Subject) -> int:
    """Tokens in a window: as the collection asks (or less where the subject takes less), or else
    the settings.

    Raises :class:`InvalidSetting` where these ask for more than the subject takes.
    """
    if collection.window is not None:
        return min(collection.window, subject.max_text)
    if sampling.window > subject.max_text:
        raise InvalidSetting(
            f"window {sampling.window!r} does not fit subject {subject.spec.name!r}",
            f"give 1 to {subject.max_text} tokens",
        )
    return sampling.window


def _dataset(
    drawer: _Drawer, collection: Collection, sampling: Sampling, cut: int, tokenizer: str
) -> ProbingDataset:
    chosen: list[tuple[Feature, Ranges, Ranges]] = []
    left_out: list[LeftOut] = []
    for index, feature in enumerate(collection.features):
        positive, negative = _drawn(drawer, index, feature, sampling)
        reason = _unusable(len(positive), len(negative), _lost(drawer, index, cut))
        if reason is not None:
            left_out.append(LeftOut(feature.name, feature.description, reason))
        else:
            chosen.append((feature, positive, negative))
    if not chosen:
        first = f"; {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise CorpusEmpty(
            f"collection {collection.name!r} has no feature that can be probed on this text{first}",
            f"a feature needs {LEAST_POSITIVES} positives and as many negatives",
        )
    places = np.concatenate([part for _, *both in chosen for part in both])
    rows, inverse = np.unique(places, axis=0, return_inverse=True)
    labels = np.zeros((len(rows), len(chosen)), dtype=np.int8)
    taken = 0
    for column, (_, positive, negative) in enumerate(chosen):
        for part, label in ((positive, 1), (negative, -1)):
            labels[inverse.reshape(-1)[taken : taken + len(part)], column] = label
            taken += len(part)
    return _assembled(
        drawer, collection, sampling, (rows, labels, cut, tokenizer), chosen, left_out
    )


def _assembled(
    drawer: _Drawer,
    collection: Collection,
    sampling: Sampling,
    drawn: tuple[Ranges, NDArray[np.int8], int, str],
    chosen: list[tuple[Feature, Ranges, Ranges]],
    left_out: list[LeftOut],
) -> ProbingDataset:
    rows, labels, cut, tokenizer = drawn
    if collection.ending:
        keys = np.column_stack([rows[:, 0], rows[:, 1], rows[:, 3]])
    else:
        keys = np.column_stack([rows[:, 0], rows[:, 1], np.zeros(len(rows), dtype=np.int64)])
    windows, of_row = np.unique(keys, axis=0, return_inverse=True)
    of_row = of_row.reshape(-1)
    order = np.lexsort((rows[:, 3], rows[:, 2], of_row))
    rows, labels, of_row = rows[order], labels[order], of_row[order]
    numbers, documents = np.unique(windows[:, 0], return_inverse=True)
    texts = [drawer.texts[int(number)] for number in numbers]
    ids = np.full((len(windows), drawer.window), -1, dtype=np.int32)
    lengths = np.zeros(len(windows), dtype=np.int32)
    for row, ((_, start, stop), document) in enumerate(
        zip(windows, documents.reshape(-1), strict=True)
    ):
        all_ids = texts[document].ids
        end = int(stop) if collection.ending else min(int(start) + drawer.window, len(all_ids))
        lengths[row] = end - start
        ids[row, : lengths[row]] = all_ids[start:end]
    aggregates: dict[str, Aggregate] = {"mean": "mean", "max": "max"}
    return ProbingDataset(
        collection=collection.name,
        features=tuple(feature for feature, _, _ in chosen),
        ids=ids,
        lengths=lengths,
        documents=documents.reshape(-1).astype(np.int32),
        offsets=windows[:, 1].astype(np.int32),
        document_names=tuple(text.name for text in texts),
        groups=tuple(text.group for text in texts),
        rows=np.column_stack([of_row, rows[:, 2:] - rows[:, 1:2]]).astype(np.int32),
        labels=labels,
        aggregate=aggregates.get(collection.reading),
        fingerprint=dataset_fingerprint(collection, sampling, drawer.window, tokenizer),
        left_out=tuple(left_out),
        cut=cut,
        outside=drawer.outside,
        seen=drawer.read,
        tokens_seen=drawer.tokens,
    )


def _drawn(
    drawer: _Drawer, index: int, feature: Feature, sampling: Sampling
) -> tuple[Ranges, Ranges]:
    """The rows of both classes of a feature, in the share that is aimed at."""
    pools = {key[1:]: pool for key, pool in drawer.pools.items() if key[0] == index}
    positive = pools.get((True, ANY))
    kinds = sorted(kind for is_positive, kind in pools if not is_positive)
    if positive is None or not kinds:
        some = np.empty((0, 4), dtype=np.int64)
        return (some if positive is None else positive.lowest()[1]), some
    odds = (1 - sampling.share) / sampling.share
    negatives = {kind: pools[(False, kind)] for kind in kinds}
    there = sum(len(pool.lowest()[0]) for pool in negatives.values())
    n = min(len(positive.lowest()[0]), max(LEAST_POSITIVES, round(there / odds)))
    wanted = min(there, max(LEAST_POSITIVES, round(n * odds)))
    parts = [
        negatives[kind].lowest(count)[1]
        for kind, count in _shares(negatives, wanted, feature).items()
    ]
    return positive.lowest(n)[1], np.concatenate(parts)


def _shares(pools: dict[str, Pool], wanted: int, feature: Feature) -> dict[str, int]:
    """How many negatives of each kind: equal shares, and what one kind lacks from the others."""
    have = {kind: len(pool.lowest()[0]) for kind, pool in pools.items()}
    aim = dict.fromkeys(pools, 1.0)
    if feature.negatives == "half" and ANY in aim and len(aim) > 1:
        aim[ANY] = len(aim) - 1.0
    found = dict.fromkeys(pools, 0)
    left = wanted
    while left > 0 and any(have[kind] > found[kind] for kind in pools):
        open_kinds = [kind for kind in pools if have[kind] > found[kind]]
        total = sum(aim[kind] for kind in open_kinds)
        for kind in open_kinds:
            more = min(
                have[kind] - found[kind],
                max(1, int(left * aim[kind] / total)),
                wanted - sum(found.values()),
            )
            found[kind] += more
        left = wanted - sum(found.values())
    return found


def _lost(drawer: _Drawer, feature: int, cut: int) -> str:
    """What became of labels that are no rows; windows of this feature, the rest of all together."""
    found = {
        f"{drawer.outside} labelled spans lie in no one window": drawer.outside,
        f"{cut} labelled places are cut by tokens": cut,
        f"{drawer.short[feature]} are whole texts of fewer than {LEAST_SEQUENCE} tokens": (
            drawer.short[feature]
        ),
        f"{drawer.passed[feature]} more lie in windows beyond those used of one document": (
            drawer.passed[feature]
        ),
    }
    return "; ".join(said for said, count in found.items() if count)


def _unusable(positives: int, negatives: int, lost: str) -> str | None:
    if positives < LEAST_POSITIVES:
        reason = f" ({lost})" if lost else ""
        return f"{positives} positives; {LEAST_POSITIVES} are needed{reason}"
    if negatives == 0:
        return "one class only: there is no negative"
    if negatives < LEAST_POSITIVES:
        return f"{negatives} negatives; {LEAST_POSITIVES} are needed"
    return None
