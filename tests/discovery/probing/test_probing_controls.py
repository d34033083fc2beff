"""What controls look at: the tokens and places of a feature's own rows, and no other."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from discovery.probing.controls import Given, controls
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Feature
from discovery.probing.sampling import Sampling, sample
from discovery.probing.splits import groups_of
from discovery.probing.splits import test_rows as divided
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, texts, words_of


@pytest.fixture(scope="module")
def dataset(planted: PlantedSubject) -> ProbingDataset:
    words = words_of(texts(60), "the", "the")
    return sample(collection(words, Feature("the", "the")), planted, Sampling(window=16))


def test_what_is_given_is_of_the_rows_that_are_used(dataset: ProbingDataset) -> None:
    labels = dataset.labels[:, 0].copy()
    labels[::2] = 0
    given = Given.of(dataset, labels)
    assert np.array_equal(given.tokens, dataset.last_tokens[labels != 0])
    window, first, _ = dataset.rows[labels != 0].T
    assert np.array_equal(given.places[:, 0], first)
    assert (given.places[:, 1] == 1).all()
    assert np.array_equal(given.places[:, 2], dataset.lengths[window])
    assert np.array_equal(given.places[:, 3], dataset.offsets[window])
    assert given.documents == len(np.unique(dataset.row_documents[labels != 0]))


def test_what_is_sent_follows_the_rows_used_and_not_the_dataset(dataset: ProbingDataset) -> None:
    few = np.zeros_like(dataset.labels[:, 0])
    few[:10] = dataset.labels[:10, 0]
    sent = len(ForkingPickler.dumps(Given.of(dataset, few)))
    assert sent < 1000 < dataset.ids.nbytes


def test_a_word_is_told_by_its_token_and_not_by_its_place(dataset: ProbingDataset) -> None:
    labels, groups = dataset.labels[:, 0], groups_of(dataset)
    test = divided(labels, groups, 0)
    assert test is not None
    found = controls(Given.of(dataset, labels), labels, groups, test, 0)
    assert found.token.value == 1.0
    assert found.position.value is not None
    assert found.position.value < 0.6
    assert found.warnings == ()
