"""LaTeX: formulas, scripts, fractions, titles, abstracts, references (12 features of paper 001).

A document is used when it holds a LaTeX command and at least one feature, and is not a file of
code: prices in plain text ("$5 and $10") are no formulas. Scripts and fractions count in formulas
only. Numerators take half of their negatives from denominators, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.hashing import fingerprint
from discovery.probing.builders.documents import code_language
from discovery.probing.builders.latex_scanner import INSIDE, LEFT_OUT, Scanner
from discovery.probing.labels import Annotation, Collection, Feature, Span
from subjects.corpora.corpus import Corpus
from subjects.corpora.document import Document

FEATURES = (
    Feature("is_superscript", "superscripts in LaTeX formulas, without ^ and braces"),
    Feature("is_inline_math", "LaTeX formulas within a line, without their delimiters"),
    Feature("is_title", "titles of LaTeX documents"),
    Feature("is_subscript", "subscripts in LaTeX formulas, without _ and braces"),
    Feature("is_reference", "keys of LaTeX citations and references"),
    Feature(
        "is_denominator",
        "denominators of LaTeX fractions",
        negatives="half",
        among="half of them numerators",
    ),
    Feature("is_author", "authors of LaTeX documents"),
    Feature(
        "is_numerator",
        "numerators of LaTeX fractions",
        negatives="half",
        among="half of them denominators",
    ),
    Feature("is_display_math", "LaTeX formulas on lines of their own, without their delimiters"),
    Feature("is_math", "LaTeX formulas of any kind, without their delimiters"),
    Feature("is_abstract", "abstracts of LaTeX documents"),
    Feature("is_frac", "numerators and denominators of LaTeX fractions"),
)
_OPPOSITE = {"is_numerator": "is_denominator", "is_denominator": "is_numerator"}
_LATEX = re.compile(r"\\(?:[A-Za-z]{2,}|[(\[])")
_VERSION = 1


def latex(corpus: Corpus) -> Collection:
    """The documents of ``corpus`` that hold LaTeX, labelled character by character."""
    return Collection(
        name="latex",
        features=FEATURES,
        annotations=lambda: _annotations(corpus),
        fingerprint=fingerprint(
            ["latex", _VERSION, corpus.fingerprint, [feature.name for feature in FEATURES]]
        ),
    )


def _annotations(corpus: Corpus) -> Iterator[Annotation]:
    for document in corpus.documents():
        if _LATEX.search(document.text) and code_language(document) is None:
            annotation = label_latex(document)
            if any(annotation.positive.values()):
                yield annotation


def label_latex(document: Document) -> Annotation:
    """The spans of every feature in a text, disjoint and in order; unbalanced text is no error."""
    labels = {
        name: np.frombuffer(bytes(found), dtype=np.uint8)
        for name, found in Scanner(document.text).run().items()
    }
    return Annotation(
        document,
        positive={name: _spans(found == INSIDE) for name, found in labels.items()},
        negative={
            name: _spans((labels[other] == INSIDE) & (labels[name] == 0))
            for name, other in _OPPOSITE.items()
        },
        left_out={name: _spans(found == LEFT_OUT) for name, found in labels.items()},
    )


def _spans(flags: NDArray[np.bool_]) -> tuple[Span, ...]:
    """Runs of True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return tuple(Span(int(start), int(stop)) for start, stop in edges.reshape(-1, 2))
