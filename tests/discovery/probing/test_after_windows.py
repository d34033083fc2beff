from __future__ import annotations

import numpy as np
import pytest

from discovery.probing.after.reading import parts, read_tokens
from discovery.probing.after.windows import LabelledWindows, running_windows, windows_of
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Annotation, Collection, Feature, Span
from subjects.corpora.document import Document
from subjects.protocol import Subject
from subjects.registry import load_subject


@pytest.fixture(scope="module")
def demo() -> Subject:
    return load_subject("demo-tiny")


def dataset(rows: list[list[int]], labels: list[int], *, spans: bool) -> ProbingDataset:
    """Three windows of three documents; the last two documents are of one group."""
    return ProbingDataset(
        collection="c",
        features=(Feature("f", "a feature"),),
        ids=np.array([[5, 6, 7, 8], [9, 10, -1, -1], [11, 12, 13, -1]], dtype=np.int32),
        lengths=np.array([4, 2, 3], dtype=np.int32),
        documents=np.array([0, 1, 2], dtype=np.int32),
        offsets=np.zeros(3, dtype=np.int32),
        document_names=("a", "b", "c"),
        groups=("one", "two", "two"),
        rows=np.array(rows, dtype=np.int32),
        labels=np.array(labels, dtype=np.int8)[:, None],
        aggregate="mean" if spans else None,
        fingerprint="x",
    )


def test_sampled_tokens_leave_the_others_unknown() -> None:
    data = dataset([[0, 1, 2], [0, 3, 4], [1, 0, 1]], [1, -1, 0], spans=False)
    found = windows_of(data, "f")
    assert found.context.tolist() == [[0, 1, 0, -1]], "the second window has no label"
    assert found.unknown == 2


def test_a_sequence_makes_all_of_its_tokens_one_or_the_other() -> None:
    data = dataset([[0, 1, 4], [1, 0, 2], [2, 0, 3]], [1, -1, -1], spans=True)
    found = windows_of(data, "f", over="groups")
    assert found.context.tolist() == [[0, 1, 1, 1], [-1, -1, 0, 0], [-1, -1, -1, 0]]
    assert found.clusters.tolist() == [0, 1, 1]
    kept = windows_of(data, "f", documents=np.array([2]))
    assert kept.ids.tolist() == [[11, 12, 13, -1]]


def test_labels_of_both_kinds_make_a_token_unknown() -> None:
    data = dataset([[0, 0, 3], [0, 2, 4]], [1, -1], spans=True)
    assert windows_of(data, "f").context.tolist() == [[1, 1, 0, -1]]
    with pytest.raises(KeyError):
        windows_of(data, "other")


def test_a_sample_has_both_kinds_of_windows_and_parts_share_no_document() -> None:
    ids = np.zeros((40, 3), dtype=np.int64)
    context = np.where(np.arange(40)[:, None] < 4, 1, -1).astype(np.int8) * np.ones((1, 3), np.int8)
    windows = LabelledWindows(ids, np.full(40, 3), context, np.arange(40) // 2)
    drawn = windows.sample(10, 0)
    assert len(drawn) == 10
    assert (drawn.context[:, 0] == 1).sum() == 4
    train, test = windows.divided(0.7, 0)
    assert not set(train.clusters) & set(test.clusters)
    assert len(train) + len(test) == 40


def collection(reading: str = "every") -> Collection:
    text = "the red house and the blue house"
    annotation = Annotation(
        Document("d", text, "t", "g"),
        positive={"f": (Span(4, 13),)},
        left_out={"f": (Span(text.index("blue"), text.index("blue") + 4),)},
    )
    return Collection("c", (Feature("f", "f"),), lambda: iter([annotation]), "x", reading=reading)


def test_running_text_has_every_token(demo: Subject) -> None:
    text = "the red house and the blue house"
    found = running_windows(demo, collection(), "f", length=64)
    assert found.ids.tolist() == [demo.tokenize(text)]
    strings = demo.vocabulary.decode(found.ids[0])
    inside = "".join(s for s, c in zip(strings, found.context[0], strict=True) if c == 1)
    assert inside.strip() in ("red house", "house"), "a space before the span may be in its token"
    unknown = [s for s, c in zip(strings, found.context[0], strict=True) if c == 0]
    assert unknown
    assert running_windows(demo, collection(), "f", most_tokens=2).lengths.tolist() == [2]


def test_where_the_last_token_is_read_the_others_of_a_span_are_unknown(demo: Subject) -> None:
    found = running_windows(demo, collection("last"), "f", length=64)
    assert (found.context == 1).sum() == 1


def test_filled_up_windows_read_the_same(demo: Subject) -> None:
    ids = np.random.default_rng(0).integers(10, 200, (3, 9))
    lengths = np.array([9, 4, 7])
    ids[np.arange(9)[None] >= lengths[:, None]] = -1
    context = (ids >= 0).astype(np.int8)
    windows = LabelledWindows(ids, lengths, context, np.arange(3))
    read = read_tokens(demo, "mlp.1", [3, 5], windows)
    row = 0
    for window, length in enumerate(lengths.tolist()):
        alone = demo.activations(demo.batch(ids[window : window + 1, :length]), ["mlp.1"])
        values = alone["mlp.1"][0][:, [3, 5]].numpy()
        np.testing.assert_allclose(read.values[row : row + length], values, atol=1e-4)
        row += length
    assert row == len(read.values)
    assert len(list(parts(demo, ["mlp.1"], windows))) == 1, "they go through together"
