"""Python code, labelled by Python itself: comments, docstrings, strings, keywords, names, numbers.

Marks count to what they mark: ``#`` to its comment, quotes and prefix to their string. Which
strings are docstrings is asked of the syntax tree. Documents that are not Python, or that Python
cannot read, are not used; :func:`unreadable` says which and why.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.hashing import fingerprint
from discovery.probing.builders.documents import code_language
from discovery.probing.labels import WHOLE, Annotation, Collection, Feature, Span
from subjects.corpora.corpus import Corpus
from subjects.corpora.document import Document

FEATURES = (
    Feature("comment", "comments of Python code, from # to the end of the line"),
    Feature("docstring", "docstrings of Python modules, classes and functions"),
    Feature("string", "string literals of Python code that are not docstrings"),
    Feature("keyword", "keywords of Python (def, return, if, None, ...)"),
    Feature("number", "number literals of Python code"),
    Feature(
        "operator",
        "operators of Python code: arithmetic, bits, comparison and assignment",
    ),
    Feature("defined_name", "the name that a def or class statement of Python defines"),
)
_PUNCTUATION = frozenset("()[]{},:;.@!") | {"->", "..."}
_OPENS = frozenset({"FSTRING_START", "TSTRING_START"})
_CLOSES = frozenset({"FSTRING_END", "TSTRING_END"})
_VERSION = 1


class NotPython(Exception):
    """A text that Python cannot read; the message says why."""


@dataclass(slots=True)
class _Lines:
    """Where lines begin in a text, for positions in characters (tokens) and in bytes (trees)."""

    text: str
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0]
        while (found := self.text.find("\n", self.starts[-1])) >= 0:
            self.starts.append(found + 1)

    def offset(self, row: int, column: int) -> int:
        """``row`` counts from 1; past the last line is the end of the text."""
        if row > len(self.starts):
            return len(self.text)
        return min(self.starts[row - 1] + column, len(self.text))

    def byte_offset(self, row: int, column: int) -> int:
        """Like :meth:`offset` with a column in bytes of UTF-8."""
        stop = self.starts[row] if row < len(self.starts) else len(self.text)
        line = self.text[self.starts[row - 1] : stop]
        if not line.isascii():
            column = len(line.encode("utf-8")[:column].decode("utf-8", "ignore"))
        return self.offset(row, column)


def label_python(text: str) -> dict[str, tuple[Span, ...]]:
    """The spans of every feature of :data:`FEATURES`; raises :class:`NotPython`."""
    if "\r" in text.replace("\r\n", "\n"):
        raise NotPython("a carriage return without a line feed")
    lines = _Lines(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            tree = ast.parse(text)
        return _labelled(lines, _docstrings(tree, lines))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        reason = error.args[0] if error.args else error
        raise NotPython(f"{type(error).__name__}: {reason}") from error
    except (RecursionError, MemoryError) as error:
        raise NotPython("nested too deeply") from error


def python_code(corpus: Corpus, *, every_document: bool = False) -> Collection:
    """The documents of ``corpus`` that are Python code, labelled character by character.

    Python is what has the type ``code:python`` or a name that ends in ``.py``; with
    ``every_document`` (rows of a data set of code, say) it is all that Python can read.
    """
    return Collection(
        name="python-code",
        features=FEATURES,
        annotations=lambda: _annotations(corpus, every_document),
        fingerprint=fingerprint(
            ["python-code", _VERSION, corpus.fingerprint, every_document, _names()]
        ),
    )


def unreadable(corpus: Corpus, *, every_document: bool = False) -> Iterator[tuple[str, str]]:
    """ID and reason of each document that :func:`python_code` leaves away as broken Python."""
    for document in _candidates(corpus, every_document):
        try:
            label_python(document.text)
        except NotPython as error:
            yield document.id, str(error)


def _names() -> list[str]:
    return [feature.name for feature in FEATURES]


def _candidates(corpus: Corpus, every_document: bool) -> Iterator[Document]:
    for document in corpus.documents():
        if every_document or code_language(document) == "python":
            yield document


def _annotations(corpus: Corpus, every_document: bool) -> Iterator[Annotation]:
    for document in _candidates(corpus, every_document):
        try:
            labels = label_python(document.text)
        except NotPython:
            continue
        yield Annotation(document, labels)


def _docstrings(tree: ast.Module, lines: _Lines) -> list[tuple[int, int]]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        value = first.value
        if isinstance(value.value, str) and value.end_lineno and value.end_col_offset:
            start = lines.byte_offset(value.lineno, value.col_offset)
            found.append((start, lines.byte_offset(value.end_lineno, value.end_col_offset)))
    return found


def _labelled(lines: _Lines, docstrings: list[tuple[int, int]]) -> dict[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {name: [] for name in _names()}
    docstrings = sorted(docstrings)
    last = ""
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(lines.text, newline="").readline):
        span = Span(lines.offset(*token.start), lines.offset(*token.end))
        kind = tokenize.tok_name[token.type]
        if kind in _OPENS:
            opened.append(span.start)
        elif kind in _CLOSES:
            start = opened.pop()
            if not opened:
                found["string"].append(Span(start, span.stop))
        elif opened or span.start == span.stop:
            continue
        elif (name := _feature(kind, token.string, last)) is not None:
            if name == "string" and _within(span, docstrings):
                name = "docstring"
            found[name].append(span)
        if kind == "NAME":
            last = token.string
        elif kind not in ("NL", "COMMENT"):
            last = ""
    return {name: tuple(spans) for name, spans in found.items()}


def _within(span: Span, places: list[tuple[int, int]]) -> bool:
    """Whether ``span`` lies in one of the sorted ``places`` (a docstring may be in many parts)."""
    before = bisect_right(places, (span.start, WHOLE))
    return before > 0 and span.stop <= places[before - 1][1]


def _feature(kind: str, string: str, last: str) -> str | None:
    """The feature of one token, ``last`` being the name right before it."""
    if kind == "NAME":
        if keyword.iskeyword(string):
            return "keyword"
        return "defined_name" if last in ("def", "class") else None
    if kind == "OP":
        return None if string in _PUNCTUATION else "operator"
    return {"COMMENT": "comment", "STRING": "string", "NUMBER": "number"}.get(kind)
