from __future__ import annotations

import pytest

from core.documents import BandShare, Histogram
from service.pages import figures
from service.pages.figures import Axis, Shading, bars
from tests.service.pages.page_documents import (
    abstained,
    document,
    excerpt,
    histogram,
    negative,
    polysemantic,
    score,
    short,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (-4.5, "-4.5"), (0.01234567, "0.01235"), (12345.0, "12,345"), (98765.4, "98,765")],
)
def test_numbers_are_said_with_four_digits(value: float, said: str) -> None:
    assert figures.number(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.624, "62 %"),
        (0.9996, "99.96 %"),
        (0.0312, "3.1 %"),
        (2e-6, "0.0002 %"),
    ],
)
def test_shares_keep_the_digits_that_count(share: float, said: str) -> None:
    assert figures.percent(share) == said


def test_an_absent_figure_is_a_dash_and_never_zero() -> None:
    assert figures.figure(None) == "–"
    assert figures.figure(-0.0001) == "0.000"
    assert figures.interval(score(low=None, high=None)) == "no interval"


def test_histogram_rows_lose_no_value() -> None:
    for found in (histogram(), histogram(negative=True)):
        rows = bars(found)
        assert sum(row.count for row in rows) == sum(found.counts)
        assert len(rows) <= 16
        assert [row.low for row in rows] == sorted(row.low for row in rows)


def test_histogram_rows_start_and_end_with_values() -> None:
    rows = bars(histogram())
    assert rows[0].count
    assert rows[-1].count
    assert rows[-1].label == "4 to 8"


def test_a_two_sided_histogram_keeps_the_sides_apart() -> None:
    rows = bars(histogram(negative=True))
    assert all(row.high <= 0 or row.low >= 0 for row in rows)
    assert rows[0].label == "-8 to -4"
    assert "-0.0625 to 0" in [row.label for row in rows]


def test_a_bin_across_zero_is_kept_when_it_holds_values() -> None:
    found = Histogram(edges=[-2.0, -1.0, 1.0, 2.0], counts=[3, 5, 7])
    assert [row.count for row in bars(found)] == [3, 5, 7]


def test_an_empty_histogram_has_no_rows() -> None:
    assert bars(histogram(empty=True)) == []
    assert bars(Histogram(edges=[], counts=[])) == []


def test_one_value_among_millions_is_still_drawn() -> None:
    assert figures.log_height(1, 5_000_000) > 0.04
    assert figures.log_height(0, 0) == 0.0


def test_the_axis_starts_at_zero_or_below_the_lowest_figure() -> None:
    assert Axis.of(document().scores).low == 0.0
    assert Axis.of(abstained().scores).low == -0.25
    assert Axis.of([score(value=-7.5, low=-9.0, high=-6.0)]).low == -1.0
    assert Axis.of([]).ticks == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_value_beyond_the_axis_is_drawn_at_its_end() -> None:
    axis = Axis(-1.0)
    assert axis.at(-7.5) == 0.0
    assert axis.outside(-7.5)
    assert not axis.outside(0.5)


def test_scores_stay_with_their_explanation() -> None:
    groups = figures.scored(polysemantic())
    assert [[s.explanation_id for s in g.scores] for g in groups] == [["e0"], ["e1"], ["e2"]]


def test_scores_of_an_unknown_explanation_are_not_dropped() -> None:
    groups = figures.scored(document(scores=[score(explanation_id="elsewhere")]))
    assert groups[-1].explanation is None
    assert len(groups[-1].scores) == 1


@pytest.mark.parametrize(
    ("kind", "values", "at"),
    [
        ("top", [0.0, -9.0, 2.0], 2),
        ("bottom", [5.0, -1.0, 0.0], 1),
        ("random", [1.0, -3.0, 2.0], 1),
        ("random", [0.0, 0.0], 0),
        ("random", [], None),
    ],
)
def test_the_peak_is_what_the_excerpt_was_drawn_for(
    kind: str, values: list[float], at: int | None
) -> None:
    assert figures.peak(short(["a", "b", "c"][: len(values)], values, kind=kind)) == at


def test_shading_is_on_one_scale_for_all_excerpts() -> None:
    shading = Shading.of([short(["a"], [2.0]), short(["b"], [-8.0])])
    assert [shading.real(v) for v in (8.0, 4.0, 0.1, 0.0, -8.0)] == [10, 5, 0, 0, -10]
    assert Shading.of([]).real(0.0) == 0


def test_simulations_keep_their_sign() -> None:
    low = negative().profile.excerpts[0]
    assert set(Shading.of([low]).simulated(low)) == {0, -4, -10}
    assert set(Shading.of([low]).simulated(excerpt())) == {0, 4, 10}


def test_joined_rows_begin_at_powers_of_two_wherever_the_bins_begin() -> None:
    whole = histogram()
    cut = next(i for i, count in enumerate(whole.counts) if count) + 1
    rows = bars(Histogram(edges=whole.edges[cut:-40], counts=whole.counts[cut:-40]))
    assert [row.low for row in rows[1:]] == [2.0**e for e in range(-9, 3)]


def test_a_token_that_was_not_read_is_missing_and_not_zero() -> None:
    shown = short(["a", "b"], [1.0, 0.0], simulated=[None, 0.0])
    assert Shading.of([shown]).simulated(shown) == [None, 0]
    assert figures.unread(shown)


def test_bands_say_their_range() -> None:
    bands = [
        BandShare(name="band:0", low=None, high=0.5, share=0.9),
        BandShare(name="band:1", low=0.5, high=0.75, share=0.09),
        BandShare(name="band:2", low=0.75, high=None, share=0.01),
    ]
    ranges = [figures.band_range(band) for band in bands]
    assert ranges == ["below 0.5", "0.5 to 0.75", "0.75 and above"]
    assert figures.kind_name("band:1", "explain", bands) == "band 1 (maximum 0.5 to 0.75)"
    assert figures.kind_name("band:1", "select", bands) == "band 1"
    assert figures.kind_name("band:9", "explain", bands) == "band 9"
    assert figures.kind_name("top", "report", bands) == "strongest"
