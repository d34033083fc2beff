"""Each family against a few lines of naive code that know nothing of the pattern language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.ids import UnitId
from core.patterns import (
    CharClass,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    render,
)
from subjects.planted import PlantedSubject

Floats = NDArray[np.float32]
Windows = NDArray[np.int64]
Naive = Callable[[list[str], int], bool]


def unit_with(
    planted: PlantedSubject, site: str, predicate: TokenPredicate, *contexts: Context
) -> UnitId:
    """The unit of ``site`` whose truth is this one clause."""
    sentence = render(Pattern((Clause(predicate, contexts),)))
    for index in range(planted.sites()[site].width):
        unit = UnitId("planted", site, index)
        if planted.truth(unit).pattern == sentence:
            return unit
    raise AssertionError(f"no unit of {site!r} says {sentence!r}")


def run(planted: PlantedSubject, unit: UnitId, text: str) -> tuple[list[str], Floats]:
    """Tokens of ``text`` as one window, and the unit's values there in units of its strength."""
    ids = planted.tokenize(text)
    batch = planted.batch(np.array([ids], dtype=np.int64))
    values = planted.activations(batch, [unit.site])[unit.site][0, :, unit.index].numpy()
    return list(planted.vocabulary.decode(ids)), values / planted.truth(unit).strength


def fired(planted: PlantedSubject, unit: UnitId, text: str) -> list[str]:
    """Where the unit fires on ``text``: the text up to the end of each such token."""
    tokens, values = run(planted, unit, text)
    return ["".join(tokens[: t + 1]) for t in np.flatnonzero(values > 0.5)]


def word(token: str) -> str:
    return token.strip().lower()


@pytest.mark.parametrize(
    ("site", "says", "text", "where"),
    [
        ("exact", (Exact((" the",)),), "In the end The cat", ["In the"]),
        ("word", (Word("the"),), "The end of the end", ["The", "The end of the"]),
        ("affix", (Suffix("ing"),), "a string", ["a string"]),
        (
            "after",
            (Word("the"), RightAfter(Word("of"))),
            "the end of the line of a file",
            ["the end of the"],
        ),
        ("unless", (Word("self"), Inside("brackets", True)), "self.name(self)", ["self"]),
        ("seen", (Word("of"), SeenBefore()), "a of b of", ["a of b of"]),
        ("inside", (Word("is"), Inside("comment")), "a is # is\n is", ["a is # is"]),
        ("line", (Word("in"), LineStartsWith(Word("for"))), "in\nfor x in", ["in\nfor x in"]),
    ],
)
def test_a_unit_fires_where_its_truth_says(
    planted: PlantedSubject, site: str, says: tuple[Any, ...], text: str, where: list[str]
) -> None:
    assert fired(planted, unit_with(planted, site, *says), text) == where


NAIVE: dict[str, tuple[tuple[Any, ...], Naive]] = {
    "exact": ((Exact(("(",)),), lambda w, t: w[t] == "("),
    "word": ((Word("not"),), lambda w, t: word(w[t]) == "not"),
    "affix": ((Prefix("un"),), lambda w, t: w[t].strip().startswith("un")),
    "charclass": ((CharClass("digits"),), lambda w, t: w[t].strip().isdecimal()),
    "after": (
        (Word("not"), RightAfter(Word("if"))),
        lambda w, t: word(w[t]) == "not" and t > 0 and word(w[t - 1]) == "if",
    ),
    "within": (
        (Word("in"), Within(3, Word("for"))),
        lambda w, t: word(w[t]) == "in" and "for" in map(word, w[max(0, t - 3) : t]),
    ),
    "seen": (
        (Word("self"), SeenBefore()),
        lambda w, t: word(w[t]) == "self" and w[t] in w[:t],
    ),
    "negated": (
        (Word("none"), Within(3, Word("not"))),
        lambda w, t: word(w[t]) == "none" and "not" in map(word, w[max(0, t - 3) : t]),
    ),
    "position": (
        (CharClass("newline"), FirstPosition()),
        lambda w, t: t == 0 and "\n" in w[t],
    ),
}


@pytest.mark.parametrize("site", list(NAIVE))
def test_units_agree_with_naive_code_on_real_text(
    planted: PlantedSubject, windows: Windows, site: str
) -> None:
    says, naive = NAIVE[site]
    unit = unit_with(planted, site, *says)
    rows = windows[::2]
    values = planted.activations(planted.batch(rows), [site])[site][:, :, unit.index].numpy()
    expected = np.zeros(values.shape, dtype=np.bool_)
    for i, row in enumerate(rows):
        tokens = list(planted.vocabulary.decode(row))
        expected[i] = [naive(tokens, t) for t in range(len(tokens))]
    assert expected.sum() > 3
    assert np.array_equal(values > 0, expected)


def test_next_token_units_know_the_future(planted: PlantedSubject, windows: Windows) -> None:
    unit = UnitId("planted", "nexttoken", 1)
    assert '"self"' in planted.truth(unit).description
    rows = windows[:200]
    values = planted.oracle(planted.batch(rows), ["nexttoken"])["nexttoken"][:, :, unit.index]
    tokens = [list(map(word, planted.vocabulary.decode(row))) for row in rows]
    expected = [[*(w == "self" for w in row[1:]), False] for row in tokens]
    assert np.array_equal(values.numpy() > 0, np.array(expected))


def test_expressible_units_never_look_ahead(planted: PlantedSubject, windows: Windows) -> None:
    sites = [s for s in planted.sites() if planted.truth(UnitId("planted", s, 0)).expressible]
    whole = planted.oracle(planted.batch(windows[:60]), sites)
    half = planted.oracle(planted.batch(windows[:60, :32]), sites)
    for site in sites:
        assert np.array_equal(whole[site][:, :32], half[site]), site


def test_a_union_fires_on_both_words(planted: PlantedSubject) -> None:
    unit = UnitId("planted", "union", 0)
    truth = planted.truth(unit)
    assert ['"def"' in truth.parts[0], '"the"' in truth.parts[1]] == [True, True]
    assert truth.expected[0] == "polysemantic"
    assert fired(planted, unit, "def a: the") == ["def", "def a: the"]


def test_graded_units_fire_more_in_their_place(planted: PlantedSubject) -> None:
    unit = UnitId("planted", "graded", 0)
    tokens, values = run(planted, unit, "the end of the")
    assert [tokens[t] for t in np.flatnonzero(values)] == ["the", " the"]
    assert values[0] == pytest.approx(0.3)
    assert values[-1] == pytest.approx(1.0)


def test_negative_units_go_below_zero_on_their_pattern(
    planted: PlantedSubject, windows: Windows
) -> None:
    assert not planted.sites()["negative"].non_negative
    unit = UnitId("planted", "negative", 0)
    truth = planted.truth(unit)
    assert truth.polarity == "negative"
    batch = planted.batch(windows[:200])
    values = planted.activations(batch, ["negative"])["negative"][:, :, 0].numpy()
    clean = planted.oracle(batch, ["negative"])["negative"][:, :, 0].numpy()
    assert values[clean < 0].max() < -0.8 * truth.strength
    assert np.abs(values[clean == 0]).max() < 0.05 * truth.strength


def test_rules_on_positions(planted: PlantedSubject, windows: Windows) -> None:
    clean = planted.oracle(planted.batch(windows[:2]), ["periodic", "early", "ramp"])
    assert np.flatnonzero(clean["periodic"][0, :, 0]).tolist() == list(range(1, 64, 3))
    assert np.flatnonzero(clean["early"][1, :, 1]).tolist() == [0, 1, 2]
    assert float(clean["ramp"].max()) > 0


def test_dead_units_are_always_zero(planted: PlantedSubject, windows: Windows) -> None:
    assert not planted.activations(planted.batch(windows), ["dead"])["dead"].any()
    assert planted.truth(UnitId("planted", "dead", 0)).expected == ("dead",)


def test_low_rate_units_fire_about_once_in_ten_thousand_tokens(
    planted: PlantedSubject, windows: Windows
) -> None:
    values = planted.activations(planted.batch(windows), ["lowrate"])["lowrate"]
    rates = (values > 0).float().mean(dim=(0, 1)).numpy()
    assert 0.5e-4 < rates.mean() < 2e-4
    assert rates.max() < 6e-4


def test_other_word_families_are_alive_on_real_text(
    planted: PlantedSubject, windows: Windows
) -> None:
    sites = ("exact", "word", "affix", "charclass", "after", "within", "line", "inside", "unless")
    clean = planted.oracle(planted.batch(windows[::2]), sites)
    for site in sites:
        live = (clean[site] > 0).flatten(0, 1).any(dim=0)
        assert live.float().mean() > 0.9, site


def test_half_of_the_units_jitter(planted: PlantedSubject, windows: Windows) -> None:
    batch = planted.batch(windows[:100])
    values = planted.activations(batch, ["word"])["word"].numpy()
    clean = planted.oracle(batch, ["word"])["word"].numpy()
    assert np.array_equal(values[:, :, ::2], clean[:, :, ::2])
    on = clean[:, :, 1] > 0
    ratio = values[:, :, 1][on] / clean[:, :, 1][on]
    assert 0.85 - 1e-4 <= ratio.min() < 0.9
    assert 1.1 < ratio.max() <= 1.15 + 1e-4
    assert planted.truth(UnitId("planted", "word", 1)).jitter == 0.15


def test_noisy_units_follow_their_signal_less_the_more_noise_they_have(
    planted: PlantedSubject, windows: Windows
) -> None:
    batch = planted.batch(windows[:400])
    values = planted.activations(batch, ["noisy"])["noisy"].numpy()
    clean = planted.oracle(batch, ["noisy"])["noisy"].numpy()
    assert values.min() == 0.0
    quiet = clean[:, :, 3] == 0
    truth = planted.truth(UnitId("planted", "noisy", 3))
    # A rectified gaussian is above zero half of the time and has mean sd / sqrt(2 pi).
    assert (values[:, :, 3][quiet] > 0).mean() == pytest.approx(0.5, abs=0.02)
    assert values[:, :, 3][quiet].mean() == pytest.approx(truth.noise * 0.3989, rel=0.05)
