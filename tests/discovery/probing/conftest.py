"""A subject with planted units, and small collections whose labels are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from discovery.probing.labels import Annotation, Collection, Feature, Reading, Span
from subjects.corpora.document import Document
from subjects.planted import load_planted
from subjects.planted.subject import PlantedSubject

WORDS = (
    *("red", "tree", "time", "blue", "house", "Paris"),
    *("cat", "and", "the", "sun", "city", "or", "dog"),
)


@pytest.fixture(scope="session")
def planted() -> PlantedSubject:
    return load_planted()


def document(number: int, text: str, group: str | None = None) -> Document:
    return Document(f"d/{number:03d}", text, "text", group or f"g/{number:03d}")


def texts(count: int, words: int = 40) -> list[Document]:
    """Documents of the same words in other orders, each a token of its own."""
    return [
        document(
            i,
            "list " + " ".join(WORDS[(i * 7 + j * (i % 5 + 1)) % len(WORDS)] for j in range(words)),
        )
        for i in range(count)
    ]


def words_of(documents: Sequence[Document], feature: str, wanted: str) -> list[Annotation]:
    """Every occurrence of a word as a positive span."""
    found = []
    for one in documents:
        spans, place = [], 0
        for word in one.text.split(" "):
            if word == wanted:
                spans.append(Span(place, place + len(word)))
            place += len(word) + 1
        found.append(Annotation(one, {feature: tuple(spans)}))
    return found


def collection(
    annotations: Sequence[Annotation],
    *features: Feature,
    reading: Reading = "every",
    window: int | None = None,
    ending: bool = False,
    skip: int = 0,
) -> Collection:
    def fresh() -> Iterator[Annotation]:
        return iter(annotations)

    return Collection(
        "made", features, fresh, f"made/{len(annotations)}", reading, window, ending, skip
    )
