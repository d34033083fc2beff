"""From an index to a unit's statistics and evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from index_examples import (
    ALWAYS,
    CONSTANT,
    DEAD,
    OFFSET,
    RARE,
    RARE_WORD,
    SILENT,
    WINDOW,
    ListCorpus,
    TableSubject,
    Whole,
    document,
    make_plan,
    random_documents,
)
from scipy import stats

from core.errors import UnitOutOfRange, UnknownSite
from core.evidence import SPLITS, SplitEvidence
from core.ids import UnitId
from subjects.index.collect import collect
from subjects.index.layout import bin_edges
from subjects.index.reader import ActivationIndex
from subjects.index.sums import HISTOGRAM_EVERY
from subjects.index.tables import TOP

UNITS = [f"table/mlp.0/{i}" for i in (RARE, ALWAYS, 5)] + ["table/resid.0/4", "table/resid.0/1"]


@pytest.fixture(scope="session")
def whole() -> Whole:
    """Every window of the corpus behind ``large``."""
    documents = random_documents(640, seed=2, longest=160)
    return Whole.of(make_plan(TableSubject(), ListCorpus(documents)))


def column(index: ActivationIndex, whole: Whole, unit: str) -> np.ndarray:
    """The unit's value at every token of every window."""
    name = UnitId.parse(unit)
    return index.subject.tables[name.site].numpy()[whole.ids, name.index]


def splits_of(index: ActivationIndex, unit: str) -> list[SplitEvidence]:
    evidence = index.evidence(UnitId.parse(unit))
    return [evidence.explain, evidence.select, evidence.open_report("test")]


@pytest.mark.parametrize("unit", UNITS)
def test_statistics_are_those_of_every_token(
    large: ActivationIndex, whole: Whole, unit: str
) -> None:
    values = column(large, whole, unit)
    flat = values.reshape(-1).astype(np.float64)
    found = large.statistics(UnitId.parse(unit))
    assert found.n_tokens == len(flat)
    assert (found.minimum, found.maximum) == (flat.min(), flat.max())
    assert found.share_active == (flat > 0).mean()
    assert found.documents_active == len(set(whole.document[(values > 0).any(1)]))
    assert found.mean == pytest.approx(flat.mean(), rel=1e-6)
    assert found.variance == pytest.approx(flat.var(), rel=1e-5)
    assert found.skewness == pytest.approx(stats.skew(flat), rel=1e-4, abs=1e-4)
    assert found.kurtosis == pytest.approx(stats.kurtosis(flat, fisher=False), rel=1e-4)


@pytest.mark.parametrize("unit", ["table/mlp.0/0", "table/resid.0/0", "table/resid.0/2"])
def test_a_constant_unit_is_not_live_and_has_no_shape(large: ActivationIndex, unit: str) -> None:
    found = large.statistics(UnitId.parse(unit))
    assert found.variance == 0.0
    assert (found.skewness, found.kurtosis) == (None, None)
    assert not found.live


def test_live_units_are_those_whose_statistics_say_so(large: ActivationIndex) -> None:
    for site, dead in (("mlp.0", {DEAD}), ("resid.0", {CONSTANT, SILENT})):
        live = large.live_units(site).tolist()
        width = large.manifest.sites[site].width
        assert set(range(width)) - set(live) == dead
        assert live == [i for i in range(width) if large.statistics(UnitId("table", site, i)).live]


@pytest.mark.parametrize(("documents", "live"), [(4, False), (5, True)])
def test_a_unit_needs_five_documents_to_live(tmp_path: Path, documents: int, live: bool) -> None:
    with_it = [document(f"a{i}", [1] * 7 + [RARE_WORD] * 9) for i in range(documents)]
    without = [document(f"b{i}", [1] * 24) for i in range(30)]
    plan = make_plan(TableSubject(), ListCorpus(with_it + without))
    collect(plan, tmp_path)
    index = ActivationIndex.open(plan.folder(tmp_path), plan.subject)
    found = index.statistics(UnitId("table", "mlp.0", RARE))
    assert (found.documents_active, found.live) == (documents, live)
    assert (RARE in index.live_units("mlp.0")) == live


def test_a_unit_near_a_large_constant_is_live(large: ActivationIndex) -> None:
    assert OFFSET in large.live_units("resid.0")


def test_the_histogram_holds_both_sides(large: ActivationIndex, whole: Whole) -> None:
    edges, counts = large.histogram(UnitId.parse("table/mlp.0/5"))
    assert len(edges) == len(counts) + 1
    assert (np.diff(edges) > 0).all()
    values = column(large, whole, "table/mlp.0/5")
    middle = len(bin_edges())
    assert counts[:middle].sum() == 0
    assert counts[middle:].sum() == (values > 0).sum()
    edges, counts = large.histogram(UnitId.parse("table/resid.0/4"))
    negative = counts[:middle].sum() / counts.sum()
    values = column(large, whole, "table/resid.0/4")
    assert negative == pytest.approx((values < 0).mean(), abs=0.02)
    assert counts.sum() == pytest.approx(values.size / HISTOGRAM_EVERY, rel=0.01)
    shares = np.histogram(values, edges)[0] / values.size
    np.testing.assert_allclose(counts / counts.sum(), shares, atol=0.02)


@pytest.mark.parametrize("unit", UNITS)
def test_excerpts_hold_what_the_subject_gives_on_their_tokens(
    large: ActivationIndex, unit: str
) -> None:
    name = UnitId.parse(unit)
    for split in splits_of(large, unit):
        batch = large.subject.batch(split.pool.token_ids)
        direct = large.subject.activations(batch, [name.site])[name.site]
        assert np.array_equal(split.pool.activations, direct[..., name.index].numpy())
        others = direct[..., list(split.other_units)].numpy()
        assert np.array_equal(split.others, others)
        excerpt = split.pool[0]
        assert excerpt.tokens == tuple(f"w{i}" for i in split.pool.token_ids[0])


@pytest.mark.parametrize("unit", UNITS)
def test_the_pool_holds_every_window_once_with_its_place(
    large: ActivationIndex, whole: Whole, unit: str
) -> None:
    places = {
        (whole.names[d], int(o)): whole.ids[i].tolist()
        for i, (d, o) in enumerate(zip(whole.document, whole.offset, strict=True))
    }
    for split in splits_of(large, unit):
        assert len(set(split.pool.windows.tolist())) == len(split.pool)
        for excerpt, ids in zip(split.pool, split.pool.token_ids, strict=True):
            same = [
                a == b for a, b in zip(places[excerpt.document, excerpt.offset], ids, strict=True)
            ]
            changed = excerpt.kind == "hard:changed"
            assert same.count(False) == changed


@pytest.mark.parametrize("unit", UNITS)
def test_splits_share_no_document(large: ActivationIndex, unit: str) -> None:
    found = [set(split.pool.documents) for split in splits_of(large, unit)]
    assert len(set.union(*found)) == sum(map(len, found))


def test_top_is_strongest_first_and_one_a_document(large: ActivationIndex) -> None:
    for number, split in enumerate(splits_of(large, "table/mlp.0/5")):
        peaks = split.top.activations.max(1)
        assert len(peaks) == TOP[number]
        assert (np.diff(peaks) <= 0).all()
        assert len(set(split.top.documents)) == len(peaks)
        assert {e.kind for e in split.top} == {"top"}


def test_bottom_is_for_signed_sites_alone(large: ActivationIndex) -> None:
    for split in splits_of(large, "table/resid.0/4"):
        assert (np.diff(split.bottom.activations.min(1)) >= 0).all()
        assert (split.bottom.activations.min(1) < 0).all()
    assert all(len(split.bottom) == 0 for split in splits_of(large, "table/mlp.0/5"))


@pytest.mark.parametrize("unit", UNITS)
def test_bands_cover_every_window_and_their_shares_are_exact(
    large: ActivationIndex, whole: Whole, unit: str
) -> None:
    peaks = column(large, whole, unit).max(1)
    for number, split in enumerate(splits_of(large, unit)):
        here = peaks[whole.split == number]
        low = -np.inf
        for band in split.bands:
            assert band.low == low
            low = band.high
            assert band.share == ((here >= band.low) & (here < band.high)).mean()
        assert low == np.inf
        assert sum(band.share for band in split.bands) == pytest.approx(1)
        rows = np.concatenate([split.band_rows(i) for i in range(len(split.bands))])
        assert sorted(rows.tolist()) == list(range(len(split.pool)))


def test_windows_that_are_barely_active_are_not_in_the_band_of_silent_ones(
    tmp_path: Path,
) -> None:
    table = torch.zeros(50, 1)
    table[1], table[2] = 1e-9, 1.0
    words = [0] * 10 + [1] * 15 + [2] * 5
    documents = [document(f"d{i}", [w] * 8 + [0] * 8, group="g") for i, w in enumerate(words)]
    plan = make_plan(TableSubject({"mlp.0": table}), ListCorpus(documents))
    manifest = collect(plan, tmp_path)
    split = int(np.argmax(manifest.n_windows))
    index = ActivationIndex.open(plan.folder(tmp_path), plan.subject)
    evidence = splits_of(index, "table/mlp.0/0")[split]
    silent, *active = evidence.bands
    assert (silent.low, silent.share) == (-np.inf, 40 / 60)
    assert [band.share for band in active] == [15 / 60, 5 / 60]
    for number, band in enumerate(evidence.bands):
        assert len(evidence.band_rows(number)) / len(evidence.pool) == band.share


def test_report_has_a_thousand_random_windows_and_the_other_splits_fewer(
    large: ActivationIndex,
) -> None:
    sizes = [len(split.random_rows) for split in splits_of(large, "table/mlp.0/5")]
    assert large.manifest.n_windows[2] > 1024
    assert sizes == [512, 512, 1024]
    first, second = (splits_of(large, f"table/mlp.0/{i}")[2].random for i in (5, 6))
    assert first.windows.tolist() == second.windows.tolist(), "all units share them"


def test_random_windows_are_a_fair_sample_of_long_and_short_documents(tmp_path: Path) -> None:
    """Long documents have lost most of their windows to the cap; the rest is not preferred."""
    long = [document(f"long{i}", [1] * WINDOW * 60, group="g") for i in range(80)]
    short = [document(f"short{i}", [2] * WINDOW * 4, group="g") for i in range(240)]
    plan = make_plan(TableSubject(), ListCorpus(long + short), per_document=8)
    manifest = collect(plan, tmp_path)
    split = int(np.argmax(manifest.n_windows))
    index = ActivationIndex.open(plan.folder(tmp_path), plan.subject)
    drawn = splits_of(index, "table/mlp.0/5")[split].random
    share = np.mean([name.startswith("long") for name in drawn.documents])
    assert len(drawn) < manifest.n_windows[split]
    assert share == pytest.approx(640 / 1600, abs=0.08)


def test_the_rare_unit_has_its_events(large: ActivationIndex) -> None:
    for split in splits_of(large, f"table/mlp.0/{RARE}"):
        active = split.pool.take(split.active_rows)
        assert len(active)
        assert (active.activations.max(1) == 3.0).all()


def test_a_dead_unit_has_evidence_without_peaks(large: ActivationIndex) -> None:
    for split in splits_of(large, f"table/mlp.0/{DEAD}"):
        assert len(split.top) == len(split.active_rows) == 0
        assert len(split.random_rows) > 0
        assert [band.share for band in split.bands] == [1.0]


def test_null_units_are_live_others(large: ActivationIndex) -> None:
    found = large.null_units(UnitId("table", "mlp.0", 5))
    assert found == tuple(sorted(found))
    assert set(found) == set(large.live_units("mlp.0").tolist()) - {5}
    explain, select, report = splits_of(large, "table/mlp.0/5")
    assert report.other_units == found
    assert explain.other_units == select.other_units == ()


def test_at_most_a_hundred_null_units(tmp_path: Path) -> None:
    table = torch.rand(50, 130, generator=torch.Generator().manual_seed(0))
    plan = make_plan(TableSubject({"mlp.0": table}), ListCorpus(random_documents(20, seed=3)))
    collect(plan, tmp_path)
    index = ActivationIndex.open(plan.folder(tmp_path), plan.subject)
    nulls = [index.null_units(UnitId("table", "mlp.0", i)) for i in range(130)]
    assert all(len(n) == 100 and i not in n for i, n in enumerate(nulls))


@pytest.mark.parametrize("budget", [0, 1 << 16, 1 << 17, 1 << 30])
def test_the_byte_budget_changes_memory_and_not_the_evidence(
    large: ActivationIndex, budget: int
) -> None:
    index = ActivationIndex.open(large.folder, large.subject, budget)
    for unit in ("table/mlp.0/5", "table/resid.0/4", "table/mlp.0/6"):
        for found, wanted in zip(splits_of(index, unit), splits_of(large, unit), strict=True):
            assert np.array_equal(found.pool.activations, wanted.pool.activations)
            assert np.array_equal(found.others, wanted.others)
        assert sum(t.nbytes for t in index._held.values()) <= budget


def test_from_the_second_unit_of_a_site_on_the_pass_over_random_windows_is_shared(
    large: ActivationIndex,
) -> None:
    index = ActivationIndex.open(large.folder, TableSubject())
    passes = []
    for unit in (4, 5, 6, 7):
        before = index.subject.passes
        index.evidence(UnitId("table", "mlp.0", unit))
        passes.append(index.subject.passes - before)
        held = {split for _, split in index._held}
        assert held == ({1} if len(passes) == 1 else {0, 1, 2})  # select is compared at once
    assert passes[2] == passes[3] < min(passes[:2]) - 20


def test_units_that_do_not_exist_are_refused(large: ActivationIndex) -> None:
    for ask in (large.statistics, large.evidence, large.histogram):
        with pytest.raises(UnitOutOfRange, match="0 to 11"):
            ask(UnitId.parse("table/mlp.0/12"))
        with pytest.raises(UnknownSite, match=r"mlp\.7"):
            ask(UnitId.parse("table/mlp.7/0"))


def test_a_site_that_was_not_collected_is_named(tmp_path: Path) -> None:
    subject = TableSubject()
    plan = make_plan(subject, ListCorpus(random_documents(10, seed=1)))
    object.__setattr__(plan, "sites", [subject.sites()["mlp.0"]])
    collect(plan, tmp_path)
    index = ActivationIndex.open(plan.folder(tmp_path), subject)
    with pytest.raises(UnknownSite, match="the index has no site"):
        index.evidence(UnitId.parse("table/resid.0/0"))


def test_splits_are_named_in_order(large: ActivationIndex) -> None:
    assert [s.split for s in splits_of(large, "table/mlp.0/5")] == list(SPLITS)
