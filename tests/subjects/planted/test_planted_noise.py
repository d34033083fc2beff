from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from subjects.planted import PlantedSubject
from subjects.planted.noise import RECTIFIED, SIGNED, noise, window_keys

Windows = NDArray[np.int64]


@pytest.fixture(scope="module")
def drawn() -> NDArray[np.float32]:
    """Gaussian noise of 50 units on 400 made-up windows."""
    ids = np.random.default_rng(0).integers(0, 4096, (400, 64))
    return noise(window_keys(ids, 0), 64, np.arange(50), SIGNED[:1])


def test_gaussian_noise_is_standard_normal(drawn: NDArray[np.float32]) -> None:
    assert drawn.mean() == pytest.approx(0, abs=0.005)
    assert drawn.std() == pytest.approx(1, abs=0.005)
    assert (np.abs(drawn) > 1.96).mean() == pytest.approx(0.05, abs=0.001)


def test_units_positions_and_windows_share_nothing(drawn: NDArray[np.float32]) -> None:
    limit = 5 / np.sqrt(drawn.size)
    assert abs((drawn[:, 1:] * drawn[:, :-1]).mean()) < limit
    assert abs((drawn[1:] * drawn[:-1]).mean()) < limit
    assert abs((drawn[:, :, 1:] * drawn[:, :, :-1]).mean()) < limit


def test_one_changed_token_changes_all_of_a_window() -> None:
    ids = np.zeros((2, 64), dtype=np.int64)
    ids[1, 63] = 1
    first, second = noise(window_keys(ids, 0), 64, np.arange(10), SIGNED[:1])
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.2
    assert (first == second).mean() < 0.01


def test_keys_depend_on_order_and_seed() -> None:
    ids = np.array([[1, 2, 3], [3, 2, 1], [1, 2, 3]])
    keys = window_keys(ids, 0)
    assert keys[0] == keys[2] != keys[1]
    assert window_keys(ids, 1)[0] != keys[0]


@pytest.mark.parametrize(
    ("kind", "rate"), [(0, 0.05), (1, 0.5), (2, 0.25), (3, 0.02), (4, 1 / 256)]
)
def test_rectified_kinds_fire_at_their_rate(kind: int, rate: float) -> None:
    ids = np.random.default_rng(1).integers(0, 4096, (500, 64))
    values = noise(window_keys(ids, 0), 64, np.arange(40), RECTIFIED[kind : kind + 1])
    assert (values >= 0).all()
    assert (values > 0).mean() == pytest.approx(rate, rel=0.15)


def test_noise_says_nothing_about_the_token(planted: PlantedSubject, windows: Windows) -> None:
    """For common tokens, the mean of a unit on the token differs from its mean by chance only."""
    rows = np.unique(windows, axis=0)
    values = planted.activations(planted.batch(rows), ["noisedense"])["noisedense"].numpy()
    plain = values[:, :, ::2].reshape(-1, 100)  # without window offsets
    plain = plain / plain.std(axis=0)
    tokens, counts = np.unique(rows, return_counts=True)
    scores = []
    for token in tokens[np.argsort(-counts)[:50]]:
        mask = (rows == token).ravel()
        scores.append(plain[mask].mean(axis=0) * np.sqrt(mask.sum()))
    z = np.array(scores)
    assert np.abs(z).max() < 5
    assert z.std() == pytest.approx(1, abs=0.05)


def test_no_noise_unit_follows_any_planted_signal(
    planted: PlantedSubject, windows: Windows
) -> None:
    rows = np.unique(windows, axis=0)[:600]
    batch = planted.batch(rows)
    units = planted.activations(batch, ["noise"])["noise"].numpy()[:, :, :100].reshape(-1, 100)
    signal = planted.oracle(batch, ["word"])["word"].numpy().reshape(len(units), -1)
    units = (units - units.mean(axis=0)) / units.std(axis=0)
    signal = (signal - signal.mean(axis=0)) / np.maximum(signal.std(axis=0), 1e-9)
    correlation = units.T @ signal / len(units)
    assert np.abs(correlation).max() < 0.08
    assert abs(correlation.mean()) < 0.001


def test_the_oracle_of_noise_is_nothing(planted: PlantedSubject, windows: Windows) -> None:
    clean = planted.oracle(planted.batch(windows[:4]), ["noise", "noisedense", "dead"])
    assert not any(values.any() for values in clean.values())
