"""However little memory the sums may take, the same neurons are ranked, in the same order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discovery.probing import moments as module
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Feature
from discovery.probing.moments import Moments
from discovery.probing.reading import MOMENT_BYTES, Source
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
