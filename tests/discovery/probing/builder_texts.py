"""Corpora of a few texts, and what an annotation says in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.hashing import fingerprint
from discovery.probing.labels import Annotation, Collection, Span
from subjects.corpora.document import Document


class Texts:
    """Documents of one type; IDs are ``0``, ``1``, ... or the names given."""

    def __init__(self, *texts: str, kind: str = "row", **named: str) -> None:
        self._documents = [
            Document(name, text, kind, name)
            for name, text in [*((str(i), t) for i, t in enumerate(texts)), *named.items()]
        ]

    @classmethod
    def of(cls, *documents: Document) -> Texts:
        made = cls()
        made._documents = list(documents)
        return made

    name = "texts"

    @property
    def fingerprint(self) -> str:
        return fingerprint([[d.id, d.text, d.type] for d in self._documents])

    @property
    def n_documents(self) -> int | None:
        return len(self._documents)

    def documents(self) -> Iterator[Document]:
        yield from self._documents


def words(annotation: Annotation, spans: Mapping[str, tuple[Span, ...]]) -> dict[str, list[str]]:
    """The text of each feature's spans, without features that have none."""
    text = annotation.document.text
    return {name: [text[s.start : s.stop] for s in found] for name, found in spans.items() if found}


def positives(collection: Collection) -> list[dict[str, list[str]]]:
    """For each document what is labelled, in words."""
    return [words(a, a.positive) for a in collection.annotations()]
