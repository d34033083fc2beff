"""All parts on shipped models, with a feature of the built-in corpus: is the text French?"""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

from core.errors import UnitOutOfRange
from discovery.probing.after.reading import read_tokens
from discovery.probing.after.records import AfterReport
from discovery.probing.after.study import after_probe
from discovery.probing.after.windows import LabelledWindows, running_windows
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import WHOLE, Annotation, Collection, Feature, Span
from subjects.corpora.builtin import BuiltinCorpus
from subjects.protocol import Subject
from subjects.registry import load_subject

FRENCH = Feature("fr", "the text is French")


@pytest.fixture(scope="module")
def collection() -> Collection:
    documents = [
        document
        for document in islice(BuiltinCorpus(per_phenomenon=60).documents(), 900)
        if document.type.startswith("generated:language")
    ]
    annotations = [
        Annotation(document, {"fr": (Span(0, WHOLE),)} if document.type.endswith(":fr") else {})
        for document in documents
    ]
    return Collection("language", (FRENCH,), lambda: iter(annotations), "x")


@pytest.fixture(scope="module")
def subject() -> Subject:
    return load_subject("demo-tiny")


@pytest.fixture(scope="module")
def running(subject: Subject, collection: Collection) -> LabelledWindows:
    return running_windows(subject, collection, "fr", length=48)


@pytest.fixture(scope="module")
def dataset(running: LabelledWindows, collection: Collection) -> ProbingDataset:
    """Each window one row, its mean taken."""
    documents = [annotation.document for annotation in collection.annotations()]
    count = len(running)
    rows = np.stack([np.arange(count), np.zeros(count, dtype=int), running.lengths], axis=1)
    return ProbingDataset(
        collection="language",
        features=(FRENCH,),
        ids=running.ids.astype(np.int32),
        lengths=running.lengths.astype(np.int32),
        documents=running.clusters.astype(np.int32),
        offsets=np.zeros(count, dtype=np.int32),
        document_names=tuple(document.id for document in documents),
        groups=tuple(document.group for document in documents),
        rows=rows.astype(np.int32),
        labels=running.context[:, :1],
        aggregate="mean",
        fingerprint="x",
    )


@pytest.fixture(scope="module")
def units(subject: Subject, running: LabelledWindows) -> list[int]:
    """The two units whose means differ most."""
    tokens = read_tokens(subject, "mlp.1", range(256), running)
    means = [tokens.values[side].mean(0) for side in (tokens.inside, ~tokens.inside)]
    found: list[int] = np.argsort(means[1] - means[0])[:2].tolist()
    return found


@pytest.fixture(scope="module")
def report(
    subject: Subject, dataset: ProbingDataset, running: LabelledWindows, units: list[int]
) -> AfterReport:
    return after_probe(
        subject, dataset, "fr", "mlp.1", units, running=running, most_windows=40, draws=10
    )


def test_every_part_is_there(report: AfterReport) -> None:
    assert report.failures == {}
    assert json.loads(report.model_dump_json())["feature"] == "fr"
    assert report == AfterReport.model_validate_json(report.model_dump_json())


def test_units_found_for_french_matter_for_french(report: AfterReport) -> None:
    assert report.ablation is not None
    rise = report.ablation.rises[0]
    assert rise.in_nats.low is not None
    assert rise.in_nats.low > 0
    assert rise.null is not None
    assert rise.null.p_rise == pytest.approx(1 / 11)


def test_their_activation_is_about_french_more_than_that_of_others(report: AfterReport) -> None:
    assert report.share is not None
    assert report.share.label_share.value is not None
    first = report.share.units[0]
    assert first.share.low is not None
    assert first.share.low > report.share.label_share.value
    assert first.p == pytest.approx(1 / 11)


def test_parts_that_a_subject_cannot_give_are_reasons(dataset: ProbingDataset) -> None:
    """The planted subject shares demo's tokenizer, writes to nothing and has no weights."""
    found = after_probe(load_subject("planted"), dataset, "fr", "word", [0], most_windows=12)
    assert set(found.failures) == {"ablation", "logits", "cooccurrence", "weights", "share"}
    assert found.failures["share"] == "no running text was given"
    assert found.failures["ablation"].startswith("subject 'planted' has no logits")
    assert found.tokens is not None


def test_documents_without_labels_are_reasons(subject: Subject, dataset: ProbingDataset) -> None:
    found = after_probe(subject, dataset, "fr", "mlp.1", [0, 1], documents=np.array([], dtype=int))
    assert found.failures == {
        "ablation": "no token in the context has a token after it",
        "tokens": "no token occurs 10 times in the context and out of it",
        "share": "no running text was given",
        "cooccurrence": "fewer than 20 rows of a class",
    }


def test_what_does_not_exist_raises(subject: Subject, dataset: ProbingDataset) -> None:
    with pytest.raises(UnitOutOfRange):
        after_probe(subject, dataset, "fr", "mlp.1", [9999])
    with pytest.raises(KeyError):
        after_probe(subject, dataset, "de", "mlp.1", [0])
