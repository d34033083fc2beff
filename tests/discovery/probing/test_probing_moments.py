"""One pass over all neurons and features gives what scikit-learn gives one by one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.feature_selection import f_classif

from discovery.probing.activations import Part, parts, read_rows
from discovery.probing.labels import WHOLE, Annotation, Feature, Span
from discovery.probing.moments import Moments, strongest
from discovery.probing.sampling import Sampling, sample
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, texts, words_of

RNG = np.random.default_rng(5)


def moments(values: np.ndarray, labels: np.ndarray, batch: int = 64) -> Moments:
    found = Moments(labels.astype(np.int8), ["site"])
    for start in range(0, len(values), batch):
        rows = np.arange(start, min(start + batch, len(values)))
        found.add(Part(rows, {"site": torch.from_numpy(values[rows])}))
    return found


def test_f_and_mean_difference_are_those_of_each_feature_alone() -> None:
    """Large means and small spreads, where sums of squares lose digits: scikit-learn's too, so it
    is given centred values. Unused rows do not count."""
    values = (RNG.standard_normal((700, 30)) * 0.01 + RNG.uniform(-50, 50, 30)).astype(np.float32)
    labels = RNG.choice([-1, 0, 1], size=(700, 12)).astype(np.int8)
    ranking = moments(values, labels).ranking("site")
    for task in range(12):
        used = labels[:, task] != 0
        centred = values[used].astype(np.float64)
        expected, _ = f_classif(centred - centred.mean(0), labels[used, task])
        np.testing.assert_allclose(ranking.f[task], expected, rtol=1e-6)
        means = [values[labels[:, task] == c].mean(0, dtype=np.float64) for c in (1, -1)]
        np.testing.assert_allclose(ranking.difference[task], means[0] - means[1], atol=1e-9)


def test_the_size_of_batches_changes_nothing() -> None:
    values = RNG.standard_normal((300, 8)).astype(np.float32)
    labels = RNG.choice([-1, 1], size=(300, 3))
    one, many = (moments(values, labels, batch).ranking("site") for batch in (300, 7))
    np.testing.assert_allclose(one.f, many.f, rtol=1e-9)


def test_constant_and_broken_neurons_come_last_and_are_never_chosen() -> None:
    values = RNG.standard_normal((200, 4)).astype(np.float32)
    values[:, 1] = 3.25
    values[5, 2] = np.nan
    labels = RNG.choice([-1, 1], size=(200, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ranking = moments(values, labels).ranking("site")
    assert np.isfinite(ranking.f[0]).tolist() == [True, False, False, True]
    assert set(strongest(ranking.strength[0], 4)) == {0, 3}
    assert np.isfinite(ranking.difference).all()


def test_a_task_with_one_row_of_a_class_ranks_nothing() -> None:
    labels = np.full((50, 1), -1)
    labels[0] = 1
    ranking = moments(RNG.standard_normal((50, 3)).astype(np.float32), labels).ranking("site")
    assert len(strongest(ranking.strength[0], 3)) == 0


def test_rows_are_the_values_at_their_tokens(planted: PlantedSubject) -> None:
    site = next(iter(planted.sites()))
    data = sample(
        collection(words_of(texts(40), "cat", "cat"), Feature("cat", "cat")),
        planted,
        Sampling(window=16),
    )
    kept = read_rows(planted, data, [site])
    for row in range(0, len(data.rows), 37):
        window, first, stop = data.rows[row]
        ids = data.ids[window, : data.lengths[window]].astype(np.int64)[None]
        values = planted.activations(planted.batch(ids), [site])[site][0]
        assert stop == first + 1
        np.testing.assert_array_equal(kept.arrays[site][row], values[first].numpy())


@pytest.mark.parametrize("reading", ["mean", "max"])
def test_several_tokens_become_one_value(planted: PlantedSubject, reading: str) -> None:
    site = next(iter(planted.sites()))
    annotations = [
        Annotation(d, {"odd": (Span(0, WHOLE),)} if i % 2 else {}) for i, d in enumerate(texts(60))
    ]
    made = collection(annotations, Feature("odd", "odd"), reading=reading)  # type: ignore[arg-type]
    data = sample(made, planted, Sampling(window=20, share=0.5))
    kept = read_rows(planted, data, [site])
    for row in range(0, len(data.rows), 11):
        window = data.rows[row, 0]
        ids = data.ids[window, : data.lengths[window]].astype(np.int64)[None]
        values = planted.activations(planted.batch(ids), [site])[site][0].numpy()
        expected = values.mean(0) if reading == "mean" else values.max(0)
        np.testing.assert_allclose(kept.arrays[site][row], expected, rtol=1e-5, atol=1e-6)


def test_batches_do_not_change_what_is_read(planted: PlantedSubject) -> None:
    site = next(iter(planted.sites()))
    data = sample(
        collection(words_of(texts(40), "cat", "cat"), Feature("cat", "cat")),
        planted,
        Sampling(window=16),
    )
    whole = {
        int(r): p.values[site][i]
        for p in parts(planted, data, [site])
        for i, r in enumerate(p.rows)
    }
    assert sorted(whole) == list(range(len(data.rows)))
    for part in parts(planted, data, [site], batch_bytes=1):
        for i, row in enumerate(part.rows):
            assert torch.equal(part.values[site][i], whole[int(row)])
