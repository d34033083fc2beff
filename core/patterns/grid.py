"""Tokens as arrays: each predicate and context answered once, for every token of many excerpts.

A search asks hundreds of predicates of the same tens of thousands of tokens. So a predicate is
decided on the *unique* strings, spread over the tokens by indexing, and kept; what depends on the
position (lines, quotes, brackets) is lexed once a grid, and only if somebody asks.

Answers are boolean arrays [rows, tokens], read-only because they are shared, and False wherever
there is no token (:attr:`TokenGrid.known`). One grid belongs to one thread.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.patterns.language import (
    CharClass,
    CharClassName,
    Context,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    case_free_form,
)
from core.patterns.lexing import BLANK_BIT, INSIDE_BITS, RowLexer

Mask = NDArray[np.bool_]

CACHE_BYTES: Final = 64 * 2**20
"""Default bound on the answers that one grid keeps; the least recently used go first."""


class Vocabulary:
    """The unique strings of a grid, numbered, and which of them satisfy a predicate."""

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings: tuple[str, ...] = tuple(strings)
        self._number = {text: number for number, text in enumerate(self.strings)}
        self._classes: dict[CharClassName, Mask] = {}

    def __len__(self) -> int:
        return len(self.strings)

    @cached_property
    def stripped(self) -> tuple[str, ...]:
        """Each string without white space at either end."""
        return tuple(text.strip() for text in self.strings)

    @cached_property
    def _by_form(self) -> dict[str, list[int]]:
        forms: dict[str, list[int]] = {}
        for number, text in enumerate(self.strings):
            forms.setdefault(case_free_form(text), []).append(number)
        return forms

    def satisfies(self, predicate: TokenPredicate) -> Mask:
        """Which strings satisfy the predicate, [strings].

        For the class ``indentation`` this is where the token *can* be indentation: a token of
        spaces alone is so only at the start of a line, which the grid decides.
        """
        match predicate:
            case Exact(texts):
                return self._only(self._number[text] for text in texts if text in self._number)
            case Word(form):
                return self._only(self._by_form.get(form, ()))
            case Prefix(start):
                return self._where(text.startswith(start) for text in self.stripped)
            case Suffix(end):
                return self._where(text.endswith(end) for text in self.stripped)
            case CharClass(name):
                if name not in self._classes:
                    self._classes[name] = self._where(map(CLASS_TESTS[name], self.strings))
                return self._classes[name]

    @cached_property
    def holds_newline(self) -> Mask:
        """Which strings hold a line feed, [strings]."""
        return self._where("\n" in text for text in self.strings)

    def _where(self, answers: Iterable[bool]) -> Mask:
        return np.fromiter(answers, dtype=np.bool_, count=len(self.strings))

    def _only(self, numbers: Iterable[int]) -> Mask:
        mask = np.zeros(len(self.strings), dtype=np.bool_)
        mask[list(numbers)] = True
        return mask


class TokenGrid:
    """Rows of tokens, of one length or padded at the right to one.

    ``vocabulary``  the unique strings
    ``ids``         int32 [rows, tokens], number of each token's string; 0 where there is none
    ``known``       bool [rows, tokens], False where there is no token
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        ids: NDArray[np.int32],
        known: Mask,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.vocabulary = vocabulary
        self.ids = ids
        self.known = known
        self._cache = _MaskCache(cache_bytes)
        self._lexed: tuple[NDArray[np.uint8], NDArray[np.int32]] | None = None

    @classmethod
    def from_tokens(
        cls, rows: Sequence[Sequence[str]], *, cache_bytes: int = CACHE_BYTES
    ) -> TokenGrid:
        """A grid of token strings, one row an excerpt; rows may differ in length."""
        number: dict[str, int] = {}
        numbered = [[number.setdefault(token, len(number)) for token in row] for row in rows]
        width = max(map(len, numbered), default=0)
        ids = np.zeros((len(numbered), width), dtype=np.int32)
        known = np.zeros((len(numbered), width), dtype=np.bool_)
        for index, row in enumerate(numbered):
            ids[index, : len(row)] = row
            known[index, : len(row)] = True
        return cls(Vocabulary(tuple(number)), ids, known, cache_bytes=cache_bytes)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, tokens)."""
        return self.ids.shape[0], self.ids.shape[1]

    @property
    def strings(self) -> tuple[str, ...]:
        """The unique token strings; ``strings[ids[i, t]]`` is token t of row i."""
        return self.vocabulary.strings

    def take(self, rows: ArrayLike) -> TokenGrid:
        """The grid of these rows (numbers, or a boolean mask), in this order.

        Shares the vocabulary and keeps the width; whatever was lexed is not lexed again.
        """
        chosen = np.asarray(rows)
        if chosen.dtype != np.bool_:
            chosen = chosen.astype(np.intp)
        taken = TokenGrid(
            self.vocabulary,
            self.ids[chosen],
            self.known[chosen],
            cache_bytes=self._cache.limit,
        )
        if self._lexed is not None:
            flags, first = self._lexed
            taken._lexed = flags[chosen], first[chosen]
        return taken

    def matches(self, predicate: TokenPredicate) -> Mask:
        """Which tokens satisfy the predicate, [rows, tokens]."""
        return self._cache.get(predicate, lambda: self._match(predicate))

    def holds(self, context: Context) -> Mask:
        """At which tokens the context holds, its negation applied, [rows, tokens]."""
        return self._cache.get(context, lambda: self._hold(context))

    def line_starts(self) -> NDArray[np.int32]:
        """Position of the first visible token of each token's line, -1 where none precedes it."""
        return self._lex()[1]

    def _match(self, predicate: TokenPredicate) -> Mask:
        satisfied = self.vocabulary.satisfies(predicate)
        mask = satisfied[self.ids] & self.known
        if predicate == CharClass("indentation"):
            flags, _ = self._lex()
            mask &= self.vocabulary.holds_newline[self.ids] | ((flags & BLANK_BIT) != 0)
        return mask

    def _hold(self, context: Context) -> Mask:
        mask = self._hold_plainly(context)
        return self.known & ~mask if context.negated else self.known & mask

    def _hold_plainly(self, context: Context) -> Mask:
        """The context without its negation; not yet cut to the known tokens."""
        mask = np.zeros(self.shape, dtype=np.bool_)
        match context:
            case RightAfter(predicate):
                mask[:, 1:] = self.matches(predicate)[:, :-1]
            case Within(distance, predicate):
                matches = self.matches(predicate)
                for back in range(1, min(distance, self.shape[1] - 1) + 1):
                    mask[:, back:] |= matches[:, :-back]
            case LineStartsWith(predicate):
                _, first = self._lex()
                found = np.take_along_axis(self.matches(predicate), np.maximum(first, 0), axis=1)
                mask = found & (first >= 0)
            case Inside(kind):
                flags, _ = self._lex()
                mask = (flags & INSIDE_BITS[kind]) != 0
            case SeenBefore():
                mask = self._seen_before()
            case FirstPosition():
                mask[:, :1] = True
        return mask

    def _seen_before(self) -> Mask:
        rows = np.arange(self.shape[0], dtype=np.int64)[:, None]
        keys = np.where(self.known, rows * (len(self.vocabulary) + 1) + self.ids + 1, 0)
        _, first = np.unique(keys, return_index=True)
        seen = np.ones(keys.size, dtype=np.bool_)
        seen[first] = False
        return seen.reshape(self.shape)

    def _lex(self) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Flags and line starts of every token, both [rows, tokens]; see :class:`RowLexer`."""
        if self._lexed is None:
            flags = np.zeros(self.shape, dtype=np.uint8)
            first = np.full(self.shape, -1, dtype=np.int32)
            lexer = RowLexer(self.strings)
            for index in range(self.shape[0]):
                tokens = self.ids[index][self.known[index]].tolist()
                lexer.lex(tokens, flags[index], first[index])
            self._lexed = flags, first
        return self._lexed


class _MaskCache:
    """Masks by key, at most ``limit`` bytes of them; the least recently used leave first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._masks: OrderedDict[Hashable, Mask] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Mask]) -> Mask:
        """The kept mask, or a new one, which is kept from now on."""
        mask = self._masks.get(key)
        if mask is not None:
            self._masks.move_to_end(key)
            return mask
        mask = make()
        mask.flags.writeable = False
        if mask.nbytes <= self.limit:
            self._masks[key] = mask
            self.used += mask.nbytes
            while self.used > self.limit:
                _, dropped = self._masks.popitem(last=False)
                self.used -= dropped.nbytes
        return mask


def _is_digits(token: str) -> bool:
    return token.strip().isdecimal()


def _is_capitals(token: str) -> bool:
    return sum(map(str.isupper, token)) >= 2 and not any(map(str.islower, token))


def _is_capitalised(token: str) -> bool:
    return token.strip()[:1].isupper() and not _is_capitals(token)


def _is_lowercase(token: str) -> bool:
    return any(map(str.islower, token)) and not any(map(str.isupper, token))


def _is_punctuation(token: str) -> bool:
    stripped = token.strip()
    return bool(stripped) and all(unicodedata.category(c)[0] in "PS" for c in stripped)


def _may_indent(token: str) -> bool:
    last_line = token.rpartition("\n")[2]
    return bool(last_line) and not last_line.strip(" \t")


CLASS_TESTS: Final[dict[CharClassName, Callable[[str], bool]]] = {
    "any": lambda token: True,
    "digits": _is_digits,
    "capitalised": _is_capitalised,
    "capitals": _is_capitals,
    "lowercase": _is_lowercase,
    "punctuation": _is_punctuation,
    "whitespace": str.isspace,
    "newline": lambda token: "\n" in token,
    "indentation": _may_indent,
}
