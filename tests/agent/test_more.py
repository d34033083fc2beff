"""Text that was chosen by what stands in it joins the evidence without tilting it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import before, made, on

from agent.explainers.pattern.fit import More, Regression
from agent.explainers.pattern.fit import _shared as _shared_with
from agent.explainers.pattern.unseen import NEAR, PREDICTED, REST, learnt, strata, tests
from agent.judging import run
from core.patterns import TokenGrid, parse

tests.__test__ = False  # type: ignore[attr-defined]  # a function of the product
AFTER = parse('Fires 10/10 on the token " cat" right after the token " the".')


def _shared(weights: np.ndarray, more: More) -> np.ndarray:
    """Where no window is among the strongest."""
    return _shared_with(weights, np.empty(0, dtype=np.int64), more)


def drawn(pool_strata: list[int], strata: list[int], activations: np.ndarray | None = None) -> More:
    shape = (len(strata), 1)
    values = np.zeros(shape) if activations is None else activations.reshape(shape)
    return More(
        tokens=[("a",)] * len(strata),
        activations=values.astype(np.float32),
        strata=np.array(strata, dtype=np.int64),
        pool_strata=np.array(pool_strata, dtype=np.int64),
    )


@given(
    pool=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 100).filter(lambda w: w == 0 or w > 1e-6)),
        min_size=1,
        max_size=30,
    ),
    new=st.lists(st.integers(0, 3), max_size=30),
)
def test_each_stratum_keeps_its_weight(pool: list[tuple[int, float]], new: list[int]) -> None:
    weights = np.array([weight for _, weight in pool])
    more = drawn([stratum for stratum, _ in pool], new)
    shared = _shared(weights, more)
    assert shared.shape == (len(pool) + len(new),)
    assert (shared >= 0).all()
    both = np.concatenate([more.pool_strata, more.strata])
    for stratum in range(4):
        was = weights[more.pool_strata == stratum].sum()
        assert shared[both == stratum].sum() == pytest.approx(was)
        if stratum not in new:
            here = more.pool_strata == stratum
            assert np.array_equal(shared[: len(pool)][here], weights[here])


def test_new_windows_weigh_as_much_as_old_ones_that_weigh_alike() -> None:
    shared = _shared(np.full(6, 2.0), drawn([0] * 6, [0, 0]))
    assert shared == pytest.approx([12 / 8] * 8)


def test_windows_of_uneven_weight_are_worth_fewer() -> None:
    """Weights 3 and 1 are worth 16 / 10 windows; one more gets what 1 of 2.6 gets."""
    shared = _shared(np.array([3.0, 1.0]), drawn([0, 0], [0]))
    assert shared == pytest.approx([3 * 1.6 / 2.6, 1.6 / 2.6, 4 / 2.6])


def test_windows_of_a_stratum_that_the_evidence_lacks_count_for_nothing() -> None:
    shared = _shared(np.array([1.0, 1.0]), drawn([0, 0], [0, 1]))
    assert shared[-1] == 0.0


def test_the_mean_is_estimated_without_bias_however_windows_were_chosen() -> None:
    """A population of three strata; the pool is a plain sample, new windows favour the rare one."""
    rng = np.random.default_rng(0)
    shares, means = np.array([0.9, 0.08, 0.02]), np.array([0.0, 1.0, 10.0])
    truth = float(shares @ means)
    plain, joined = [], []
    for _ in range(3000):
        pool_strata = rng.choice(3, size=200, p=shares)
        pool = means[pool_strata] + rng.normal(size=200)
        strata_ = np.repeat([0, 1, 2], [5, 20, 75])
        new = means[strata_] + rng.normal(size=100)
        weights = _shared(np.full(200, 1 / 200), drawn(pool_strata.tolist(), strata_.tolist()))
        plain.append(pool.mean())
        joined.append(weights @ np.concatenate([pool, new]))
    error = np.std(joined) / np.sqrt(len(joined))
    assert np.mean(joined) == pytest.approx(truth, abs=4 * error)
    assert np.std(joined) < np.std(plain), "and more steadily than without them"


def test_a_regression_of_more_text_keeps_the_unit_variance() -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " the")))
    evidence = unit.evidence().explain
    laboratory = unit.laboratory()
    grid = TokenGrid.from_tokens(evidence.pool.tokens)
    done = run(tests([AFTER], evidence, laboratory, (), 120), laboratory)
    more = learnt(evidence, grid, laboratory, done)
    assert more is not None
    assert len(more.tokens) == sum(len(e.trials) for e in done) == 120
    both = Regression.of(evidence, more)
    assert both.grid.shape[0] == len(evidence.pool) + 120
    _, residual = both.solve([])
    assert both.error(residual) == pytest.approx(1.0)
    assert learnt(evidence, grid, laboratory, ()) is None


# which windows are asked about


def test_a_stratum_is_where_a_pattern_speaks_of_a_window() -> None:
    tokens = [(" the", " cat"), (" cat", " the"), (" a", " dog"), (" a", " sat")]
    grid = TokenGrid.from_tokens(tokens)
    assert strata([AFTER], grid).tolist() == [PREDICTED, NEAR, REST, REST]
    dog = parse('Fires 3/10 on the token " dog".')
    assert strata([AFTER, dog], grid).tolist() == [PREDICTED, NEAR, PREDICTED, REST]
    assert strata([dog], grid).tolist() == [REST, REST, PREDICTED, REST]


def test_windows_of_every_stratum_are_asked_about_within_the_budget() -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " the")), further=900)
    evidence = unit.evidence().explain
    planned = tests([AFTER], evidence, unit.laboratory(), (), 20)
    assert {e.kind: len(e.trials) for e in planned} == {
        "predicted_positive": 12,
        "near_miss": 5,
        "negative_control": 3,
    }
    for experiment in planned:
        for trial in experiment.trials:
            tokens = unit.decode(trial.tokens)
            if experiment.kind == "negative_control":
                assert (trial.position, trial.predicted) == (None, 0.0)
            else:
                assert trial.position is not None
                assert tokens[trial.position] == " cat"
    assert tests([AFTER], evidence, unit.laboratory(), (), 0) == []
    assert tests([], evidence, unit.laboratory(), (), 9) == []


def test_where_there_is_no_further_text_nothing_is_asked() -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    laboratory = unit.laboratory()
    laboratory.unseen = None
    assert tests([AFTER], unit.evidence().explain, laboratory, (), 20) == []


def test_the_evidence_of_a_unit_is_no_unseen_text() -> None:
    unit = made(lambda g: on(g, " cat") + 0.0, further=0)
    evidence = unit.evidence().explain
    whole = replace(evidence, pool=replace(evidence.pool))
    planned = tests([AFTER], whole, unit.laboratory(), (), 10_000)
    asked = {t.tokens for e in planned for t in e.trials}
    assert not asked & {tuple(row) for row in evidence.pool.token_ids.tolist()}
    assert len(asked) == int((unit.text.split == 0).sum()) - len(evidence.pool)


def test_the_strongest_windows_stand_for_themselves() -> None:
    """They are all there are of their kind: however much text comes in, they keep their weight."""
    weights = np.array([5.0, 1.0, 1.0])
    shared = _shared_with(weights, np.array([0]), drawn([0, 0, 0], [0, 0]))
    assert shared[0] == 5.0
    assert shared[1:].sum() == pytest.approx(2.0)
    assert shared[1:] == pytest.approx(0.5)
