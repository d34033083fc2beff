"""However little memory the sums may take, the same neurons are ranked, in the same order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discovery.probing import moments as module
from discovery.probing.activations import Rows
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Feature
from discovery.probing.moments import Moments
from discovery.probing.reading import MOMENT_BYTES, Source, stored
from discovery.probing.sampling import Sampling, sample
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, texts, words_of

SITES = ("exact", "charclass")


@pytest.fixture(scope="module")
def dataset(planted: PlantedSubject) -> ProbingDataset:
    words = collection(words_of(texts(40), "cat", "cat"), Feature("cat", "cat"))
    return sample(words, planted, Sampling(window=16))


def strengths(
    planted: PlantedSubject, dataset: ProbingDataset, folder: Path | None, most_bytes: int
) -> tuple[list[np.ndarray], list[int]]:
    """Of seven divisions of the rows, one task each; and how many tasks were counted at a time."""
    labels = dataset.labels[:, 0]
    drawn = np.random.default_rng(2).random((7, len(labels)))
    found: dict[str, list[np.ndarray]] = {site: [] for site in SITES}
    sizes: list[int] = []

    def counted(moments: Moments) -> None:
        sizes.append(moments.labels.shape[1])
        for site in SITES:
            found[site] += moments.strengths(site)

    source = Source(planted, dataset, SITES, folder)
    tasks = [np.where(one < 0.3, np.int8(0), labels) for one in drawn]
    rows = source.read(tasks, counted, lambda done: None, most_bytes=most_bytes)
    assert set(rows.arrays) == set(SITES)
    return [np.stack(found[site]) for site in SITES], sizes


@pytest.mark.parametrize("in_files", [False, True])
def test_tasks_in_blocks_are_ranked_as_all_at_once(
    planted: PlantedSubject,
    dataset: ProbingDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_files: bool,
) -> None:
    three = 3 * Moments.BYTES * sum(planted.sites()[site].width for site in SITES)
    folder = tmp_path if in_files else None
    monkeypatch.setattr(module, "_RANKED_AT_ONCE", 1)
    blocks, sizes = strengths(planted, dataset, folder, three)
    assert sizes == [3, 3, 1]
    monkeypatch.undo()
    whole, sizes = strengths(planted, dataset, None, MOMENT_BYTES)
    assert sizes == [7]
    for one, other in zip(blocks, whole, strict=True):
        assert np.isfinite(one).any()
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_the_least_is_one_task(planted: PlantedSubject, dataset: ProbingDataset) -> None:
    assert strengths(planted, dataset, None, 1)[1] == [1] * 7


def test_kept_rows_pass_by_in_parts_of_so_many_bytes_at_all_sites_together() -> None:
    wide, narrow = np.arange(70.0).reshape(10, 7), np.arange(30.0).reshape(10, 3)
    rows = Rows({"wide": wide.astype(np.float32), "narrow": narrow.astype(np.float32)})
    for most_bytes, sizes in ((3 * 40 + 39, [3, 3, 3, 1]), (1, [1] * 10), (4096, [10])):
        parts = list(stored(rows, most_bytes))
        assert [len(part.rows) for part in parts] == sizes
        assert np.concatenate([part.rows for part in parts]).tolist() == list(range(10))
        for site, array in rows.arrays.items():
            assert np.array_equal(np.concatenate([part.values[site] for part in parts]), array)


def test_reading_anew_that_was_killed_leaves_nothing_that_looks_read(
    planted: PlantedSubject,
    dataset: ProbingDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read() -> np.ndarray:
        source = Source(planted, dataset, SITES, tmp_path)
        rows = source.read([dataset.labels[:, 0]], lambda moments: None, lambda done: None)
        return np.array(rows.arrays["exact"])

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    before = read()
    np.save(tmp_path / "exact.npy", before[:1])
    monkeypatch.setattr(Rows, "put", kill)
    with pytest.raises(KeyboardInterrupt):
        read()
    monkeypatch.undo()
    assert np.array_equal(read(), before)
