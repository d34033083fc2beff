"""Explanations of what a unit promotes, on vocabularies whose shifts are made up."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from agent.explainers.output import explain_output, promoted
from core.errors import PatternSyntaxError

TOKENS = tuple(
    [f" {chr(97 + i % 26)}{i}ing" for i in range(30)]
    + [f" {chr(97 + i % 26)}{i}x" for i in range(200)]
    + [str(i) for i in range(40)]
    + ["\n", " ", "(", ")"]
)


def shift(of: set[str], size: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(len(of))
    return np.array([size if t in of else -0.2 for t in TOKENS]) + 0.02 * rng.normal(
        size=len(TOKENS)
    )


def test_a_kind_of_token_that_rises_is_named() -> None:
    risen = shift({t for t in TOKENS if t.endswith("ing")})
    found = asyncio.run(explain_output(TOKENS, risen, risen, 0))
    assert found.text is not None
    assert found.text.startswith("Promotes 10/10 on a token ending with ")
    values = promoted(found.text, TOKENS)
    assert [bool(v) for v in values] == [t.endswith("ing") for t in TOKENS]


def test_several_kinds_are_a_sum() -> None:
    risen = shift({t for t in TOKENS if t.isdigit()}) + 0.4 * shift({"(", ")"})
    found = asyncio.run(explain_output(TOKENS, risen, risen, 0))
    assert found.text is not None
    values = promoted(found.text, TOKENS)
    assert values[TOKENS.index("7")] > values[TOKENS.index(" d3x")]


def test_nothing_that_rises_is_said_to_be_nothing() -> None:
    flat = np.full(len(TOKENS), -1.0)
    found = asyncio.run(explain_output(TOKENS, flat, flat, 0))
    assert found.text is None
    assert found.reason


def test_prose_is_no_sentence_about_the_output() -> None:
    with pytest.raises(PatternSyntaxError):
        promoted("Promotes words about the sea.", TOKENS)
