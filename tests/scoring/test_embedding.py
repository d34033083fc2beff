"""Embedding similarity: cosines with the explanation, and the embedder that needs no model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import Foreseen, evidence

from core.results import Score
from scoring.case import case_of
from scoring.raters import EmbeddingRater, LexicalEmbedder, rate
from scoring.raters.embedding import Embedder

Floats = NDArray[np.float64]
FIRES, SILENT = "the river flows", "a loud machine"


def embedded(embedder: Embedder, text: str = "names of rivers") -> list[Score]:
    """Windows about rivers, in which the unit fires, and about machines."""
    truth = np.zeros((2000, 4))
    truth[::10, 1] = 1.0
    rows, found = evidence(truth, np.random.default_rng(1))
    active = truth[rows].max(axis=1) > 0
    tokens = [(*(FIRES if on else SILENT).partition(" "), ".") for on in active]
    silent = np.flatnonzero(~active)[:6]
    held = replace(found, pool=replace(found.pool, tokens=tokens), hard_rows=silent)
    case = case_of(
        explanation_id="e",
        text=text,
        symbols=3,
        simulator=Foreseen(truth),
        explain=held,
        select=held,
        report=held,
    )
    return asyncio.run(rate(case, [EmbeddingRater(embedder)]))


class Given:
    """An embedder with a vector for each text; ``lengths`` change nothing."""

    name = "given"

    def __init__(self, **vectors: Sequence[float]) -> None:
        self.vectors = vectors

    def embed(self, texts: Sequence[str]) -> Floats:
        kind = {"names of rivers": "said", FIRES + ".": "fires", SILENT + ".": "silent"}
        return np.array([self.vectors[kind[text]] for text in texts], dtype=np.float64)


@pytest.mark.parametrize(
    ("fires", "value"), [([5.0, 1.0], 1.0), ([1.0, 5.0], 0.0), ([3.0, 3.0], 0.5)]
)
def test_the_nearer_windows_are_called_the_firing_ones(fires: list[float], value: float) -> None:
    found = embedded(Given(said=[2.0, 0.0], fires=fires, silent=[1.0, 1.0]))
    assert [s.mode for s in found] == ["top_and_random", "hard_negatives"]
    for score in found:
        assert (score.scorer, score.measure, score.simulator) == ("embedding", "auroc", "given")
        assert score.value == pytest.approx(value)


def test_a_text_without_direction_is_missing() -> None:
    for score in embedded(Given(said=[1.0], fires=[1.0], silent=[0.0])):
        assert (score.value, score.status) == (None, "partial")
        assert "no direction" in (score.reason or "")
    for score in embedded(Given(said=[0.0], fires=[1.0], silent=[1.0])):
        assert (score.value, score.status) == (None, "undefined")


def test_the_lexical_embedder_sees_letters_and_no_sense() -> None:
    quoting = embedded(LexicalEmbedder(), "fires on 'river'")
    assert {s.value for s in quoting} == {1.0}
    assert {s.simulator for s in quoting} == {"lexical"}
    meaning = embedded(LexicalEmbedder(), "loudly watery things")
    assert {s.value for s in meaning} == {0.0}


def test_lexical_vectors_are_the_same_every_time_and_do_not_see_case() -> None:
    one, two, three, short = LexicalEmbedder().embed(["River banks", "rIVER BANKS", "lake", "x"])
    assert (one == two).all()
    assert one @ three < one @ two
    assert not short.any()
    again = LexicalEmbedder().embed(["River banks", "rIVER BANKS", "lake", "x"])
    assert (again[0] == one).all()


def test_common_trigrams_weigh_less_than_rare_ones() -> None:
    texts = ["the cat", "the dog", "the owl", "the elk"]
    vectors = LexicalEmbedder().embed(texts)
    weights = sorted(vectors[0][vectors[0] > 0])
    assert weights[0] == pytest.approx(np.log(2) * (np.log(5 / 5) + 1))
    assert weights[-1] == pytest.approx(np.log(2) * (np.log(5 / 2) + 1))
