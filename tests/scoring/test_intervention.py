"""The output side's score on shifts that are made up."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.scorers.intervention import Shifts, intervention_score

Array = NDArray[np.float64]
TOKENS = 200


@pytest.fixture
def shifts() -> Shifts:
    """Ten tokens rise, the others fall a little; every window adds its own noise."""
    rng = np.random.default_rng(0)
    mean = np.full(TOKENS, -0.1)
    mean[:10] = 2.0
    windows = mean + 0.3 * rng.normal(size=(20, TOKENS))
    null = [np.roll(mean, 50 * i) for i in (1, 2, 3)]
    return Shifts(mean + 0.05 * rng.normal(size=TOKENS), windows, null)


def said(*tokens: int) -> Array:
    values = np.zeros(TOKENS)
    values[list(tokens)] = 10.0
    return values


def test_naming_what_rises_is_rewarded(shifts: Shifts) -> None:
    score = intervention_score("e", said(*range(10)), 10, shifts, simulator="pattern")
    assert score.value is not None
    assert score.low is not None
    assert score.value > 0.95
    assert score.low > 0.9
    assert score.null_mean == pytest.approx(-10 / TOKENS, abs=0.05)
    assert (score.null_units, score.p_null) == (3, None)  # three units make no p-value
    assert (score.scorer, score.mode, score.n_excerpts) == ("intervention", "random_only", 20)


def test_missing_and_wrong_tokens_both_cost(shifts: Shifts) -> None:
    def value(*tokens: int) -> float:
        found = intervention_score("e", said(*tokens), 10, shifts, simulator="pattern").value
        assert found is not None
        return found

    whole = value(*range(10))
    assert value(*range(5)) < whole - 0.2
    assert value(*range(40)) < whole - 0.2
    assert value(100, 101) < 0.05


def test_lists_come_from_explain_and_an_equal_one_is_shorter_than_fifty(shifts: Shifts) -> None:
    score = intervention_score("e", said(*range(10)), 3, shifts, simulator="pattern")
    assert score.token_list_equal is not None
    assert score.token_list_50 is not None
    assert score.token_list_equal < score.token_list_50
    assert score.token_table == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("promoted", "report", "reason"),
    [
        (np.zeros(TOKENS), np.ones((3, TOKENS)), "what is promoted is the same"),
        (said(1), np.zeros((3, TOKENS)), "the effect of the push is the same"),
        (said(1), np.zeros((0, TOKENS)), "no excerpt was drawn"),
    ],
)
def test_what_is_undefined_has_a_reason(promoted: Array, report: Array, reason: str) -> None:
    found = intervention_score(
        "e", promoted, 1, Shifts(np.zeros(TOKENS), report, []), simulator="pattern"
    )
    assert (found.value, found.status) == (None, "undefined")
    assert reason in str(found.reason)
