from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import Corpus, evidence

from core.evidence import Band, SplitEvidence
from scoring.samples import MODES, sample


@pytest.fixture
def drawn() -> SplitEvidence:
    rng = np.random.default_rng(0)
    return evidence(Corpus.draw(rng, 3000, 0.002).actual, rng)[1]


def test_top_and_random_takes_as_many_of_both(drawn: SplitEvidence) -> None:
    found = sample(drawn, "top_and_random", top=5)
    assert found.rows[:5].tolist() == drawn.top_rows[:5].tolist()
    assert len(found) == 10
    assert set(found.rows[5:]) <= set(drawn.random_rows) - set(drawn.top_rows[:5])
    assert np.allclose(found.weights, 0.1)
    assert found.design.strata.tolist() == [0] * 5 + [1] * 5


def test_the_random_partners_do_not_depend_on_the_place_in_the_pool(drawn: SplitEvidence) -> None:
    backwards = replace(drawn, random_rows=drawn.random_rows[::-1])
    found = [sample(e, "top_and_random").rows.tolist() for e in (drawn, backwards)]
    assert found[0] == found[1]


def test_random_only_is_every_shared_window(drawn: SplitEvidence) -> None:
    found = sample(drawn, "random_only")
    assert found.rows.tolist() == drawn.random_rows.tolist()
    assert np.allclose(found.weights, 1 / len(found))


@pytest.mark.parametrize("mode", MODES)
def test_weights_sum_to_one(drawn: SplitEvidence, mode: str) -> None:
    found = sample(drawn, mode)  # type: ignore[arg-type]
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights.min() > 0
    assert len(found.rows) == len(set(found.rows.tolist()))


def test_a_top_window_stands_for_itself_in_corpus(drawn: SplitEvidence) -> None:
    found = sample(drawn, "corpus")
    top = np.isin(found.rows, drawn.top_rows)
    assert top.sum() == 10
    assert np.allclose(found.weights[top], 1 / 3000)


def test_each_band_has_its_share_in_corpus(drawn: SplitEvidence) -> None:
    found = sample(drawn, "corpus")
    for number, band in enumerate(drawn.bands):
        inside = np.isin(found.rows, drawn.band_rows(number))
        assert found.weights[inside].sum() == pytest.approx(band.share)


@pytest.mark.parametrize(
    ("rate", "bands"), [(0.002, True), (0.05, True), (0.3, True), (0.002, False)]
)
def test_corpus_estimates_the_mean_over_the_corpus(rate: float, bands: bool) -> None:
    """Unbiased, also where the lowest band mixes silent windows with active ones."""
    rng = np.random.default_rng(4)
    actual = Corpus.draw(rng, 3000, rate).actual
    truth = actual.mean()
    corpus, random = [], []
    for _ in range(300):
        _, found = evidence(actual, rng)
        if not bands:
            found = replace(found, bands=(), active_rows=found.active_rows[:0])
        means = found.pool.activations.mean(axis=1)
        for mode, into in (("corpus", corpus), ("random_only", random)):
            chosen = sample(found, mode)  # type: ignore[arg-type]
            into.append(float(chosen.weights @ means[chosen.rows]))
    error = np.std(corpus) / np.sqrt(len(corpus))
    assert abs(np.mean(corpus) - truth) < 3.5 * error + 1e-9
    assert np.std(corpus) < np.std(random)


def test_bottom_windows_say_nothing_about_the_corpus() -> None:
    rng = np.random.default_rng(4)
    actual = rng.normal(size=(3000, 32)) + rng.normal(size=(3000, 1)) - 1
    means = []
    for _ in range(200):
        _, found = evidence(actual, rng, bottom=20)
        chosen = sample(found, "corpus")
        means.append(chosen.weights @ found.pool.activations.mean(axis=1)[chosen.rows])
    error = np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means) - actual.mean()) < 3.5 * error


def test_the_share_of_an_uncovered_band_goes_to_its_neighbour(drawn: SplitEvidence) -> None:
    """Nothing was drawn between 10⁶ and 10⁷: the top windows, next above, stand for it."""
    low, *others = drawn.bands
    cut = replace(others[-1], high=1e6)
    empty = Band("band:9", 1e6, 1e7, 0.1)
    found = replace(drawn, bands=(replace(low, share=low.share - 0.1), *others[:-1], cut, empty))
    chosen = sample(found, "corpus")
    top = np.isin(chosen.rows, found.top_rows)
    assert chosen.weights[top].sum() == pytest.approx(10 / 3000 + 0.1)
    assert chosen.weights.sum() == pytest.approx(1)


def test_an_empty_split_gives_empty_samples(drawn: SplitEvidence) -> None:
    none = np.empty(0, dtype=np.int64)
    empty = replace(
        drawn,
        pool=drawn.pool.take([]),
        top_rows=none,
        active_rows=none,
        random_rows=none,
        n_windows=0,
        others=drawn.others[:0],
    )
    for mode in MODES:
        assert len(sample(empty, mode)) == 0
        assert len(sample(replace(empty, bands=()), mode)) == 0
