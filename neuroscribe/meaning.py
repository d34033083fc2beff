"""Stored explanations that are nearest in meaning to a text, by cosine of an encoder's vectors.

Every explanation is given its vector once and keeps it in the store. A search compares the text
with all of them, and nothing is approximate. With a hundred thousand vectors of 384 numbers, in
SQLite and on two cores, the first search takes 1.7 s. Those after it take 0.7 s where the vectors
stay in memory (:class:`Directions`, 150 MB), two thirds of it to ask which explanations fit.
Similarities are rounded to six digits, so that pages stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.hashing import fingerprint
from storage.found import FoundByMeaning, MeaningPage, Similarities
from storage.search_rows import MOST_AT_ONCE, Search

if TYPE_CHECKING:
    from storage import Store
    from subjects.embedding import Encoder

Floats = NDArray[np.float64]
Told = Callable[[int, int], None]
"""Called with how many explanations were given a vector, of how many."""

BATCH = 64
DIGITS = 6
_SCALE = 10**DIGITS
_CHUNK = 4096
_STORED = "<f4"
_AFTER = re.compile(r"([0-9a-f]{16})-([0-9]{1,7})-([0-9]{1,10})")


def _nothing() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)


def _holds(numbers: NDArray[np.int64], number: int) -> bool:
    place = int(np.searchsorted(numbers, number))
    return place < len(numbers) and int(numbers[place]) == number


@dataclass(frozen=True, slots=True)
class Meant:
    """What is looked for: a text, and filters as for words (the text of ``filters`` is unused)."""

    text: str
    filters: Search = field(default_factory=Search)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InvalidSetting("there is no text to compare with", "say what it should mean")

    @property
    def compared(self) -> Search:
        """Which explanations are the baseline: all, or all newest ones, whatever the filters."""
        return Search(only_newest=self.filters.only_newest)


@dataclass(slots=True)
class Directions:
    """Vectors of one encoder that were read from a store once: numbers [explanations], ascending,
    and vectors [explanations, dimensions].

    Threads may share it: both are replaced at once, and what one did not see it reads again.
    """

    _read: tuple[NDArray[np.int64], NDArray[np.float32]] = field(default_factory=_nothing)

    def read(self, store: Store, embedder: str, numbers: NDArray[np.int64]) -> bool:
        """Read what is not held of these; whether all of them have a vector now."""
        known, vectors = self._read
        lacking = np.setdiff1d(numbers, known, assume_unique=True)
        if not len(lacking):
            return True
        new = [
            (number, vector)
            for number, vector in store.vectors.kept(embedder, int(lacking[0]))
            if not _holds(known, number)
        ]
        if not new:
            return False
        added = np.frombuffer(b"".join(vector for _, vector in new), _STORED)
        added = added.reshape(len(new), -1)
        every = np.concatenate([known, np.array([number for number, _ in new], dtype=np.int64)])
        order = np.argsort(every, kind="stable")
        rows = np.concatenate([vectors, added]) if len(vectors) else added
        self._read = every[order], rows[order]
        return bool(np.isin(lacking, every).all())

    def similarities(
        self, numbers: NDArray[np.int64], wanted: Floats
    ) -> tuple[NDArray[np.int64], Floats]:
        """Those of ``numbers`` that have a vector, and their cosines, NaN without a direction.

        Each cosine is a sum over one row alone, so it is the same whatever is compared beside it.
        """
        known, vectors = self._read
        places = np.flatnonzero(np.isin(known, numbers, assume_unique=True))
        found = [np.zeros(0)]
        for start in range(0, len(places), _CHUNK):
            rows = vectors[places[start : start + _CHUNK]].astype(np.float64)
            values = np.round((rows * wanted).sum(axis=1), DIGITS)
            found.append(np.where(rows.any(axis=1), values, np.nan))
        return known[places], np.clip(np.concatenate(found), -1.0, 1.0)


def search_by_meaning(
    store: Store,
    encoder: Encoder,
    meant: Meant,
    *,
    limit: int = 20,
    after: str | None = None,
    most: int | None = None,
    told: Told = lambda done, of: None,
    held: Directions | None = None,
) -> MeaningPage:
    """A page of explanations, nearest first; of equally near ones the newest.

    Explanations without a vector are given one first, at most ``most`` of them; those that remain
    are counted as ``waiting``. ``held`` keeps what was read for the next search with the same
    encoder. :class:`InvalidSetting` for what cannot be meant.
    """
    if not 1 <= limit <= MOST_AT_ONCE:
        raise InvalidSetting(
            f"a page of {limit!r} explanations cannot be given", f"from 1 to {MOST_AT_ONCE:,} can"
        )
    name = fingerprint([asdict(meant), encoder.fingerprint])
    start = None if after is None else _read(after, name)
    held = held or Directions()
    compared = np.array(store.vectors.numbers(meant.compared), dtype=np.int64)
    waiting = 0
    if not held.read(store, encoder.fingerprint, compared):
        waiting = give_vectors(store, encoder, meant.compared, most=most, told=told)
        held.read(store, encoder.fingerprint, compared)
    wanted = _directions(encoder, [meant.text])[0]
    if not wanted.any():
        raise InvalidSetting(
            f"the embedder makes nothing of {meant.text[:60]!r}", "say it in words"
        )
    numbers, values = held.similarities(compared, wanted)
    known = np.isfinite(values)
    baseline = _baseline(values[known], int((~known).sum()), waiting)
    fits = known
    if replace(meant.filters, text="") != meant.compared:
        fits = known & np.isin(numbers, store.vectors.numbers(meant.filters))
    places = _ordered(numbers[fits], values[fits], start)
    shown = places[:limit]
    found = store.vectors.found([number for _, number in shown])
    hits = tuple(
        FoundByMeaning(
            **dict(found[number]), similarity=value / _SCALE, z=_z(value / _SCALE, baseline)
        )
        for value, number in shown
        if number in found
    )
    end = f"{name}-{shown[-1][0] + _SCALE}-{shown[-1][1]}" if len(places) > limit else None
    return MeaningPage(hits=hits, after=end, all=baseline, embedder=encoder.name)


def give_vectors(
    store: Store,
    encoder: Encoder,
    asked: Search,
    *,
    most: int | None = None,
    told: Told = lambda done, of: None,
) -> int:
    """Vectors for explanations that have none, at most ``most``; how many still have none.

    They are kept batch by batch, so that what was done before an interruption is not done again.
    """
    missing = store.vectors.missing(encoder.fingerprint, asked)
    given = missing[:most]
    for start in range(0, len(given), BATCH):
        told(start, len(given))
        part = given[start : start + BATCH]
        texts = list(dict.fromkeys(text for _, text in part))
        by_text = dict(zip(texts, _directions(encoder, texts), strict=True))
        store.vectors.save(
            encoder.fingerprint,
            {id: by_text[text].astype(_STORED).tobytes() for id, text in part},
        )
    told(len(given), len(given))
    return len(missing) - len(given)


def _directions(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """Vectors [texts, dimensions] of length one, zeros where a text has no direction."""
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    vectors = np.asarray(encoder.embed(clean), dtype=np.float64)
    vectors[~np.isfinite(vectors).all(axis=1)] = 0.0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return found


def _ordered(
    numbers: NDArray[np.int64], values: Floats, start: tuple[int, int] | None
) -> list[tuple[int, int]]:
    """Similarity in millionths and number of each, in order, behind ``start``."""
    whole = np.rint(values * _SCALE).astype(np.int64)
    order = np.lexsort((-numbers, -whole))
    places = zip(whole[order].tolist(), numbers[order].tolist(), strict=True)
    return list(places) if start is None else list(_behind(places, start))


def _behind(places: Iterator[tuple[int, int]], start: tuple[int, int]) -> Iterator[tuple[int, int]]:
    return (place for place in places if place < start)


def _baseline(values: Floats, not_compared: int, waiting: int) -> Similarities:
    if not len(values):
        return Similarities(
            count=0, mean=None, deviation=None, median=None, p95=None, highest=None,
            not_compared=not_compared, waiting=waiting,
        )  # fmt: skip
    return Similarities(
        count=len(values),
        mean=float(values.mean()),
        deviation=float(values.std()),
        median=float(np.median(values)),
        p95=float(np.quantile(values, 0.95)),
        highest=float(values.max()),
        not_compared=not_compared,
        waiting=waiting,
    )


def _z(value: float, baseline: Similarities) -> float | None:
    if baseline.mean is None or not baseline.deviation:
        return None
    return (value - baseline.mean) / baseline.deviation


def _read(after: str, name: str) -> tuple[int, int]:
    read = _AFTER.fullmatch(after)
    if read is None or read[1] != name:
        raise InvalidSetting(
            f"{after[:60]!r} is not where a page of this search ended", "begin it without"
        )
    return int(read[2]) - _SCALE, int(read[3])
