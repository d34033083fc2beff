"""Checked texts of a concept as labels that a probe can be trained on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from agent.concepts.examples import ConceptExamples, Example
from core.hashing import fingerprint
from discovery.probing.labels import Annotation, Collection, Feature, Span
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document

LONGEST_NAME = 60


def slug(concept: str) -> str:
    """A feature's name: ``mentions-of-rivers``; a hash where nothing of it can be written so."""
    plain = unicodedata.normalize("NFKD", concept).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")
    return name or f"concept-{fingerprint(concept)}"


def collection_of(found: ConceptExamples, reading: Literal["mean", "every"] = "mean") -> Collection:
    """One feature, named after the concept; its negatives are near-misses and unrelated passages.

    Only the spans are read, as one row each (``mean``) or a row a token (``every``). Texts that
    resemble each other share a group, so no test text is a variant of one in training.
    """
    name = slug(found.concept)
    kinds = {example.label for example in found.examples} - {"positive"}
    among = "near-misses and unrelated texts" if "other" in kinds else "near-misses"

    def annotations() -> Iterator[Annotation]:
        for number, example in enumerate(found.examples):
            yield _annotation(f"concept/{name}/{number:04d}", name, example)

    labelled = [example.model_dump(mode="json") for example in found.examples]
    return Collection(
        name="concept",
        features=(Feature(name, found.concept, negatives="among", among=among),),
        annotations=annotations,
        fingerprint=fingerprint(["concept/1", found.concept, labelled, reading]),
        reading=reading,
    )


def _annotation(id: str, feature: str, example: Example) -> Annotation:
    document = Document(id, example.text, "concept", near_duplicate_group(example.text))
    if example.label == "positive":
        return Annotation(document, positive={feature: (Span(example.start, example.stop),)})
    span = Span(example.start, example.stop, example.label)
    return Annotation(document, positive={}, negative={feature: (span,)})
