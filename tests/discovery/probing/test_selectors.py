"""Ways of choosing supports: they find what was planted, and agree on what cannot be chosen."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InvalidSetting
from discovery.probing import adaptive as adaptive_module
from discovery.probing import selectors
from discovery.probing.adaptive import SCHEDULE, adaptive
from discovery.probing.results import Method
from discovery.probing.selectors import METHODS
from discovery.probing.supports import Chosen

PLANTED = (3, 11, 17)
LEARNED = tuple(name for name in METHODS if name != "random")
NAMES = tuple(METHODS)


def planted(rows: int = 400, width: int = 24) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Three columns that lie higher where the label is 1; the others know nothing of it."""
    generator = np.random.default_rng(0)
    labels = np.where(generator.random(rows) < 0.3, 1, -1).astype(np.int8)
    columns = generator.normal(size=(rows, width))
    columns[:, PLANTED] += 1.2 * labels[:, None]
    return (columns / (10 * columns.std(axis=0))).astype(np.float32), labels


def choose(name: Method, ks: tuple[int, ...] = (1, 3), seed: int = 0) -> dict[int, Chosen]:
    """What a method chooses on the planted columns."""
    X, y = planted()
    return METHODS[name](X, y, ks, seed=seed, time_limit=20.0)


def test_every_method_of_the_reports_has_a_function() -> None:
    assert set(METHODS) == set(get_args(Method))


@pytest.mark.parametrize("name", LEARNED)
def test_planted_columns_are_found(name: Method) -> None:
    chosen = choose(name)
    assert chosen[3].indices == PLANTED
    assert set(chosen[1].indices) < set(PLANTED)
    assert chosen[3].note is None
    assert chosen[3].seconds >= 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_supports(name: Method) -> None:
    first, second = choose(name, seed=4), choose(name, seed=4)
    assert [first[k].indices for k in (1, 3)] == [second[k].indices for k in (1, 3)]


@pytest.mark.parametrize("name", NAMES)
def test_constant_columns_come_last(name: Method) -> None:
    X, y = planted(width=20)
    constant = (0, 5, 19)
    X[:, constant] = 0.25
    for chosen in METHODS[name](X, y, (17,), seed=1, time_limit=20.0).values():
        assert chosen.indices == tuple(sorted(set(range(20)) - set(constant)))
    with pytest.raises(InvalidSetting, match="not constant"):
        METHODS[name](X, y, (18,), seed=1, time_limit=20.0)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_used_is_named(name: Method) -> None:
    X, y = planted(rows=40)
    method = METHODS[name]
    with pytest.raises(InvalidSetting, match="two classes"):
        method(X, np.ones(40), (1,), seed=0, time_limit=1.0)
    with pytest.raises(InvalidSetting, match="not finite"):
        method(np.full_like(X, np.inf), y, (1,), seed=0, time_limit=1.0)
    with pytest.raises(InvalidSetting, match="belong together"):
        method(X[1:], y, (1,), seed=0, time_limit=1.0)


def test_of_equal_columns_the_lower_index_is_chosen() -> None:
    X, y = planted()
    twins = np.column_stack([X[:, 3], X[:, 3], X[:, 3]])
    for name in ("mean-difference", "f"):
        assert METHODS[name](twins, y, (2,), seed=0, time_limit=1.0)[2].indices == (0, 1)


def test_f_ranks_as_an_analysis_of_variance_does() -> None:
    from sklearn.feature_selection import f_classif

    X, y = planted()
    ours = [choose("f", (k,))[k].indices for k in range(1, 25)]
    order = np.argsort(-f_classif(X.astype(np.float64), y)[0])
    assert ours == [tuple(sorted(order[:k])) for k in range(1, 25)]


def test_a_column_that_divides_the_classes_perfectly_is_first() -> None:
    X, y = planted()
    X[:, 7] = y * 0.1
    for name in ("f", "mean-difference", "osp"):
        assert METHODS[name](X, y, (1,), seed=0, time_limit=5.0)[1].indices == (7,)


def test_information_is_estimated_from_some_rows_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selectors, "INFORMATION_ROWS", 200)
    chosen = choose("mutual-information")[3]
    assert chosen.indices == PLANTED
    assert chosen.note == "estimated from 200 of 400 rows"


def test_a_fit_that_was_stopped_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive_module, "ITERATIONS", 1)
    assert choose("adaptive", (8, 3))[3].note == (
        "not converged after 1 passes at k = 16, 12, 10, 8, 7, 6, 5, 4, 3"
    )


def test_coefficients_of_zero_are_noted() -> None:
    X, y = planted(rows=60)
    note = METHODS["l1"](X, y, (20,), seed=0, time_limit=1.0)[20].note
    assert note is not None
    assert "coefficients are not 0" in note


def test_adaptive_supports_lie_within_one_another() -> None:
    X, y = planted()
    chosen = adaptive(X, y, (12, 9, 5, 2), seed=0, time_limit=1.0)
    assert 9 not in SCHEDULE
    sizes = sorted(chosen, reverse=True)
    assert sizes == [12, 9, 5, 2]
    for larger, smaller in itertools.pairwise(sizes):
        assert set(chosen[smaller].indices) < set(chosen[larger].indices)


def test_osp_says_among_how_many_columns_its_proof_holds() -> None:
    X, y = planted()
    narrow = selectors.osp(X, y, (1, 2), seed=0, time_limit=5.0, loss="hinge", width=6)
    for chosen in narrow.values():
        assert chosen.certificate is not None
        assert chosen.certificate.status == "optimal"
        assert chosen.certificate.of == 6
        assert set(chosen.indices) < set(PLANTED)
    assert narrow[2].seconds >= narrow[1].seconds
