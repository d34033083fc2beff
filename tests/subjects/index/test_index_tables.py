"""Tables of windows are what sorting all windows at once would give, however work was divided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from index_examples import (
    TIED,
    WINDOW,
    ListCorpus,
    TableSubject,
    Whole,
    all_cuts,
    document,
    make_plan,
    random_documents,
)

from subjects.index import shard as shard_module
from subjects.index.collect import CollectPlan, collect, read_site, read_windows
from subjects.index.layout import N_BINS, NO_KEY, bin_edges, key_values, key_windows
from subjects.index.shard import collect_shard
from subjects.index.state import SiteState
from subjects.index.store import RANDOM
from subjects.index.tables import ACTIVE, BOTTOM, TOP, merge
from subjects.index.windows import shards


class Made:
    """A finished index beside every window it was made from, in the index's own numbering."""

    def __init__(self, plan: CollectPlan, home: Path) -> None:
        self.plan = plan
        self.manifest = collect(plan, home)
        self.folder = plan.folder(home)
        self.whole = Whole.of(plan)
        sizes = [
            sum(len(c.ids) for c in all_cuts_of_shard)
            for all_cuts_of_shard in _by_shard(all_cuts(plan))
        ]
        self.numbers = np.concatenate([(s << 16) + np.arange(n) for s, n in enumerate(sizes)])

    def site(self, name: str) -> SiteState:
        return read_site(self.folder, self.manifest, name)

    def rows(self, keys: torch.Tensor) -> list[int]:
        found = key_windows(keys[keys != NO_KEY]).numpy()
        return np.searchsorted(self.numbers, found).tolist()


def _by_shard(cuts: list) -> list[list]:
    return [cuts[i : i + 128] for i in range(0, len(cuts), 128)]


def strongest(whole: Whole, height: np.ndarray, split: int, size: int) -> list[int]:
    """Rows of the highest window of each document, at most ``size``, ties to the earliest."""
    rows = [r for r in np.flatnonzero(whole.split == split).tolist() if height[r] > -np.inf]
    rows.sort(key=lambda r: (-height[r], r))
    seen: set[int] = set()
    best = [r for r in rows if not (whole.document[r] in seen or seen.add(whole.document[r]))]
    return best[:size]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    plan = make_plan(TableSubject(), ListCorpus(random_documents(400, seed=1)), per_document=3)
    return Made(plan, tmp_path_factory.mktemp("tables"))


@pytest.mark.parametrize("split", range(3))
@pytest.mark.parametrize("name", ["mlp.0", "resid.0"])
def test_top_is_the_sorted_list_with_one_window_a_document(
    made: Made, name: str, split: int
) -> None:
    high = made.whole.values(made.plan, name).max(1)
    if name == "mlp.0":
        high = np.where(high > 0, high, -np.inf)
    table = made.site(name).splits[split].top
    for unit in range(high.shape[1]):
        wanted = strongest(made.whole, high[:, unit], split, TOP[split])
        assert made.rows(table[unit]) == wanted
        values = key_values(table[unit][table[unit] != NO_KEY])
        assert values.tolist() == high[wanted, unit].tolist()


@pytest.mark.parametrize("split", range(3))
def test_bottom_is_the_same_upside_down_for_values_below_zero(made: Made, split: int) -> None:
    low = made.whole.values(made.plan, "resid.0").min(1)
    depth = np.where(low < 0, -low, -np.inf)
    table = made.site("resid.0").splits[split].bottom
    for unit in range(low.shape[1]):
        wanted = strongest(made.whole, depth[:, unit], split, BOTTOM[split])
        assert made.rows(table[unit]) == wanted
    assert made.site("mlp.0").splits[split].bottom.shape[1] == 0


@pytest.mark.parametrize("split", range(3))
@pytest.mark.parametrize("name", ["mlp.0", "resid.0"])
def test_the_active_sample_is_the_active_windows_of_lowest_priority(
    made: Made, name: str, split: int
) -> None:
    whole = made.whole
    fires = made.whole.values(made.plan, name).max(1) > 0
    table = made.site(name).splits[split].active
    for unit in range(fires.shape[1]):
        rows = np.flatnonzero(fires[:, unit] & (whole.split == split))
        wanted = rows[np.lexsort((rows, whole.priority[rows]))][: ACTIVE[split]]
        assert made.rows(table[unit]) == wanted.tolist()


@pytest.mark.parametrize("split", range(3))
@pytest.mark.parametrize("name", ["mlp.0", "resid.0"])
def test_the_histogram_of_window_maxima_counts_every_window(
    made: Made, name: str, split: int
) -> None:
    high = made.whole.values(made.plan, name).max(1)[made.whole.split == split]
    counts = made.site(name).splits[split].maxima
    assert counts.shape[1] == N_BINS + 1
    edges = bin_edges()
    for unit in range(high.shape[1]):
        positive = np.clip(high[high[:, unit] > 0, unit], edges[0], np.nextafter(edges[-1], 0))
        wanted = [int((high[:, unit] <= 0).sum()), *np.histogram(positive, edges)[0]]
        assert counts[unit].tolist() == wanted


def test_documents_are_counted_once_for_each_unit(made: Made) -> None:
    for name in ("mlp.0", "resid.0"):
        fires = made.whole.values(made.plan, name).max(1) > 0
        wanted = [len(set(made.whole.document[fires[:, unit]])) for unit in range(fires.shape[1])]
        assert made.site(name).documents_active.tolist() == wanted


@pytest.mark.parametrize("split", range(3))
def test_the_shared_random_windows_are_those_of_lowest_priority(made: Made, split: int) -> None:
    rows = np.flatnonzero(made.whole.split == split)
    order = rows[np.lexsort((rows, made.whole.priority[rows]))][: RANDOM[split]]
    drawn = read_windows(made.folder, made.manifest).random[split]
    assert np.searchsorted(made.numbers, drawn).tolist() == order.tolist()


def test_of_equal_windows_the_earliest_stand_first(tmp_path: Path) -> None:
    """Forty documents of one group hold the same peak at several offsets."""
    silent, peak = [1] * WINDOW, [1] * (WINDOW - 1) + [7]
    copies = [document(f"d{i:02d}", [*silent, *peak, *peak], group="g") for i in range(40)]
    made = Made(make_plan(TableSubject(), ListCorpus(copies)), tmp_path)
    split = int(made.whole.split[0])
    rows = made.rows(made.site("mlp.0").splits[split].top[TIED])
    assert made.whole.document[rows].tolist() == list(range(TOP[split]))
    assert set(made.whole.offset[rows].tolist()) == {WINDOW}


@pytest.mark.parametrize(("chunk", "batch"), [(1, 1), (7, 3), (100, 64), (100_000, 64)])
def test_tables_do_not_depend_on_how_a_shard_is_divided(
    monkeypatch: pytest.MonkeyPatch, plan: CollectPlan, chunk: int, batch: int
) -> None:
    cuts = all_cuts(plan)[:128]
    usual = collect_shard(plan.subject, plan.sites, 3, cuts).states
    monkeypatch.setattr(shard_module, "CHUNK_WINDOWS", chunk)
    monkeypatch.setattr(shard_module, "batch_windows", lambda _sites, _length: batch)
    other = collect_shard(plan.subject, plan.sites, 3, cuts).states
    for name, state in usual.items():
        mine, theirs = state.tensors(), other[name].tensors()
        for key, value in mine.items():
            if key in ("sums.mean", "sums.m2", "sums.m3", "sums.m4"):
                torch.testing.assert_close(value, theirs[key], rtol=1e-4, atol=1e-2)
            else:
                assert torch.equal(value, theirs[key]), (name, key)


def test_shards_collected_apart_and_in_any_order_fold_to_the_same_index(
    plan: CollectPlan, tmp_path: Path
) -> None:
    manifest = collect(plan, tmp_path)
    numbered = list(enumerate(shards(plan.corpus.documents())))
    apart = {}
    for number, documents in reversed(numbered):
        fresh = make_plan(TableSubject(), ListCorpus(documents))
        apart[number] = collect_shard(fresh.subject, fresh.sites, number, all_cuts(fresh))
    for site in plan.sites:
        total = apart[0].states[site.name]
        for number in range(1, len(numbered)):
            total.fold(apart[number].states[site.name])
        stored = read_site(plan.folder(tmp_path), manifest, site.name).tensors()
        for key, value in total.tensors().items():
            assert torch.equal(value, stored[key]), key


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.integers(-(2**62), 2**62), unique=True, max_size=30),
    first=st.integers(0, 30),
    second=st.integers(0, 30),
)
def test_merging_is_associative_and_keeps_the_largest(
    keys: list[int], first: int, second: int
) -> None:
    a, b = sorted((first, second))
    parts = [torch.tensor([k], dtype=torch.int64) for k in (keys[:a], keys[a:b], keys[b:])]
    empty = torch.full((1, 5), NO_KEY)
    one, two, three = (merge(empty, part.reshape(1, -1)) for part in parts)
    left, right = merge(merge(one, two), three), merge(one, merge(two, three))
    assert torch.equal(left, right)
    wanted = sorted(keys, reverse=True)[:5]
    assert left[0].tolist() == wanted + [NO_KEY] * (5 - len(wanted))
