"""Every collection by name: what it is, what it needs, and how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from core.errors import InvalidSetting
from discovery.probing.builders.code import python_code
from discovery.probing.builders.compounds import LISTS, compounds
from discovery.probing.builders.conllu import dependency, morphology, part_of_speech
from discovery.probing.builders.documents import (
    Classes,
    code_languages,
    document_sources,
    natural_languages,
)
from discovery.probing.builders.latex import latex
from discovery.probing.builders.people import Naming, people
from discovery.probing.builders.spans import read_spans
from discovery.probing.builders.token_text import token_text
from discovery.probing.builders.treebank import Treebank, read_treebank
from discovery.probing.labels import Collection, Reading
from subjects.corpora.corpus import Corpus

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """One collection that can be opened.

    Attributes:
        description: One line.
        corpus: Whether it needs a corpus.
        files: What label files it needs, in words; None: no file.
        many: Whether it takes several files.
        options: Names of what can be set, and of which types.
    """

    description: str
    open: Callable[[Corpus | None, Sequence[Path], Options], Collection]
    corpus: bool = True
    files: str | None = None
    many: bool = False
    options: Mapping[str, tuple[type, ...]] = field(default_factory=dict)

    @property
    def needs(self) -> str:
        """In words: ``a corpus``, ``CoNLL-U files``, ..."""
        return " and ".join(["a corpus"] * self.corpus + ([self.files] if self.files else []))


def open_collection(
    name: str, corpus: Corpus | None = None, /, *, files: Sequence[Path] = (), **options: Any
) -> Collection:
    """Open a collection of :data:`COLLECTIONS`.

    Raises :class:`InvalidSetting` where there is no such collection or option, or what it needs is
    not given or not used; the builder's own errors otherwise.
    """
    source = checked(name, files=files, **options)
    if source.corpus and corpus is None:
        raise InvalidSetting(f"collection {name!r} needs a corpus", f"it needs {source.needs}")
    return source.open(corpus, files, options)


def checked(name: str, /, *, files: Sequence[Path] = (), **options: Any) -> Source:
    """The collection of this name, if it can be opened with these; no file is read.

    Raises :class:`InvalidSetting` as :func:`open_collection` does.
    """
    source = COLLECTIONS.get(name)
    if source is None:
        raise InvalidSetting(
            f"no collection is named {name!r}", "one of: " + ", ".join(COLLECTIONS)
        )
    if source.files is None and files:
        raise InvalidSetting(f"collection {name!r} takes no label file", f"it needs {source.needs}")
    if source.files is not None and (not files or (len(files) > 1 and not source.many)):
        raise InvalidSetting(
            f"collection {name!r} got {len(files)} label files", f"it needs {source.needs}"
        )
    for option, value in options.items():
        if option not in source.options:
            known = ", ".join(source.options) or "none"
            raise InvalidSetting(
                f"collection {name!r} has no option {option!r}", f"its options: {known}"
            )
        if type(value) not in source.options[option]:
            raise InvalidSetting(f"option {option!r} of {name!r} cannot be {value!r}")
    return source


def _on(build: Callable[..., Collection]) -> Callable[..., Collection]:
    """A builder that takes a corpus and its options as keywords."""
    return lambda corpus, _, options: build(corpus, **options)


def _of_classes(build: Callable[[Corpus, Classes], Collection]) -> Callable[..., Collection]:
    return lambda corpus, _, options: build(corpus, Classes(**options))


def _of_treebank(build: Callable[[Treebank], Collection]) -> Callable[..., Collection]:
    return lambda _, files, __: build(read_treebank(*files))


def _compounds(corpus: Corpus, pairs: str | Sequence[str] = "paper") -> Collection:
    """``pairs`` is the name of a list, or the compounds themselves."""
    if isinstance(pairs, str):
        if pairs not in LISTS:
            raise InvalidSetting(
                f"no list of compounds is named {pairs!r}",
                f'one of: {", ".join(LISTS)}; or a list such as ["high school", "ice cream"]',
            )
        return compounds(corpus, LISTS[pairs])
    for pair in pairs:
        if not isinstance(pair, str):
            raise InvalidSetting(f"compound {pair!r} is no string", "such as 'high school'")
    return compounds(corpus, pairs)


def _people(corpus: Corpus | None, files: Sequence[Path], options: Options) -> Collection:
    assert corpus is not None  # open_collection has seen to it
    return people(corpus, files[0], Naming(**options))


def _spans(_: Corpus | None, files: Sequence[Path], options: Options) -> Collection:
    reading = options.get("reading", "every")
    if reading not in get_args(Reading):
        raise InvalidSetting(
            f"no reading is named {reading!r}", "one of: " + ", ".join(get_args(Reading))
        )
    return read_spans(files[0], reading=reading)


_CLASSES: dict[str, tuple[type, ...]] = {
    "least": (int,),
    "others": (bool,),
    "folders": (bool,),
    "per_document": (int, type(None)),
}
COLLECTIONS: dict[str, Source] = {
    "token-text": Source(
        "what a token is made of: capitals, digits, spaces (11 features)", _on(token_text)
    ),
    "python-code": Source(
        "comments, docstrings, strings, keywords, numbers, operators and defined names in Python",
        _on(python_code),
        options={"every_document": (bool,)},
    ),
    "code-language": Source(
        "the code language of a window (nine)", _of_classes(code_languages), options=_CLASSES
    ),
    "natural-language": Source(
        "the natural language of a window", _of_classes(natural_languages), options=_CLASSES
    ),
    "document-source": Source(
        "the part of the corpus a window is from",
        _of_classes(document_sources),
        options=_CLASSES,
    ),
    "compound-words": Source(
        "two-word compounds against each of their words alone (21, or a list)",
        _on(_compounds),
        options={"pairs": (str, list, tuple)},
    ),
    "latex": Source("formulas, scripts, fractions, titles, ... in LaTeX (12)", _on(latex)),
    "people": Source(
        "labels of people, read at their surnames",
        _people,
        files="a file of name,label",
        options={"most": (int,), "drop_single": (bool,)},
    ),
    "part-of-speech": Source(
        "word classes (UPOS)",
        _of_treebank(part_of_speech),
        corpus=False,
        files="CoNLL-U files",
        many=True,
    ),
    "dependency": Source(
        "grammatical relations, with and without subtypes",
        _of_treebank(dependency),
        corpus=False,
        files="CoNLL-U files",
        many=True,
    ),
    "morphology": Source(
        "number, tense, person, ... and ends of sentences",
        _of_treebank(morphology),
        corpus=False,
        files="CoNLL-U files",
        many=True,
    ),
    "spans": Source(
        "pieces of text that the user labelled",
        _spans,
        corpus=False,
        files="a file of text, span, label",
        options={"reading": (str,)},
    ),
}
"""In the order in which they are listed."""
