"""False-discovery control: against scipy, by its properties, and by simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scoring.discovery_rate import Dependence, needed_at_floor, q_values, smallest_q

P_VALUES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40)
DEPENDENCE = st.sampled_from(["positive", "any"])


@given(P_VALUES, DEPENDENCE)
def test_they_are_those_of_scipy(p_values: list[float], dependence: Dependence) -> None:
    method = {"positive": "bh", "any": "by"}[dependence]
    expected = stats.false_discovery_control(p_values, method=method)
    assert q_values(p_values, dependence) == pytest.approx(expected.tolist())


@given(P_VALUES, DEPENDENCE)
def test_a_smaller_p_never_has_a_larger_q(p_values: list[float], dependence: Dependence) -> None:
    found = q_values(p_values, dependence)
    ordered = [q for _, q in sorted(zip(p_values, found, strict=True))]
    assert all(a <= b for a, b in pairwise(ordered))  # type: ignore[operator]
    assert all(q is not None and p <= q <= 1.0 for p, q in zip(p_values, found, strict=True))


@given(st.lists(st.none() | st.floats(1e-6, 1.0), max_size=40))
def test_what_is_missing_stays_missing_and_changes_nothing(p_values: list[float | None]) -> None:
    found = q_values(p_values)
    assert [q is None for q in found] == [p is None for p in p_values]
    rest = [p for p in p_values if p is not None]
    assert [q for q in found if q is not None] == q_values(rest)


def test_by_hand() -> None:
    """Benjamini and Hochberg's rule: m p / rank, made monotone from the largest down."""
    assert q_values([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert q_values([]) == []


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.2, float("nan")])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        q_values([0.5, bad])


@pytest.mark.parametrize("shared", [False, True], ids=["own null units", "one set of null units"])
def test_the_false_discovery_rate_is_held(shared: bool) -> None:
    """Sixty units, a third truly explained; p-values are ranks among 100 null scores."""
    rng = np.random.default_rng(5)
    share = []
    for _ in range(400):
        truth = rng.random(60) < 1 / 3
        values = rng.normal(np.where(truth, 3.0, 0.0), 1.0)
        null = rng.normal(size=(1 if shared else 60, 100))
        p_values = ((null >= values[:, None]).sum(axis=1) + 1) / 101
        found = np.array(q_values(p_values.tolist()), dtype=np.float64) <= 0.1
        share.append(float((found & ~truth).sum() / max(1, found.sum())))
    assert np.mean(share) <= 0.1 + 2 * np.std(share) / np.sqrt(len(share))
    assert np.mean(share) > 0.02


def test_with_a_hundred_null_units_one_unit_among_many_cannot_pass() -> None:
    alone = [1 / 101, *[0.8] * 999]
    assert q_values(alone)[0] == pytest.approx(0.8)
    assert smallest_q(100, 1000, 1) == 1.0
    assert needed_at_floor(100, 1000, 0.05) == 199


@pytest.mark.parametrize("dependence", ["positive", "any"])
@pytest.mark.parametrize(("null_units", "tests"), [(100, 40), (100, 1), (999, 300), (10, 50)])
def test_the_smallest_q_is_what_units_at_the_floor_get(
    null_units: int, tests: int, dependence: Dependence
) -> None:
    floor = 1 / (null_units + 1)
    for count in {1, (tests + 1) // 2, tests}:
        found = q_values([floor] * count + [1.0] * (tests - count), dependence)
        assert found[0] == pytest.approx(smallest_q(null_units, tests, count, dependence))
    needed = needed_at_floor(null_units, tests, 0.05, dependence)
    for count in range(1, tests + 1):
        passes = smallest_q(null_units, tests, count, dependence) <= 0.05
        assert passes == (needed is not None and count >= needed)


def test_nobody_stands_at_the_floor_of_nothing() -> None:
    assert needed_at_floor(100, 0, 0.05) is None
    with pytest.raises(ValueError, match="0 of 5"):
        smallest_q(100, 5, 0)
