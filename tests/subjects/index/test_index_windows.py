"""Documents become windows, windows become shards."""

from __future__ import annotations

import numpy as np
import pytest
from index_examples import (
    WINDOW,
    ListCorpus,
    TableSubject,
    all_cuts,
    document,
    make_plan,
    random_documents,
    split_number,
)

from core.errors import CorpusError, InvalidSetting
from subjects.index import windows
from subjects.index.layout import MAX_SHARDS, WINDOWS_PER_SHARD
from subjects.index.windows import DOCUMENTS_PER_SHARD, MAX_PER_DOCUMENT, chunks, cut, shards


def test_the_tail_that_fills_no_window_is_left_out_and_counted(subject: TableSubject) -> None:
    found = cut(document("a", range(19)), subject, WINDOW, 16)
    assert found.ids.tolist() == [list(range(8)), list(range(8, 16))]
    assert found.offsets.tolist() == [0, 8]
    assert found.tokens_left_out == 3


@pytest.mark.parametrize("words", [0, 1, WINDOW - 1])
def test_a_document_shorter_than_a_window_has_none(subject: TableSubject, words: int) -> None:
    found = cut(document("a", [5] * words), subject, WINDOW, 16)
    assert found.ids.shape == (0, WINDOW)
    assert found.tokens_left_out == words


def test_a_long_document_keeps_the_same_few_windows_in_order(subject: TableSubject) -> None:
    long = document("long", [i % 50 for i in range(800)])
    few, more = cut(long, subject, WINDOW, 4), cut(long, subject, WINDOW, 40)
    assert len(few.ids) == 4
    assert few.offsets.tolist() == sorted(few.offsets.tolist())
    assert set(few.offsets.tolist()) < set(more.offsets.tolist())
    assert few.tokens_left_out == 800 - 4 * WINDOW
    for offset, ids in zip(few.offsets.tolist(), few.ids.tolist(), strict=True):
        assert ids == [i % 50 for i in range(offset, offset + WINDOW)]


def test_which_windows_are_kept_says_nothing_of_their_sampling_priority(
    subject: TableSubject,
) -> None:
    """Else the windows of long documents would crowd every sample."""
    kept = [
        cut(document(f"d{i}", [1] * 8 * 400), subject, WINDOW, 4).priorities for i in range(100)
    ]
    share = np.concatenate(kept).mean() / 2**31
    assert 0.42 < share < 0.58


def test_a_group_is_never_divided_and_names_its_split_alone(subject: TableSubject) -> None:
    for group in range(30):
        pair = [
            cut(document(name, [1] * length, group=f"g{group}"), subject, WINDOW, 2).split
            for name, length in (("a", 8), ("other", 80))
        ]
        assert pair == [split_number(f"g{group}")] * 2


def test_splits_share_no_group_and_have_their_sizes(subject: TableSubject) -> None:
    documents = random_documents(1000, seed=3)
    cuts = all_cuts(make_plan(subject, ListCorpus(documents)))
    groups: list[set[str]] = [set(), set(), set()]
    for source, found in zip(documents, cuts, strict=True):
        groups[found.split].add(source.group)
    assert len(set.union(*groups)) == sum(map(len, groups))
    sizes = [len(g) / sum(map(len, groups)) for g in groups]
    np.testing.assert_allclose(sizes, [0.6, 0.2, 0.2], atol=0.05)


def test_shards_are_fixed_runs_of_documents() -> None:
    documents = random_documents(300, seed=1)
    cut_up = list(shards(documents))
    assert [len(shard) for shard in cut_up] == [128, 128, 44]
    assert [d for shard in cut_up for d in shard] == documents
    assert DOCUMENTS_PER_SHARD * MAX_PER_DOCUMENT <= WINDOWS_PER_SHARD
    assert MAX_SHARDS * WINDOWS_PER_SHARD <= 2**32


def test_a_corpus_with_more_documents_than_window_numbers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MAX_SHARDS", 2)
    assert len(list(shards(random_documents(256, seed=1)))) == 2
    with pytest.raises(CorpusError, match="more than 256 documents"):
        list(shards(random_documents(257, seed=1)))


def test_chunks_hold_whole_documents(subject: TableSubject) -> None:
    cuts = all_cuts(make_plan(subject, ListCorpus(random_documents(80, seed=4))))
    found = list(chunks(cuts, 20))
    assert [c.id for chunk in found for c in chunk] == [c.id for c in cuts if len(c.ids)]
    assert all(sum(len(c.ids) for c in chunk) >= 20 for chunk in found[:-1])


@pytest.mark.parametrize("window", [0, -1, 65])
def test_a_window_that_does_not_fit_the_subject_is_refused(
    subject: TableSubject, window: int
) -> None:
    with pytest.raises(InvalidSetting, match=f"window {window}"):
        make_plan(subject, ListCorpus([]), window=window)


@pytest.mark.parametrize("per_document", [0, MAX_PER_DOCUMENT + 1])
def test_an_impossible_cap_is_refused(subject: TableSubject, per_document: int) -> None:
    with pytest.raises(InvalidSetting, match="per document"):
        make_plan(subject, ListCorpus([]), per_document=per_document)
