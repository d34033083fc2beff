"""Rows are drawn once for all features, in the share asked for, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CorpusEmpty, IndexDamaged, IndexMissing, InvalidSetting
from discovery.probing import files
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import WHOLE, Annotation, Feature, Span
from discovery.probing.priority import Pool, priorities
from discovery.probing.sampling import Sampling, sample
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, document, texts, words_of

CAT = Feature("cat", "the word cat")


@pytest.fixture(scope="module")
def cats(planted: PlantedSubject) -> ProbingDataset:
    return sample(collection(words_of(texts(60), "cat", "cat"), CAT), planted)


def strings(dataset: ProbingDataset, planted: PlantedSubject, label: int) -> set[str]:
    tokens = dataset.last_tokens[dataset.labels[:, 0] == label]
    return set(planted.vocabulary.decode(tokens.tolist()))


def test_positives_are_the_labelled_tokens_and_nothing_else(
    cats: ProbingDataset, planted: PlantedSubject
) -> None:
    assert strings(cats, planted, 1) == {" cat"}
    assert " cat" not in strings(cats, planted, -1)


def test_the_share_of_positives_is_kept(cats: ProbingDataset) -> None:
    labels = cats.labels[:, 0]
    assert (labels == 1).mean() == pytest.approx(0.2, abs=0.01)


def test_the_same_seed_draws_the_same_rows_and_another_others(planted: PlantedSubject) -> None:
    made = collection(words_of(texts(60), "cat", "cat"), CAT)
    settings = Sampling(most=100)
    first, again = sample(made, planted, settings), sample(made, planted, settings)
    other = sample(made, planted, replace(settings, seed=1))
    assert np.array_equal(first.rows, again.rows)
    assert np.array_equal(first.labels, again.labels)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert not np.array_equal(first.rows, other.rows)


def test_rows_do_not_depend_on_the_order_of_documents(planted: PlantedSubject) -> None:
    annotations = words_of(texts(60), "cat", "cat")
    places = []
    for order in (annotations, annotations[::-1]):
        found = sample(collection(order, CAT), planted, Sampling(most=100))
        places.append(
            {
                (found.document_names[d], int(found.offsets[w] + first), int(label))
                for d, (w, first, _), label in zip(
                    found.row_documents, found.rows, found.labels[:, 0], strict=True
                )
            }
        )
    assert places[0] == places[1]


def test_features_share_their_places(planted: PlantedSubject) -> None:
    """Two features of the same text need fewer rows than each of them alone."""
    documents = texts(200)
    both = [
        Annotation(a.document, {**a.positive, **b.positive})
        for a, b in zip(
            words_of(documents, "cat", "cat"), words_of(documents, "dog", "dog"), strict=True
        )
    ]
    dog = Feature("dog", "the word dog")
    settings = Sampling(most=500)
    together = sample(collection(both, CAT, dog), planted, settings)
    alone = sample(collection(both, CAT), planted, settings)
    assert len(together.rows) < 1.7 * len(alone.rows)


def test_few_positives_leave_a_feature_out_with_the_reason(planted: PlantedSubject) -> None:
    documents = texts(60)
    annotations = [
        Annotation(a.document, {**a.positive, "rare": (Span(0, 4),) if i < 3 else ()})
        for i, a in enumerate(words_of(documents, "cat", "cat"))
    ]
    found = sample(collection(annotations, CAT, Feature("rare", "rare")), planted)
    assert [feature.name for feature in found.features] == ["cat"]
    assert [(one.name, one.reason) for one in found.left_out] == [
        ("rare", "3 positives; 20 are needed")
    ]


def test_one_class_only_is_an_error_that_says_so(planted: PlantedSubject) -> None:
    annotations = [Annotation(d, {"all": (Span(0, WHOLE),)}) for d in texts(40)]
    with pytest.raises(CorpusEmpty, match="one class only"):
        sample(collection(annotations, Feature("all", "all"), reading="mean"), planted)


def test_windows_read_as_a_whole_are_rows_of_their_document(planted: PlantedSubject) -> None:
    annotations = [
        Annotation(d, {"odd": (Span(0, WHOLE),)} if i % 2 else {})
        for i, d in enumerate(texts(80, words=100))
    ]
    found = sample(
        collection(annotations, Feature("odd", "odd"), reading="mean"),
        planted,
        Sampling(window=32, share=0.5),
    )
    assert found.aggregate == "mean"
    numbers = np.array([int(name[-3:]) for name in found.document_names])
    odd = numbers[found.row_documents] % 2 == 1
    assert np.array_equal(found.labels[:, 0] == 1, odd)
    assert ((found.rows[:, 2] - found.rows[:, 1]) == found.lengths[found.rows[:, 0]]).all()


def test_windows_end_where_the_span_ends(planted: PlantedSubject) -> None:
    made = collection(words_of(texts(60), "cat", "cat"), CAT, reading="last", window=8, ending=True)
    found = sample(made, planted)
    assert (found.rows[:, 2] == found.lengths[found.rows[:, 0]]).all()
    assert found.lengths.max() == 8
    assert strings(found, planted, 1) == {" cat"}


def test_skipped_tokens_are_in_no_row(planted: PlantedSubject) -> None:
    made = collection(words_of(texts(60), "cat", "cat"), CAT, skip=10)
    found = sample(made, planted)
    assert found.offsets.min() >= 10


def test_kinds_of_negatives_have_equal_shares(planted: PlantedSubject) -> None:
    annotations = [
        Annotation(
            positive.document,
            positive.positive,
            {
                "cat": tuple(Span(s.start, s.stop, "dog") for s in dogs.positive["dog"])
                + tuple(Span(s.start, s.stop, "sun") for s in suns.positive["sun"])
            },
        )
        for positive, dogs, suns in zip(
            *(words_of(texts(120), word, word) for word in ("cat", "dog", "sun")), strict=True
        )
    ]
    feature = Feature("cat", "cat", negatives="among", among="nouns")
    found = sample(collection(annotations, feature), planted, Sampling(most=200, share=0.5))
    tokens = planted.vocabulary.decode(found.last_tokens[found.labels[:, 0] == -1].tolist())
    assert {token.strip() for token in tokens} == {"dog", "sun"}
    assert abs(sum("dog" in token for token in tokens) - len(tokens) / 2) <= 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window": 0}, "window"),
        ({"most": 10}, "too few"),
        ({"share": 1.0}, "between 0 and 1"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        Sampling(**settings)  # type: ignore[arg-type]


def test_a_dataset_is_the_same_after_the_disk(cats: ProbingDataset, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    with pytest.raises(IndexMissing):
        files.load(folder)
    files.save(cats, folder)
    again = files.load(folder)
    for name in ("ids", "lengths", "documents", "offsets", "rows", "labels"):
        assert np.array_equal(getattr(again, name), getattr(cats, name))
    assert (again.features, again.groups, again.summary()) == (
        cats.features,
        cats.groups,
        cats.summary(),
    )
    (folder / "rows.safetensors").write_bytes(b"cut")
    with pytest.raises(IndexDamaged):
        files.load(folder)


def test_labels_that_are_no_rows_are_told_where_rows_are_too_few(planted: PlantedSubject) -> None:
    """One document of forty windows, of which two are used; every label is a "cat"."""
    made = collection(words_of(texts(1, words=40 * 32), "cat", "cat"), CAT)
    with pytest.raises(CorpusEmpty, match=r"\d more lie in windows beyond those used of one doc"):
        sample(made, planted, Sampling(window=32, per_document=2))
    halves = [Annotation(d, {"cat": (Span(0, 2),)}) for d in texts(30)]
    with pytest.raises(CorpusEmpty, match="30 labelled places are cut by tokens"):
        sample(collection(halves, CAT), planted)
    brief = [Annotation(d, {"cat": (Span(0, len(d.text)),)}) for d in texts(30, words=3)]
    with pytest.raises(CorpusEmpty, match="30 are whole texts of fewer than 8 tokens"):
        sample(collection(brief, CAT, reading="mean"), planted)


def test_a_pool_keeps_the_lowest_however_they_come() -> None:
    found = priorities("d", np.arange(5000), 0)
    places = np.arange(5000)[:, None]
    whole, pieces = Pool(100, 1), Pool(100, 1)
    whole.offer(found, places)
    for start in range(0, 5000, 7):
        pieces.offer(found[start : start + 7], places[start : start + 7])
    assert np.array_equal(whole.lowest()[1], pieces.lowest()[1])
    assert np.array_equal(whole.lowest()[1][:, 0], np.argsort(found)[:100])
    assert whole.seen == 5000


def test_documents_without_tokens_are_passed_over(planted: PlantedSubject) -> None:
    annotations = words_of([document(999, ""), *texts(60)], "cat", "cat")
    assert sample(collection(annotations, CAT), planted).features == (CAT,)
