"""What a corpus is, and how documents that repeat each other are grouped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Protocol

import numpy as np

from core.errors import InvalidSetting
from core.hashing import fingerprint, text_hash
from subjects.corpora.document import Document

_SHINGLE = 6
_ODD = np.uint64(0x9E3779B97F4A7C15)
_WORD = re.compile(r"[^\W\d_]+|[0-9]+|[^\w\s]")


class Corpus(Protocol):
    """Documents in a fixed order, under a fingerprint that names their content."""

    @property
    def name(self) -> str:
        """What the user called it: ``builtin``, a path, a data set's name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever a document does."""
        ...

    @property
    def n_documents(self) -> int | None:
        """How many documents there are, or None where only reading them would tell."""
        ...

    def documents(self) -> Iterator[Document]:
        """Every document, always in the same order."""
        ...


class FirstDocuments:
    """The first ``limit`` documents of another corpus."""

    def __init__(self, corpus: Corpus, limit: int) -> None:
        if limit < 1:
            raise InvalidSetting(f"limit {limit!r} takes no document", "give 1 or more")
        self.corpus, self.limit = corpus, limit

    @property
    def name(self) -> str:
        """The whole corpus's name."""
        return self.corpus.name

    @property
    def fingerprint(self) -> str:
        """Names the whole corpus and the limit."""
        return f"first-{self.limit}-{fingerprint(self.corpus.fingerprint)}"

    @property
    def n_documents(self) -> int | None:
        """At most the limit."""
        known = self.corpus.n_documents
        return None if known is None else min(known, self.limit)

    def documents(self) -> Iterator[Document]:
        """The first documents, in the corpus's order."""
        return islice(self.corpus.documents(), self.limit)


def near_duplicate_group(text: str) -> str:
    """A group name that near-duplicates tend to share: the min-hash of the text's word shingles.

    Two texts get the same group with the probability of their shingle sets' Jaccard similarity
    (Broder 1997); case is ignored and numbers count as equal. It needs no memory of other
    documents, so it works on a stream.
    """
    words = np.fromiter(map(_word_hash, _WORD.findall(text)), dtype=np.uint64)
    if len(words) <= _SHINGLE:
        return f"text/{text_hash(*map(str, words.tolist())):016x}"
    count = len(words) - _SHINGLE + 1
    shingles = np.zeros(count, dtype=np.uint64)
    for place in range(_SHINGLE):  # arithmetic modulo 2^64
        shingles = (shingles + words[place : place + count]) * _ODD
    shingles ^= shingles >> np.uint64(31)
    shingles *= _ODD
    shingles ^= shingles >> np.uint64(29)
    return f"shingle/{int(shingles.min()):016x}"


@lru_cache(maxsize=1 << 16)
def _word_hash(word: str) -> int:
    return text_hash("0" if word.isdigit() else word.lower())
