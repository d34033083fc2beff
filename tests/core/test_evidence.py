from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence import (
    Band,
    Evidence,
    ExcerptSet,
    Split,
    SplitEvidence,
    UnitStatistics,
    split_of,
)
from core.hashing import fingerprint, text_hash, unit_interval
from core.ids import UnitId


def excerpts(windows: Sequence[int], split: Split = "explain") -> ExcerptSet:
    """Excerpts of two tokens whose activations are (window, -window)."""
    numbers = np.array(windows, dtype=np.int64)
    return ExcerptSet(
        split=split,
        windows=numbers,
        token_ids=np.stack([numbers, numbers], axis=1).reshape(-1, 2),
        tokens=[(f"t{w}", "x") for w in windows],
        activations=np.stack([numbers, -numbers], axis=1).reshape(-1, 2).astype(np.float32),
        documents=[f"d{w}" for w in windows],
        offsets=numbers * 2,
        kinds=["random"] * len(numbers),
    )


def evidence_of(split: Split) -> SplitEvidence:
    def rows(*chosen: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(chosen, dtype=np.int64)

    return SplitEvidence(
        split=split,
        pool=excerpts([1, 4, 7], split),
        top_rows=rows(2, 1),
        bottom_rows=rows(2),
        active_rows=rows(0, 1),
        random_rows=rows(0, 2),
        bands=(Band("band:0", -np.inf, 4.0, 0.5), Band("band:1", 4.0, np.inf, 0.5)),
        n_windows=10,
        n_documents=5,
        other_units=(3,),
        others=np.ones((3, 2, 1), dtype=np.float32),
    )


def statistics(**figures: object) -> UnitStatistics:
    given = {
        "n_tokens": 100,
        "mean": 0.0,
        "variance": 1.0,
        "skewness": None,
        "kurtosis": None,
        "minimum": 0.0,
        "maximum": 1.0,
        "share_active": 0.1,
        "documents_active": 5,
        "non_negative": True,
    }
    return UnitStatistics(**(given | figures))  # type: ignore[arg-type]


def test_splits_have_their_shares() -> None:
    found = Counter(split_of(f"document {i}") for i in range(20_000))
    shares = {split: count / 20_000 for split, count in found.items()}
    assert shares == pytest.approx({"explain": 0.6, "select": 0.2, "report": 0.2}, abs=0.01)


def test_a_document_never_changes_its_split() -> None:
    """Written down: a change would let a published score meet text it was written from."""
    names = ["stdlib/abc.py", "stdlib/json/decoder.py", "generated/agreement/7", "a", "é", ""]
    assert [split_of(name) for name in names] == [
        "explain",
        "explain",
        "explain",
        "select",
        "select",
        "select",
    ]


@given(st.text())
def test_any_name_has_a_place_below_one(name: str) -> None:
    assert 0.0 <= unit_interval(name) < 1.0
    assert 0 <= text_hash(name) < 2**64


def test_fingerprints_ignore_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_taking_keeps_the_columns_together() -> None:
    taken = excerpts([5, 6, 7]).take([2, 0, 2])
    assert taken.windows.tolist() == [7, 5, 7]
    assert [e.document for e in taken] == ["d7", "d5", "d7"]
    assert taken[1].tokens == ("t5", "x")
    assert taken[1].activations.tolist() == [5.0, -5.0]
    assert taken[1].offset == 10


def test_taking_nothing_leaves_an_empty_set_of_the_same_width() -> None:
    empty = excerpts([5, 6]).take([])
    assert len(empty) == 0
    assert empty.activations.shape == (0, 2)
    assert list(empty) == []


def test_joining_counts_no_window_twice() -> None:
    joined = excerpts([5, 6]).join(excerpts([6, 8]))
    assert joined.windows.tolist() == [5, 6, 8]
    assert joined.documents == ["d5", "d6", "d8"]
    assert len(joined.join(joined)) == 3


def test_splits_are_never_joined() -> None:
    with pytest.raises(ValueError, match="'explain' with 'report'"):
        excerpts([5]).join(excerpts([6], "report"))


def test_what_was_drawn_carries_its_kind() -> None:
    evidence = evidence_of("explain")
    assert evidence.top.windows.tolist() == [7, 4]
    assert set(evidence.top.kinds) == {"top"}
    assert evidence.random.windows.tolist() == [1, 7]


def test_bands_hold_their_low_edge() -> None:
    evidence = evidence_of("explain")
    assert evidence.band_rows(0).tolist() == [0]
    assert evidence.band_rows(1).tolist() == [1, 2]


def test_the_negative_side_is_the_same_windows_negated() -> None:
    evidence = evidence_of("explain")
    flipped = evidence.flipped()
    assert flipped.pool.activations.tolist() == (-evidence.pool.activations).tolist()
    assert flipped.top_rows.tolist() == evidence.bottom_rows.tolist()
    assert flipped.others.tolist() == (-evidence.others).tolist()
    assert flipped.bands == ()
    assert len(flipped.active_rows) == 0


def test_every_opening_of_report_is_logged() -> None:
    unit = UnitId("demo", "mlp.0", 1)
    splits = [evidence_of(split) for split in ("explain", "select", "report")]
    evidence = Evidence(unit, statistics(), *splits)
    with pytest.raises(ValueError, match="not been opened"):
        evidence.opened_report()
    assert evidence.open_report("first") is evidence.open_report("second")
    assert evidence.opened_report().split == "report"
    assert evidence.openings == ["first", "second"]


def test_live_means_five_documents_or_where_signed_any_change() -> None:
    assert statistics().live
    assert not statistics(documents_active=4).live
    assert statistics(non_negative=False, documents_active=0).live
    assert not statistics(non_negative=False, variance=0.0).live


def test_one_side_of_a_signed_unit_is_silent_on_the_other() -> None:
    evidence = evidence_of("explain")
    assert evidence.rectified().pool.activations.tolist() == [[1, 0], [4, 0], [7, 0]]
    negative = evidence.flipped().rectified()
    assert negative.pool.activations.tolist() == [[0, 1], [0, 4], [0, 7]]
    assert not negative.others.any()
    assert negative.rectified() is negative
