"""Which held-out tokens stand in a comment, a docstring, a quotation, a language, a negation.

Contexts are decided on characters of the whole document by code that knows nothing of the
subject, then carried over to the tokens of each window.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_build.data import STDLIB
from demo_build.evaluation import WINDOW, Windows

Flags = NDArray[np.bool_]

_NEGATION = re.compile(r"\b(?:not|never|no|nobody|nothing|none|neither|nor)\b|n't\b|n’t\b", re.I)
_SENTENCE_END = re.compile(r"[.!?\n]")
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|„[^“”\n]*[“”]')
LANGUAGE_TYPE = "generated:language:"


@dataclass(frozen=True)
class Context:
    """A context within documents of some types.

    With `spans`, only tokens of those documents are asked about, and `spans` gives the
    character ranges that lie in context.  Without, the documents themselves are the context
    and all others are outside it.
    """

    name: str
    types: tuple[str, ...]
    spans: Callable[[str], list[tuple[int, int]]] | None


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def comment_spans(text: str) -> list[tuple[int, int]]:
    """Characters of Python comments, from after the `#` to the end of the line."""
    starts = _line_starts(text)
    spans = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                start = starts[token.start[0] - 1] + token.start[1] + 1
                spans.append((start, start + len(token.string) - 1))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return spans
    return spans


def docstring_spans(text: str) -> list[tuple[int, int]]:
    """Characters of the docstrings of a Python source, without their quotes."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    lines = text.splitlines(keepends=True)
    starts = _line_starts(text)

    def place(line: int, column: int) -> int:  # ast counts columns in UTF-8 bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode(errors="ignore"))

    spans = []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            string = node.body[0]
            if string.end_lineno is not None and string.end_col_offset is not None:
                first = place(string.lineno, string.col_offset)
                last = place(string.end_lineno, string.end_col_offset)
                spans.append((first + 3, last - 3))
    return spans


def quotation_spans(text: str) -> list[tuple[int, int]]:
    """Characters between quotation marks on one line."""
    return [(match.start() + 1, match.end() - 1) for match in _QUOTED.finditer(text)]


def negation_spans(text: str) -> list[tuple[int, int]]:
    """Characters from after a negating word to the end of its sentence."""
    spans = []
    for match in _NEGATION.finditer(text):
        end = _SENTENCE_END.search(text, match.end())
        spans.append((match.end(), end.start() if end else len(text)))
    return spans


def contexts(types: tuple[str, ...]) -> list[Context]:
    """The contexts that can be asked about in documents of these types."""
    found = [
        Context("comment", (STDLIB,), comment_spans),
        Context("docstring", (STDLIB,), docstring_spans),
        Context("in quotes", ("generated:quotations",), quotation_spans),
        Context("after a negation", ("generated:negation",), negation_spans),
    ]
    for kind in sorted({kind for kind in types if kind.startswith(LANGUAGE_TYPE)}):
        found.append(Context(f"language {kind.removeprefix(LANGUAGE_TYPE)}", (kind,), None))
    return found


def flags(context: Context, windows: Windows) -> tuple[Flags, Flags]:
    """(tokens asked about, tokens in context), both [windows, 64]."""
    asked = np.zeros((len(windows.types), WINDOW), dtype=bool)
    inside = np.zeros_like(asked)
    cache: dict[str, list[tuple[int, int]]] = {}
    for row, (kind, document) in enumerate(zip(windows.types, windows.documents, strict=True)):
        offsets = windows.offsets[row]
        length = len(offsets)
        if context.spans is None:
            asked[row, :length] = True
            inside[row, :length] = kind in context.types
        elif kind in context.types:
            asked[row, :length] = True
            if document not in cache:
                cache[document] = context.spans(windows.texts[document])
            for first, last in cache[document]:
                within = (offsets[:, 0] >= first) & (offsets[:, 1] <= last)
                inside[row, :length] |= within
    return asked, inside
