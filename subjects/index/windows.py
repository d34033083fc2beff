"""Documents become windows, windows become shards: the same ones on every machine.

A window is ``length`` consecutive tokens of one document, starting at a multiple of ``length``. The
tail of a document that does not fill a window is left out and counted. Of a document with more
windows than ``per_document``, those with the lowest hash rank are kept, so that no long file
dominates. A shard is a fixed number of consecutive documents.

A window's *rank* (which of a document's windows are kept) and its *priority* (which of the kept
ones are sampled) are two hashes: were they one, the windows of long documents, kept for their low
hash, would crowd every sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.errors import CorpusError
from core.evidence import SPLITS, split_of
from core.hashing import text_hash
from subjects.corpora.document import Document
from subjects.index.layout import MAX_SHARDS, WINDOWS_PER_SHARD
from subjects.protocol import Subject

DOCUMENTS_PER_SHARD = 128
MAX_PER_DOCUMENT = WINDOWS_PER_SHARD // DOCUMENTS_PER_SHARD


@dataclass(frozen=True, slots=True)
class DocumentWindows:
    """One document's kept windows: ``ids`` [windows, length], in order of ``offsets`` (tokens)."""

    id: str
    type: str
    split: int
    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    priorities: NDArray[np.int64]
    n_tokens: int

    @property
    def tokens_left_out(self) -> int:
        """Tokens of the document that are in no kept window."""
        return self.n_tokens - self.ids.size


def priority(document: str, offset: int) -> int:
    """A window's 31-bit sampling priority: lowest is drawn first, by name alone."""
    return text_hash("neuroscribe/sample/1", document, str(offset)) >> 33


def _rank(document: str, offset: int) -> int:
    return text_hash("neuroscribe/cap/1", document, str(offset))


def cut(document: Document, subject: Subject, length: int, per_document: int) -> DocumentWindows:
    """The windows of one document (possibly none)."""
    tokens = subject.tokenize(document.text)
    starts = list(range(0, len(tokens) - length + 1, length))
    if len(starts) > per_document:
        starts = sorted(sorted(starts, key=lambda s: (_rank(document.id, s), s))[:per_document])
    ids = np.array([tokens[s : s + length] for s in starts], dtype=np.int64)
    return DocumentWindows(
        id=document.id,
        type=document.type,
        split=SPLITS.index(split_of(document.group)),
        ids=ids.reshape(len(starts), length),
        offsets=np.array(starts, dtype=np.int64),
        priorities=np.array([priority(document.id, s) for s in starts], dtype=np.int64),
        n_tokens=len(tokens),
    )


def shards(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Consecutive runs of ``DOCUMENTS_PER_SHARD`` documents, in corpus order.

    Raises :class:`CorpusError` where the corpus has more documents than window numbers can tell.
    """
    iterator = iter(documents)
    for _ in range(MAX_SHARDS):
        shard = list(islice(iterator, DOCUMENTS_PER_SHARD))
        if not shard:
            return
        yield shard
    if next(iterator, None) is not None:
        raise CorpusError(
            f"the corpus has more than {MAX_SHARDS * DOCUMENTS_PER_SHARD:,} documents",
            "take fewer with --limit",
        )


def chunks(cuts: Iterable[DocumentWindows], size: int) -> Iterator[list[DocumentWindows]]:
    """Whole documents in groups of at least ``size`` windows (the last may be smaller)."""
    chunk: list[DocumentWindows] = []
    held = 0
    for windows in cuts:
        if not len(windows.ids):
            continue
        chunk.append(windows)
        held += len(windows.ids)
        if held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
