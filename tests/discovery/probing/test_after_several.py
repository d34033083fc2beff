"""Several units together: shared out or in superposition, compounds, splitting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from after_examples import SITE, WIDTH, LinearSubject, linear, plain_values, windows
from numpy.typing import NDArray

from core.ids import UnitId
from discovery.probing.after.cooccurrence import cooccurrence_of, firing
from discovery.probing.after.splitting import splitting
from discovery.probing.after.superposition import (
    COMPOUND,
    NEAR,
    OTHER,
    CompoundRows,
    compound_sum,
    compound_sum_of,
)
from discovery.probing.after.windows import LabelledWindows

ROWS = 600
POSITIVE = np.arange(ROWS) < 300
CLUSTERS = np.arange(ROWS) // 10


def test_a_threshold_separates_on_either_side() -> None:
    values = np.array([[3.0, -1.0, 5.0], [4.0, -2.0, 5.0], [1.0, 0.0, 5.0], [0.0, 1.0, 5.0]])
    found = firing(values.astype(np.float32), np.array([True, True, False, False]))
    assert found.thresholds.tolist() == [2.0, -0.5, 5.0]
    assert found.above.tolist() == [True, False, True]
    fires = found.of(values.astype(np.float32))
    assert fires.sum(0).tolist() == [2, 2, 0], "a constant unit never fires"


def test_units_that_share_positives_out_are_a_union() -> None:
    third = np.arange(ROWS) % 3
    values = np.stack([POSITIVE & (third == one) for one in range(3)], axis=1).astype(np.float32)
    found = cooccurrence_of(values, POSITIVE, CLUSTERS, SITE, [4, 5, 6])
    assert found.reading == "union"
    assert [one.coverage.value for one in found.coverage] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.coverage[-1].by_chance == pytest.approx(1 - (2 / 3) ** 3)
    pair = found.pairs[0]
    assert (pair.first, pair.second, pair.both, pair.jaccard) == (4, 5, 0, 0)
    assert pair.phi.value == pytest.approx(-0.5)
    assert pair.null_low is not None
    assert pair.null_low > -0.5


def test_polysemantic_units_that_fire_together_are_in_superposition() -> None:
    """On three quarters of positives all fire; each also fires on its own third of the rest."""
    number = np.arange(ROWS)
    together = POSITIVE & (number % 4 > 0)
    values = np.stack(
        [together | (~POSITIVE & (number % 3 == one)) for one in range(3)], axis=1
    ).astype(np.float32)
    found = cooccurrence_of(values, POSITIVE, CLUSTERS, SITE, [4, 5, 6])
    assert found.reading == "superposition"
    assert found.all_precision.value == 1.0
    assert found.coverage[0].precision == pytest.approx(0.75 / (0.75 + 1 / 3))
    assert found.mean_phi.value == pytest.approx(1.0)


def test_independent_units_are_within_shuffles() -> None:
    random = np.random.default_rng(0)
    rate = np.where(POSITIVE, 0.5, 0.1)[:, None]
    values = (random.random((ROWS, 2)) < rate).astype(np.float32)
    found = cooccurrence_of(values, POSITIVE, CLUSTERS, SITE, [1, 2])
    pair = found.pairs[0]
    assert pair.phi.value is not None
    assert pair.null_low is not None
    assert pair.null_high is not None
    assert pair.null_low <= pair.phi.value <= pair.null_high
    again = cooccurrence_of(values, POSITIVE, CLUSTERS, SITE, [1, 2])
    assert again == found, "same seed, same answer"


def test_a_precise_unit_with_its_double_is_neither() -> None:
    values = np.stack([POSITIVE & (np.arange(ROWS) % 4 > 0)] * 2, axis=1).astype(np.float32)
    found = cooccurrence_of(values, POSITIVE, CLUSTERS, SITE, [1, 2])
    assert found.reading == "undecided", "they fire together, but each is precise alone"


def test_one_unit_or_few_positives_have_a_reason() -> None:
    values = np.zeros((ROWS, 2), dtype=np.float32)
    alone = cooccurrence_of(values[:, :1], POSITIVE, CLUSTERS, SITE, [1])
    assert alone.reason == "one unit does not occur together with others"
    few = cooccurrence_of(values, np.arange(ROWS) < 5, CLUSTERS, SITE, [1, 2])
    assert few.reason == "fewer than 20 rows of a class"


def compound_rows() -> CompoundRows:
    """Three units: all 1 on compounds; each 1 on its own third of near rows, and 2 on its own
    seventh of other text. None tells compounds alone, their sum does."""
    random = np.random.default_rng(0)
    kind = np.repeat([COMPOUND, NEAR, OTHER], [100, 200, 600]).astype(np.int8)
    number = np.arange(len(kind))
    values = 0.05 * random.random((len(kind), 9))
    for unit in range(3):
        values[kind == COMPOUND, unit] += 1
        values[(kind == NEAR) & (number % 3 == unit), unit] += 1
        values[(kind == OTHER) & (number % 7 == unit), unit] += 2
    clusters = number // 5
    return CompoundRows(values.astype(np.float32), kind, clusters, clusters % 2 == 0)


def test_a_sum_tells_compounds_where_no_single_unit_does() -> None:
    found = compound_sum_of(compound_rows(), SITE, [10, 11, 12], [[3, 4, 5], [6, 7, 8]] * 5)
    assert found.single is not None
    assert found.summed is not None
    assert set(found.summed.units) == {10, 11, 12}
    assert found.summed.units[0] == found.single.units[0]
    assert found.summed.everything.value == pytest.approx(1.0)
    assert found.summed.recall.value == 1.0
    assert found.summed.false_positives.high is not None
    assert found.summed.false_positives.high < 0.02
    assert (found.single.everything.value or 1) < 0.95
    assert found.single.recall.value == 0.0, "other text is higher on its own"
    assert found.gain.low is not None
    assert found.gain.low > 0.1
    assert max(found.null) < 0.7
    assert found.p == pytest.approx(1 / 11)


def test_compounds_need_rows_of_every_kind() -> None:
    rows = compound_rows()
    kept = np.flatnonzero(rows.kind != NEAR)
    few = CompoundRows(rows.values[kept], rows.kind[kept], rows.clusters[kept], rows.train[kept])
    assert compound_sum_of(few, SITE, [10, 11, 12]).reason == "fewer than 10 rows of a kind"


def test_compounds_are_read_from_windows() -> None:
    found = compound_sum(linear(), SITE, [0, 3], windows(20, 20), windows(0, 30))
    assert found.reason is None
    assert (found.positives, found.near, found.other) == (400, 400, 600)
    assert found.summed is not None
    assert found.summed.units[0] == 0
    assert len(found.null) == 20


def split_subjects() -> tuple[LinearSubject, LinearSubject]:
    """Unit 5 of the smaller is unit 1 plus twice unit 2 of the larger, plus a constant."""
    large = plain_values()
    random = torch.Generator().manual_seed(9)
    large[:, 1] = (torch.rand(40, generator=random) > 0.7).float()
    large[:, 2] = (torch.rand(40, generator=random) > 0.7).float()
    small = plain_values()
    small[:, 5] = large[:, 1] + 2 * large[:, 2] + 0.5
    return LinearSubject(small, None, "small"), LinearSubject(large, None, "large")


def all_text() -> LabelledWindows:
    ids: NDArray[np.int64] = np.random.default_rng(1).integers(0, 40, (40, 20))
    unlabelled = np.zeros(ids.shape, dtype=np.int8)
    return LabelledWindows(ids, np.full(40, 20), unlabelled, np.arange(40))


def test_a_split_neuron_is_put_together_again() -> None:
    small, large = split_subjects()
    found = splitting(small, UnitId("small", SITE, 5), large, [SITE], all_text(), most=4)
    one, two = found.steps[:2]
    assert one.units == ("large/mlp.0/2",)
    assert set(two.units) == {"large/mlp.0/2", "large/mlp.0/1"}
    assert sorted(two.weights) == pytest.approx([1, 2], rel=1e-4)
    assert two.r2.value == pytest.approx(1, abs=1e-4)
    assert one.r2.high is not None
    assert one.r2.high < 0.99
    assert np.mean(two.random) < 0.6
    assert found.of == WIDTH


def test_splitting_has_reasons() -> None:
    small, large = split_subjects()
    unit = UnitId("small", SITE, 5)
    other = LinearSubject(large.values, None, "other")
    other.spec = type(other.spec)("other", "causal", "memory", "1", "other", "letters")
    found = splitting(small, unit, other, [SITE], all_text())
    assert found.reason == "the two subjects do not share a tokenizer"
    short = splitting(small, unit, large, [SITE], all_text().take(np.arange(12)))
    assert short.reason == "fewer than 200 tokens in train or test"
    dead = splitting(small, UnitId("small", SITE, 2), large, [SITE], all_text())
    assert dead.reason == "'small/mlp.0/2' does not vary on train or test"
