"""What is known of a text's characters before any tokenizer has seen it.

A builder gives :class:`Annotation` objects, one a document; a :class:`Collection` is all of them
under one name, with how its features are to be read. Labels stand on characters, so the same
collection serves subjects with other tokenizers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from subjects.corpora.document import Document

Reading = Literal["every", "last", "mean", "max"]
"""How a labelled span becomes rows: each of its tokens, its last token, or its tokens together."""

Negatives = Literal["any", "among", "half"]
"""Where negatives come from: any text that is not labelled, only spans labelled as negative (in
equal shares of each kind), or half of them from such spans and half from any text."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` .. ``stop - 1``; ``kind`` tells kinds of negatives apart (``XZ``)."""

    start: int
    stop: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One document, and by feature its ``positive``, ``negative`` and ``left_out`` spans.

    What lies in no span of a feature is a negative of it where the feature's negatives are ``any``
    or ``half``. A token that a span covers in part only is used for neither class and counted.
    """

    document: Document
    positive: Mapping[str, tuple[Span, ...]]
    negative: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    left_out: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feature:
    """One yes-or-no question about a place in a text.

    ``name`` is unique in its collection; ``description`` says in words what the feature is;
    ``among`` says which class the negatives are restricted to, in words ("verbs").
    """

    name: str
    description: str
    negatives: Negatives = "any"
    among: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """Features that are labelled on the same documents.

    Attributes:
        name: ``token-text``, ``code-language``, ...
        features: Unique names.
        annotations: Gives a fresh iterator over all documents, always in the same order.
        fingerprint: Changes whenever a document or a label does.
        reading: How spans become rows.
        window: Tokens in one window (None: the default of whoever samples).
        ending: Windows end where a labelled span ends, instead of following one another.
        skip: So many first tokens of each document are not used.
        per_document: At most this many windows of one document (None: no limit).
    """

    name: str
    features: tuple[Feature, ...]
    annotations: Callable[[], Iterator[Annotation]]
    fingerprint: str
    reading: Reading = "every"
    window: int | None = None
    ending: bool = False
    skip: int = 0
    per_document: int | None = None


WHOLE = 2**62
"""``Span(0, WHOLE)``: all of a document, however long."""
