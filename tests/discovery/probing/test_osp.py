"""Optimal sparse probing: as good as trying everything, and honest where it could not finish."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InvalidSetting
from discovery.probing.osp import cutting
from discovery.probing.osp.cutting import loss_of, solve, solve_path
from discovery.probing.osp.master import MasterFailed, branch, mixture
from discovery.probing.osp.problem import Loss, Problem, cut_of, prepare
from discovery.probing.osp.search import SOLVERS, indicator
from discovery.probing.plan import MOST_GAMMA

LOSSES: tuple[Loss, ...] = ("logistic", "hinge")
FOREVER = float("inf")


def instance(
    seed: int, rows: int = 160, width: int = 9, mixing: float = 0.0, share: float = 0.35
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns of standard deviation 0.1, labels from three of them with noise."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(rows, width))
    columns = columns + mixing * rng.normal(size=(rows, 2)) @ rng.normal(size=(2, width))
    columns /= 10 * columns.std(axis=0)
    signal = columns[:, rng.choice(width, 3, replace=False)] @ rng.uniform(3, 12, 3)
    noisy = signal + rng.normal(scale=0.5, size=rows)
    return columns, np.where(noisy > np.quantile(noisy, 1 - share), 1.0, -1.0)


def loss_at(problem: Problem, support: tuple[int, ...]) -> float:
    """The least loss of a support, a row's share."""
    chosen = problem.columns[:, list(support)]
    return SOLVERS[problem.loss](problem, chosen, 1e-9, FOREVER).primal / problem.rows


def by_trying_all(problem: Problem, k: int) -> tuple[float, tuple[int, ...]]:
    """The least loss of k columns, and whose it is."""
    supports = itertools.combinations(range(problem.width), k)
    return min((loss_at(problem, support), support) for support in supports)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("seed", "mixing", "gamma"), [(0, 0.0, None), (1, 2.0, None), (2, 2.0, 50.0)]
)
def test_it_finds_what_trying_every_support_finds(
    loss: Loss, seed: int, mixing: float, gamma: float | None
) -> None:
    X, y = instance(seed, mixing=mixing)
    problem = prepare(X, y, loss, gamma, "balanced")
    found = solve_path(X, y, (1, 2, 3), loss=loss, gamma=gamma, tolerance=1e-6)
    for k, support in found.items():
        least, where = by_trying_all(problem, k)
        assert support.certificate.status == "optimal"
        assert support.certificate.loss == pytest.approx(least, rel=2e-6)
        assert support.indices == where


@pytest.mark.parametrize("loss", LOSSES)
def test_twenty_correlated_columns_match_trying_every_pair(loss: Loss) -> None:
    X, y = instance(5, width=20, mixing=1.0)
    least, _ = by_trying_all(prepare(X, y, loss, None, "balanced"), 2)
    found = solve(X, y, 2, loss=loss)
    assert found.certificate.status == "optimal"
    assert least - 1e-9 <= found.certificate.loss <= least * (1 + 1e-4)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seconds", [1e-6, 0.02, 30.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_never_passes_the_true_optimum(loss: Loss, seconds: float, seed: int) -> None:
    gamma = (None, 1.0, 30.0, 1e3)[seed]
    X, y = instance(seed, rows=80, width=7, mixing=1.5)
    least, _ = by_trying_all(prepare(X, y, loss, gamma, "balanced"), 3)
    proof = solve(X, y, 3, loss=loss, gamma=gamma, time_limit=seconds).certificate
    assert proof.bound <= least * (1 + 1e-9)
    assert proof.loss >= least * (1 - 1e-9)
    assert proof.gap == pytest.approx((proof.loss - proof.bound) / proof.loss)
    assert (proof.status == "optimal") == (proof.gap <= proof.tolerance)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_cut_from_a_rough_inner_answer_is_below_every_support(loss: Loss) -> None:
    X, y = instance(3, width=6, mixing=1.0)
    problem = prepare(X, y, loss, 5.0, "balanced")
    rough = SOLVERS[loss](problem, problem.columns[:, [0, 1]], 0.5, -FOREVER)
    cut = cut_of(problem, rough.alpha)
    assert abs(rough.alpha.sum()) < 1e-9
    for k in range(1, 7):
        for support in itertools.combinations(range(6), k):
            claimed = cut.constant - cut.slopes @ indicator(support, 6)
            assert claimed <= loss_at(problem, support) + 1e-12


@pytest.mark.parametrize("loss", LOSSES)
def test_an_exact_cut_touches_the_loss_at_its_support(loss: Loss) -> None:
    X, y = instance(4)
    problem = prepare(X, y, loss, None, "balanced")
    answer = SOLVERS[loss](problem, problem.columns[:, [2, 5]], 1e-9, FOREVER)
    cut = cut_of(problem, answer.alpha)
    touched = cut.constant - cut.slopes[[2, 5]].sum()
    assert touched == pytest.approx(answer.primal / problem.rows, rel=1e-8)


def test_the_hinge_equals_a_support_vector_machine() -> None:
    from sklearn.svm import SVC

    X, y = instance(7, width=4)
    problem = prepare(X, y, "hinge", 20.0, "balanced")
    scaled = problem.columns * np.sqrt(problem.gamma)
    machine = SVC(kernel="linear", C=1.0, tol=1e-8).fit(scaled, y, sample_weight=problem.weights)
    losses = np.maximum(0, 1 - y * machine.decision_function(scaled))
    value = problem.weights @ losses + 0.5 * float((machine.coef_**2).sum())
    ours = SOLVERS["hinge"](problem, problem.columns, 1e-9, FOREVER)
    assert ours.primal == pytest.approx(value, rel=1e-6)
    assert ours.dual <= ours.primal


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_the_support_found_is_the_certificates(loss: Loss) -> None:
    X, y = instance(9)
    found = solve(X, y, 3, loss=loss)
    again = loss_of(X, y, found.indices, loss=loss)
    assert found.certificate.loss == pytest.approx(again, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_weakest_ridge_ends_with_the_time_and_says_so(loss: Loss) -> None:
    X, y = instance(0, rows=600, width=60, mixing=2.0)
    proof = solve(X, y, 3, loss=loss, gamma=MOST_GAMMA, time_limit=0.2).certificate
    assert (proof.status, proof.bound >= 0) == ("time_limit", True)
    assert proof.gap > proof.tolerance


def test_too_little_time_gives_a_support_and_says_so() -> None:
    X, y = instance(0, rows=600, width=60, mixing=2.0)
    found = solve(X, y, 6, gamma=1e3, time_limit=1e-6)
    assert len(found.indices) == 6
    assert found.certificate.status == "time_limit"
    assert found.certificate.gap > found.certificate.tolerance


def test_a_master_problem_that_fails_leaves_the_best_support(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise MasterFailed("no licence for numbers")

    monkeypatch.setattr(cutting, "branch", broken)
    X, y = instance(1, width=20, mixing=2.0)
    least, _ = by_trying_all(prepare(X, y, "logistic", 1e3, "balanced"), 2)
    proof = solve(X, y, 2, gamma=1e3).certificate
    assert proof.status == "failed"
    assert proof.bound <= least <= proof.loss


def test_a_second_run_gives_the_same_support_and_figures() -> None:
    X, y = instance(6, width=15, mixing=1.0)
    first, second = (solve_path(X, y, (2, 4)) for _ in range(2))
    for k in (2, 4):
        assert first[k].indices == second[k].indices
        assert first[k].certificate.bound == second[k].certificate.bound


def test_a_warm_start_of_any_size_is_taken() -> None:
    X, y = instance(6)
    cold = solve(X, y, 3)
    for start in ((), (1,), cold.indices, (0, 1, 2, 3, 4, 5)):
        assert solve(X, y, 3, warm_start=start).indices == cold.indices


def test_constant_and_shifted_columns_change_nothing() -> None:
    X, y = instance(2)
    plain = solve(X, y, 2)
    shifted = solve(np.column_stack([np.full(len(y), 3.0), X + 7.0]), y, 2)
    assert shifted.indices == tuple(i + 1 for i in plain.indices)
    assert shifted.certificate.loss == pytest.approx(plain.certificate.loss, rel=1e-6)


def test_branching_picks_the_support_that_the_cuts_like_best() -> None:
    X, y = instance(8, width=5)
    problem = prepare(X, y, "logistic", None, "balanced")
    cut = mixture([cut_of(problem, np.zeros(len(y)))], np.zeros(1))
    assert cut.least(2) == 0.0
    answer = SOLVERS["logistic"](problem, problem.columns[:, :0], 1e-9, FOREVER)
    cut = cut_of(problem, answer.alpha)
    bound, point = branch([cut], np.arange(5), 2, indicator((0, 1), 5), 1.0, 0.0, 10.0, 1)
    assert point is not None
    assert set(np.flatnonzero(point)) == set(np.argsort(cut.slopes)[-2:])
    assert bound == pytest.approx(cut.least(2), rel=1e-6)
    assert cut.least_with(2).min() == pytest.approx(cut.least(2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 0}, "not within"),
        ({"k": 10}, "not within"),
        ({"gamma": 0.0}, "gamma"),
        ({"time_limit": 0.0}, "time limit"),
        ({"tolerance": 1e-9}, "tolerance"),
        ({"class_weights": (1.0, 0.0)}, "class weights"),
        ({"warm_start": (9,)}, "warm start"),
        ({"y": np.ones(160)}, "two classes"),
        ({"X": np.full((160, 9), np.nan)}, "not finite"),
        ({"X": np.zeros((3, 9))}, "belong together"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], words: str) -> None:
    X, y = instance(0)
    with pytest.raises(InvalidSetting, match=words):
        solve(**{"X": X, "y": y, "k": 2, **change})
