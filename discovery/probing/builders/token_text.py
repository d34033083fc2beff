"""Plain-text features of a token: what its string is made of, without any context.

These hang on the token and not on its place, so they are labelled by vocabulary and not by
character: :func:`label_vocabulary` says it for every token at once. A leading space counts to the
token where the tokenizer does so; with WordPiece no token has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.hashing import fingerprint
from discovery.probing.labels import Annotation, Collection, Feature
from subjects.corpora.corpus import Corpus

if TYPE_CHECKING:
    from subjects.protocol import Vocabulary

Predicate = Callable[[str], bool]

_BYTE = re.compile(r"\\x[89a-f][0-9a-f]")
_VERSION = 1
_WORDS_OF_ONE = frozenset({"I", "A"})


def _leading_capital(token: str) -> bool:
    return token.removeprefix(" ")[:1].isupper()


def _lower_without_space(token: str) -> bool:
    return token.isalpha() and token.islower()


def _all_digits(token: str) -> bool:
    return token.removeprefix(" ").isdecimal()


def _not_ascii(token: str) -> bool:
    return not token.isascii()


def _leading_space(token: str) -> bool:
    return token.startswith(" ")


def _all_whitespace(token: str) -> bool:
    return token.isspace()


def _all_capitals(token: str) -> bool:
    word = token.lstrip()
    return word.isalpha() and word.isupper() and word not in _WORDS_OF_ONE


def _not_alphanumeric(token: str) -> bool:
    return bool(token) and not any(c.isalnum() or c == "_" for c in token)


def _contains_whitespace(token: str) -> bool:
    return any(c.isspace() for c in token)


def _contains_capital(token: str) -> bool:
    return any(c.isupper() for c in token)


def _contains_digit(token: str) -> bool:
    return any(c.isdecimal() for c in token)


TOKEN_FEATURES: tuple[tuple[Feature, Predicate], ...] = (
    (
        Feature("leading_capital", "tokens that begin with a capital letter, after a space or not"),
        _leading_capital,
    ),
    (
        Feature(
            "no_leading_space_and_loweralpha",
            "tokens of lower-case letters alone, without a leading space",
        ),
        _lower_without_space,
    ),
    (Feature("all_digits", "tokens of digits alone, after a space or not"), _all_digits),
    (Feature("is_not_ascii", "tokens that hold a character outside ASCII"), _not_ascii),
    (Feature("has_leading_space", "tokens that begin with a space"), _leading_space),
    (Feature("contains_all_whitespace", "tokens of white space alone"), _all_whitespace),
    (
        Feature("all_capitals", "tokens of capital letters alone, other than I and A"),
        _all_capitals,
    ),
    (
        Feature("is_not_alphanumeric", "tokens without letters, digits and underscores"),
        _not_alphanumeric,
    ),
    (Feature("contains_whitespace", "tokens that hold white space"), _contains_whitespace),
    (Feature("contains_capital", "tokens that hold a capital letter"), _contains_capital),
    (Feature("contains_digit", "tokens that hold a digit"), _contains_digit),
)
"""The eleven of paper 001, Table 2, in its order."""


def token_text(corpus: Corpus) -> Collection:
    """All documents without any span: :func:`label_vocabulary` has the labels."""
    features = tuple(feature for feature, _ in TOKEN_FEATURES)
    names = [feature.name for feature in features]
    return Collection(
        name="token-text",
        features=features,
        annotations=lambda: (Annotation(document, {}) for document in corpus.documents()),
        fingerprint=fingerprint(["token-text", _VERSION, corpus.fingerprint, names]),
    )


def label_vocabulary(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Which tokens have which feature [features, vocabulary]; special tokens have none.

    A byte that is no text on its own (shown as ``\\xe2``) counts as one character outside ASCII.
    """
    strings = [_BYTE.sub("\ufffd", string) for string in vocabulary.strings]
    labels = np.array(
        [[predicate(string) for string in strings] for _, predicate in TOKEN_FEATURES], dtype=bool
    ).reshape(len(TOKEN_FEATURES), len(strings))
    labels[:, [index for index in vocabulary.special if index < len(strings)]] = False
    return labels
