"""What a whole document is: its code language, its natural language, where it comes from.

Each class is one feature, one against all: a window of a document is positive for the document's
class and negative for every other. Documents of no class are not used, unless ``others`` makes them
negatives of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.errors import CorpusError, InvalidSetting
from core.hashing import fingerprint
from discovery.probing.labels import WHOLE, Annotation, Collection, Feature, Span
from subjects.corpora.corpus import Corpus
from subjects.corpora.document import Document

CODE_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "python": ("py", "pyi", "python"),
    "xml": ("xml",),
    "java": ("java",),
    "c++": ("cpp", "cc", "cxx", "hpp", "c++"),
    "html": ("html", "htm"),
    "c": ("c",),
    "go": ("go",),
    "php": ("php",),
    "javascript": ("js", "mjs", "javascript"),
}
"""The nine of paper 001, with file endings and names. ``.h`` is left out: it is C or C++."""
LANGUAGES: Mapping[str, str] = {
    "sv": "swedish",
    "pt": "portuguese",
    "de": "german",
    "en": "english",
    "fr": "french",
    "es": "spanish",
    "el": "greek",
    "it": "italian",
    "nl": "dutch",
}
"""The nine of paper 001 by code; other codes are their own names."""
_ENGLISH = "generated:prose"
"""Generated sentences on the topics that the other languages' have too."""
_CODE_OF = {name: language for language, names in CODE_LANGUAGES.items() for name in names}
CODE_SKIP = 50
"""First tokens of code files, often a licence, that are not used."""


@dataclass(frozen=True, slots=True)
class Classes:
    """How documents are counted in.

    Attributes:
        least: Classes with fewer documents are no feature; their documents stay negatives.
        others: Documents of no class are negatives of all, instead of not being used.
        folders: The first folder in a document's name is its class, instead of its type.
        per_document: Windows of one document at most (the paper takes one).
    """

    least: int = 2
    others: bool = False
    folders: bool = False
    per_document: int | None = 4

    def __post_init__(self) -> None:
        if self.least < 1:
            raise InvalidSetting(f"{self.least!r} documents are no class", "give 1 or more")
        if self.per_document is not None and self.per_document < 1:
            raise InvalidSetting(
                f"{self.per_document!r} windows of a document are none", "give 1 or more, or None"
            )


def code_language(document: Document) -> str | None:
    """One of :data:`CODE_LANGUAGES` by the type (``code:python``) or the ending of the name."""
    kind = document.type.lower()
    named = _CODE_OF.get(kind.removeprefix("code:"))
    if named is not None or kind.startswith("code:"):
        return named
    ending = PurePosixPath(document.id).suffix.lower().removeprefix(".")
    return _CODE_OF.get(ending)


def natural_language(document: Document) -> str | None:
    """By a type that ends in ``language:xx``; generated prose is English."""
    if document.type == _ENGLISH:
        return "english"
    *above, code = document.type.lower().split(":")
    return LANGUAGES.get(code, code) if code and above[-1:] == ["language"] else None


def document_source(document: Document) -> str | None:
    """The first two parts of the type: ``code:python``, ``generated:prose``, ``wikipedia``."""
    return ":".join(document.type.split(":")[:2]) or None


def code_languages(corpus: Corpus, classes: Classes | None = None) -> Collection:
    """Which of nine code languages a window is in, without each file's first 50 tokens."""
    return _collection(
        "code-language", corpus, code_language, "code in {}", classes or Classes(), skip=CODE_SKIP
    )


def natural_languages(corpus: Corpus, classes: Classes | None = None) -> Collection:
    """Which natural language a window is in."""
    return _collection(
        "natural-language", corpus, natural_language, "text in {}", classes or Classes()
    )


def document_sources(corpus: Corpus, classes: Classes | None = None) -> Collection:
    """Which part of the corpus a window is from."""
    return _collection(
        "document-source", corpus, document_source, "documents of the source {}",
        classes or Classes(),
    )  # fmt: skip


def _folder(document: Document) -> str | None:
    folder, slash, _ = document.id.partition("/")
    return folder if slash and folder else None


def _collection(
    name: str,
    corpus: Corpus,
    class_of: Callable[[Document], str | None],
    description: str,
    classes: Classes,
    skip: int = 0,
) -> Collection:
    """Reads the corpus once for the classes there are; raises :class:`CorpusError` below two."""
    told = _folder if classes.folders else class_of
    counts = Counter(told(document) for document in corpus.documents())
    found = sorted(c for c, n in counts.items() if c is not None and n >= classes.least)
    known = frozenset(found)
    if len(found) + (classes.others and None in counts) < 2:
        raise CorpusError(
            f"corpus {corpus.name!r} has fewer than two classes of {name}: "
            + (", ".join(f"{c} ({counts[c]} documents)" for c in found) or "none"),
            "give a corpus of more classes, or take documents of no class in as others",
        )
    settings = [classes.least, classes.others, classes.folders, classes.per_document]

    def annotations() -> Iterator[Annotation]:
        for document in corpus.documents():
            label = told(document)
            if label is not None and label in known:
                yield Annotation(document, {label: (Span(0, WHOLE),)})
            elif label is not None or classes.others:
                yield Annotation(document, {})

    return Collection(
        name=name,
        features=tuple(Feature(label, description.format(label)) for label in found),
        annotations=annotations,
        fingerprint=fingerprint([name, corpus.fingerprint, found, settings]),
        reading="mean",
        skip=skip,
        per_document=classes.per_document,
    )
