from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import evidence, excerpts

from core.evidence import SplitEvidence
from scoring.baselines import MIN_COUNT, TokenTable


def split_of(ids: list[list[int]], activations: list[list[float]]) -> SplitEvidence:
    values = np.array(activations)
    _, found = evidence(values, np.random.default_rng(0), random=len(values))
    return replace(found, pool=excerpts(values, None, np.array(ids)))


@pytest.fixture
def table() -> TokenTable:
    """Token 5: 4, 2, 3 (mean 3). Token 7: 1, 1, 1 (mean 1). Token 9: 0, 0, 0. Token 8: 6 once."""
    ids = [[5, 5, 7, 9, 9], [5, 7, 7, 9, 8]]
    return TokenTable.learn(split_of(ids, [[4, 2, 1, 0, 0], [3, 1, 1, 0, 6]]))


ASKED = np.array([[5, 7, 9, 8, 4]])


def test_the_full_table_is_each_tokens_mean(table: TokenTable) -> None:
    assert table.overall == pytest.approx(18 / 10)
    assert table.full(ASKED).tolist() == [[3, 1, 0, 6, 1.8]]


def test_a_list_holds_the_highest_means_and_the_rest_share_theirs(table: TokenTable) -> None:
    one = table.list_of(1, ASKED)
    rest = (3 * 1 + 3 * 0 + 6) / 7
    assert one.tolist() == [[3, *[pytest.approx(rest)] * 4]]
    two = table.list_of(2, ASKED)
    assert two.tolist() == [[3, 1, *[pytest.approx(6 / 4)] * 3]]


def test_a_token_seen_once_is_listed_last(table: TokenTable) -> None:
    assert MIN_COUNT == 3
    assert table.list_of(3, ASKED)[0, 3] == 6.0  # the rest is this token alone
    assert table.list_of(3, ASKED)[0, 4] == 6.0
    assert table.list_of(4, ASKED).tolist() == table.full(ASKED).tolist()


def test_a_longer_list_than_there_are_tokens_is_the_table(table: TokenTable) -> None:
    assert table.list_of(50, ASKED).tolist() == table.full(ASKED).tolist()


def test_equal_means_are_listed_by_token_number() -> None:
    table = TokenTable.learn(split_of([[3, 2, 3, 2, 3, 2]], [[1, 1, 1, 1, 1, 1]]))
    assert table.ids.tolist() == [2, 3]
    assert table.list_of(1, np.array([[2, 3]])).tolist() == [[1, 1]]


def test_a_list_of_equal_length_explains_less_than_a_longer_one() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 40, (60, 32))
    actual = rng.random(40)[ids] + 0.1 * rng.random(ids.shape)
    table = TokenTable.learn(split_of(ids.tolist(), actual.tolist()))
    errors = [((table.list_of(n, ids) - actual) ** 2).mean() for n in (1, 5, 20, 40)]
    assert errors == sorted(errors, reverse=True)


def test_an_empty_table_predicts_nothing_in_particular() -> None:
    table = TokenTable(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64))
    assert table.full(ASKED).tolist() == [[0.0] * 5]
    assert table.list_of(3, ASKED).tolist() == [[0.0] * 5]
