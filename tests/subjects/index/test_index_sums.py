"""Running sums equal NumPy's and SciPy's over all values at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from subjects.index.layout import N_BINS, bin_edges, key_values, key_windows, value_keys
from subjects.index.sums import HISTOGRAM_EVERY, TokenSums, batch_sums

UNITS = 7


def values(kind: str, windows: int = 60, tokens: int = 9, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(windows, tokens + 1, UNITS, generator=generator)
    found = {
        "sparse": torch.relu(normal - 1.5),
        "half": torch.relu(normal),
        "dense": normal.abs() + 0.1,
        "signed": normal,
        "zeros and signs": torch.where(normal.abs() < 0.7, -0.0 * normal, normal * 3),
        "far from zero": normal + 1e4,
        "tiny and huge": normal * torch.logspace(-9, 8, UNITS),
    }[kind]
    return found[:, 1:]  # as a subject gives it: the beginning-of-text position cut out


KINDS = {
    "sparse": False, "half": False, "dense": False, "signed": True, "zeros and signs": True,
    "far from zero": True, "tiny and huge": True,
}  # fmt: skip


def summed(data: torch.Tensor, signed: bool, cuts: list[int] | None = None) -> TokenSums:
    total = TokenSums.empty(UNITS, signed)
    edges = [0, *(cuts or []), len(data)]
    for first, end in pairwise(edges):
        part = data[first:end]
        low = part.amin(1) if signed else None
        total.fold(batch_sums(part, part.amax(1), low, first))
    return total


def numpy_histogram(flat: NDArray[np.float32]) -> NDArray[np.int64]:
    """[units, N_BINS] of the positive values, those outside the edges in the outermost cells."""
    edges = bin_edges()
    inside = np.clip(flat.astype(np.float64), edges[0], np.nextafter(edges[-1], 0))
    return np.stack(
        [np.histogram(inside[flat[:, u] > 0, u], edges)[0] for u in range(flat.shape[1])]
    )


@pytest.mark.parametrize(("kind", "signed"), KINDS.items())
def test_moments_equal_scipy(kind: str, signed: bool) -> None:
    data = values(kind)
    flat = data.reshape(-1, UNITS).double().numpy()
    found = summed(data, signed, [17, 18, 40])
    n = found.count
    assert n == len(flat)
    mean, m2, m3, m4 = (t.numpy() for t in (found.mean, found.m2, found.m3, found.m4))
    variance = m2 / n
    np.testing.assert_allclose(mean, flat.mean(0), rtol=1e-6, atol=1e-6 * flat.std())
    np.testing.assert_allclose(variance, flat.var(0), rtol=1e-5)
    skewness, kurtosis = m3 / n / variance**1.5, m4 / n / variance**2
    np.testing.assert_allclose(skewness, stats.skew(flat), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(kurtosis, stats.kurtosis(flat, fisher=False), rtol=1e-4)


@pytest.mark.parametrize(("kind", "signed"), KINDS.items())
def test_extremes_and_counts_are_exact(kind: str, signed: bool) -> None:
    data = values(kind)
    flat = data.reshape(-1, UNITS).numpy()
    found = summed(data, signed, [5, 30])
    assert np.array_equal(found.minimum, flat.min(0))
    assert np.array_equal(found.maximum, flat.max(0))
    assert np.array_equal(found.active, (flat > 0).sum(0))


@pytest.mark.parametrize("kind", ["sparse", "half", "dense"])
def test_the_histogram_of_a_relu_site_holds_every_value(kind: str) -> None:
    data = values(kind)
    found = summed(data, False, [5, 30]).histogram
    assert found.shape == (UNITS, 1, N_BINS)
    assert np.array_equal(found[:, 0], numpy_histogram(data.reshape(-1, UNITS).numpy()))


@pytest.mark.parametrize("kind", [kind for kind, signed in KINDS.items() if signed])
def test_the_histogram_of_a_signed_site_holds_every_fifth_window(kind: str) -> None:
    data = values(kind)
    flat = data[::HISTOGRAM_EVERY].reshape(-1, UNITS).numpy()
    found = summed(data, True, [1, 8, 33]).histogram
    assert np.array_equal(found[:, 0], numpy_histogram(flat))
    assert np.array_equal(found[:, 1], numpy_histogram(-flat))


def test_a_large_mean_does_not_drown_a_small_variance() -> None:
    steps = torch.arange(6000, dtype=torch.float32).reshape(100, 10, 6).remainder(16)
    data = 1e4 + steps / 256
    found = summed(data.repeat(1, 1, 2)[..., :UNITS], True, [3, 50, 51])
    flat = data.repeat(1, 1, 2)[..., :UNITS].reshape(-1, UNITS).double().numpy()
    np.testing.assert_allclose(found.m2 / found.count, flat.var(0), rtol=1e-4)
    np.testing.assert_allclose(found.mean, flat.mean(0), rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e4, 7e-7])
@pytest.mark.parametrize("signed", [False, True])
def test_a_constant_unit_has_no_spread(value: float, signed: bool) -> None:
    data = torch.full((50, 9, UNITS), value)
    found = summed(data, signed, [7, 20])
    assert found.m2.abs().max() <= (1e-7 * value) ** 2 * found.count
    assert torch.equal(found.minimum, data[0, 0])
    assert torch.equal(found.maximum, data[0, 0])
    assert found.mean.dtype == torch.float64


def test_a_unit_that_is_always_on_among_silent_ones_has_its_own_minimum() -> None:
    data = torch.zeros(20, 8, UNITS)
    data[..., 2] = torch.rand(20, 8, generator=torch.Generator().manual_seed(0)) + 1
    found = summed(data, False)
    assert found.minimum[2] == data[..., 2].min()
    assert found.minimum.sum() == found.minimum[2]


def test_a_batch_without_values_changes_nothing() -> None:
    one = summed(values("signed"), True)
    before = one.tensors("")
    one.fold(TokenSums.empty(UNITS, True))
    assert all(torch.equal(before[k], v) for k, v in one.tensors("").items())


def test_sums_survive_a_file() -> None:
    one = summed(values("signed"), True)
    back = TokenSums.from_tensors(one.tensors("a."), "a.")
    assert back.count == one.count
    assert all(torch.equal(v, back.tensors("")[k]) for k, v in one.tensors("").items())


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    cuts=st.lists(st.integers(1, 59), unique=True, max_size=8).map(sorted),
)
def test_any_division_into_batches_gives_the_same_sums(kind: str, cuts: list[int]) -> None:
    data, signed = values(kind), KINDS[kind]
    whole, parts = summed(data, signed), summed(data, signed, cuts)
    for name in ("count", "active", "minimum", "maximum", "histogram"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name
    spread = (whole.m2 / whole.count).sqrt()
    assert ((whole.mean - parts.mean).abs() <= 1e-6 * spread).all()
    for power, name in ((2, "m2"), (3, "m3"), (4, "m4")):
        error = (getattr(whole, name) - getattr(parts, name)).abs() / whole.count
        assert (error <= 2e-5 * spread**power * (1 + whole.m4 / whole.count / spread**4)).all()


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(5)), pairs=st.booleans())
def test_batches_fold_in_any_order_and_grouping(order: list[int], pairs: bool) -> None:
    data = values("signed")
    parts = [
        batch_sums(d, d.amax(1), d.amin(1), first)
        for first, d in zip(range(0, 60, 12), data.split(12), strict=True)
    ]
    whole = summed(data, True)
    total = TokenSums.empty(UNITS, True)
    for i in order:
        if pairs:
            alone = TokenSums.empty(UNITS, True)
            alone.fold(parts[i])
            total.fold(alone)
        else:
            total.fold(parts[i])
    assert torch.equal(total.histogram, whole.histogram)
    for name in ("mean", "m2", "m3", "m4"):
        torch.testing.assert_close(getattr(total, name), getattr(whole, name), rtol=1e-5, atol=1e-3)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=20))
def test_keys_sort_like_their_values_and_ties_go_to_the_earliest(numbers: list[float]) -> None:
    values = torch.tensor(numbers)
    windows = torch.arange(len(numbers)) + 2**31
    keys = value_keys(values[:, None], windows)[:, 0]
    order = sorted(range(len(numbers)), key=lambda i: (-numbers[i], i))
    assert keys.argsort(descending=True).tolist() == order
    assert torch.equal(key_windows(keys), windows)
    assert torch.equal(key_values(keys), values + 0.0)
