"""Train and test hold both classes alike and share no group; nulls keep what ties rows together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.probing.splits import LEAST_IN_TEST, shuffled
from discovery.probing.splits import test_rows as held_out


@given(st.integers(0, 2**16), st.integers(8, 40), st.floats(0.1, 0.5))
def test_no_group_is_divided_and_both_classes_are_in_both_parts(
    seed: int, n_groups: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(n_groups, size=600)
    labels = np.where(rng.random(600) < share, 1, -1).astype(np.int8)
    labels[rng.random(600) < 0.2] = 0
    test = held_out(labels, groups, seed)
    assert test is not None
    assert not test[labels == 0].any()
    used = labels != 0
    assert not set(groups[used & test]) & set(groups[used & ~test])
    for label in (1, -1):
        assert (test & (labels == label)).sum() >= LEAST_IN_TEST
        assert (~test & (labels == label)).sum() >= LEAST_IN_TEST


def test_thirty_percent_of_each_class_are_for_testing() -> None:
    rng = np.random.default_rng(1)
    groups = rng.integers(300, size=5000)
    labels = np.where(rng.random(5000) < 0.2, 1, -1).astype(np.int8)
    test = held_out(labels, groups, 0)
    assert test is not None
    for label in (1, -1):
        assert test[labels == label].mean() == pytest.approx(0.3, abs=0.02)


def test_a_class_that_lies_in_one_group_cannot_be_divided() -> None:
    groups = np.repeat([0, 1, 2], 50)
    labels = np.where(groups == 0, 1, -1).astype(np.int8)
    assert held_out(labels, groups, 0) is None


def test_another_seed_divides_otherwise_and_the_same_one_alike() -> None:
    groups = np.repeat(np.arange(60), 10)
    labels = np.tile([1, -1], 300).astype(np.int8)
    first, again, other = (held_out(labels, groups, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labels_without_meaning_have_both_classes_in_both_parts() -> None:
    rng = np.random.default_rng(2)
    groups = rng.integers(40, size=800)
    labels = rng.choice([-1, 0, 1], size=800, p=[0.6, 0.2, 0.2]).astype(np.int8)
    test = (groups < 12) & (labels != 0)
    found = shuffled(labels, groups, test, 3)
    assert np.array_equal(found == 0, labels == 0)
    assert not np.array_equal(found, labels)
    for part in (test, ~test):
        assert (found[part] == 1).sum() == pytest.approx((labels[part] == 1).sum(), rel=0.3)


def test_labels_that_hang_on_documents_still_do_when_they_are_shuffled() -> None:
    """Else a null would be easier than the truth: a document's rows are alike."""
    groups = np.repeat(np.arange(50), 12)
    labels = np.where(groups % 5 == 0, 1, -1).astype(np.int8)
    found = shuffled(labels, groups, groups < 15, 0)
    assert all(len(set(found[groups == g])) == 1 for g in range(50))
    assert (found == 1).sum() == (labels == 1).sum()


def test_runs_of_labels_stay_runs() -> None:
    """A comment is a stretch of tokens, and under the null it is one too."""
    groups = np.repeat(np.arange(30), 40)
    place = np.tile(np.arange(40), 30)
    labels = np.where((place >= 10) & (place < 22), 1, -1).astype(np.int8)
    found = shuffled(labels, groups, groups < 9, 1)
    changes = sum(np.diff(found[groups == g].astype(int)).astype(bool).sum() for g in range(30))
    assert changes <= 30 * 3
    assert not np.array_equal(found, labels)


def of_chance(kind: str, rng: np.random.Generator) -> np.ndarray:
    """960 labels in 30 documents: on single rows, on whole documents, or on runs of eight rows."""
    if kind == "rows":
        return rng.random(960) < 0.25
    if kind == "documents":
        return np.isin(np.repeat(np.arange(30), 32), rng.permutation(30)[:8])
    return np.repeat(rng.random(960 // 8) < 0.25, 8)


@pytest.mark.parametrize("kind", ["rows", "documents", "runs"])
def test_the_null_holds_its_promise_whatever_ties_labels_together(kind: str) -> None:
    """Units that drift through a document, and labels that have nothing to do with them."""
    called = []
    for trial in range(40):
        rng = np.random.default_rng([trial, 9])
        groups = np.repeat(np.arange(30), 32)
        labels = np.where(of_chance(kind, rng), 1, -1).astype(np.int8)
        unit = np.cumsum(rng.standard_normal(960)) * 0.3 + rng.standard_normal(30)[groups]
        test = held_out(labels, groups, trial)
        assert test is not None
        real = apart(unit, labels, test)
        nulls = (shuffled(labels, groups, test, 50 * trial + draw) for draw in range(19))
        called.append(sum(apart(unit, null, test) >= real for null in nulls) < 2)
    assert sum(called) <= 10  # of 40 at p <= .1: 4 are expected, 10 once in 300 such tests


def apart(unit: np.ndarray, labels: np.ndarray, test: np.ndarray) -> float:
    """How far classes are apart in test, in the direction that training gives."""
    sides = [
        unit[part & (labels == 1)].mean() - unit[part & (labels == -1)].mean()
        for part in (test, ~test)
    ]
    return float(sides[0] * np.sign(sides[1]))
