from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from core.documents import ExplainDocument, ShownExcerpt
from neuroscribe.render.terminal import View, explain_view, profile_view
from neuroscribe.render.terminal_excerpts import around, best, excerpt_pair
from neuroscribe.render.terminal_scores import interval_bar
from service.pages.figures import Axis, Shading
from tests.service.pages.page_documents import (
    ALL,
    NASTY,
    abstained,
    dead,
    document,
    excerpt,
    explanation,
    low_evidence,
    nasty,
    negative,
    planted,
    polysemantic,
    profile,
    score,
    short,
)

DOCUMENTS = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())


def plain(view: View, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, record=True)
    console.print(view)
    return console.export_text()


def coloured(view: View, width: int = 100, *, no_color: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system="truecolor",
        force_terminal=True,
        no_color=no_color,
    )
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


@DOCUMENTS
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(
    build: Callable[[], ExplainDocument], width: int
) -> None:
    shown = build()
    for view in (explain_view(shown), profile_view(shown.profile)):
        assert max(cell_len(line) for line in plain(view, width).splitlines()) <= width


@DOCUMENTS
def test_every_document_names_its_unit_and_verdict(build: Callable[[], ExplainDocument]) -> None:
    shown = build()
    first, second = plain(explain_view(shown), 160).splitlines()[:2]
    assert first.startswith(str(shown.unit))
    assert shown.verdict.replace("_", " ") in first
    assert second.strip()


def test_a_score_comes_with_interval_count_null_and_baselines() -> None:
    text = plain(explain_view(document()), 130)
    for part in ("0.831", "[0.712, 0.902]", "1,044", "0.012/0.064", "0.411", "0.523", "0.604"):
        assert part in row(text, "corpus")
    assert "list equal" in text
    assert "report split" in text
    assert "oracle" not in text


def test_a_narrow_terminal_shows_the_same_figures() -> None:
    text = plain(explain_view(document()), 60)
    for part in ("0.831", "[0.712, 0.902]", "1,044"):
        assert part in row(text, "corpus")
    assert "null 0.012/0.064 · list equal 0.411 · list 50 0.523" in text
    assert "full table 0.604" in text


def test_the_oracle_is_shown_where_the_truth_is_known() -> None:
    text = plain(explain_view(planted()), 130)
    assert "oracle" in text
    assert row(text, "corpus").endswith("0.987")
    assert 'fires on the word "name" right after the word "def"' in text


def test_an_undefined_score_says_why_and_shows_no_number() -> None:
    for width in (60, 130):
        text = plain(explain_view(abstained()), width)
        assert "undefined" in row(text, "random only")
        assert "0.000" not in row(text, "random only")
        assert "the unit is constant on these excerpts" in " ".join(text.split())


def test_what_was_not_accepted_is_called_so() -> None:
    assert "Best candidate, not accepted" in plain(explain_view(abstained()))
    assert "not accepted" not in plain(explain_view(document()))


def test_a_dead_unit_has_neither_explanation_nor_scores() -> None:
    text = plain(explain_view(dead()))
    assert "nothing was scored" in text
    assert "report split not opened" in text
    shown = plain(profile_view(dead().profile))
    assert "no value other than zero" in shown
    assert "no bands" in shown
    assert "skewness undefined (constant)" in shown


def test_little_evidence_is_still_shown() -> None:
    text = plain(explain_view(low_evidence()))
    assert "active in 2 documents; 5 are needed" in text
    assert "stdlib" not in text
    assert "stdlib/argparse.py" in plain(explain_view(low_evidence()), 120)


def test_meanings_are_numbered_with_their_shares() -> None:
    text = plain(explain_view(polysemantic()))
    assert '2. Fires on the word "def".  (62 % of the activation)' in text
    assert "of 3." in text


def test_a_negative_explanation_says_so() -> None:
    text = plain(explain_view(negative()))
    assert "(of the negative side)" in text
    assert "most negative" in text


def test_experiments_take_one_line_each() -> None:
    line = row(plain(explain_view(document()), 80), "x1")
    assert "occlusion" in line
    assert "drop 1 back 0.9312" in line


def test_the_bar_puts_value_whiskers_and_null_on_one_axis() -> None:
    bar = interval_bar(score(value=0.5, low=0.3, high=0.7, null_mean=0.0), Axis(), 20)
    assert bar.plain == "░░····├───█───┤·····"
    beyond = interval_bar(score(value=-3.0, low=-4.0, high=-2.0), Axis(-1.0), 20)
    assert beyond.plain.startswith("◂")


def test_without_colour_the_strongest_token_is_marked_and_activations_are_blocks() -> None:
    text = plain(explain_view(document()))
    assert "«·parse»" in text
    assert "real" in text
    assert "«" not in coloured(explain_view(document()))


def test_no_color_is_obeyed_on_a_terminal() -> None:
    text = coloured(explain_view(document()), no_color=True)
    assert "«·parse»" in text
    assert "38;2;" not in text
    assert "48;2;" not in text


def test_colour_shades_tokens_by_activation() -> None:
    text = coloured(explain_view(document()))
    assert "48;2;255;164;28m·parse" in text


def lines_of(shown: ShownExcerpt, width: int = 80, colour: bool = False) -> list[str]:
    lines = excerpt_pair(shown, Shading.of([shown]), width=width, colour=colour)
    return [line.plain for line in lines]


def test_values_stand_below_their_token_whatever_its_width() -> None:
    shown = short(
        ["漢字", "e\u0301", "שלום", " x"], [4.0, 2.0, 0.0, 0.0], simulated=[0, 0, 10, None]
    )
    tokens, real, simulated = lines_of(shown)
    assert tokens == "       4  «漢字»e\u0301שלום·x "
    assert real == "    real  ██████▅      "
    assert simulated == "     sim         ████??"


def test_nothing_is_marked_where_nothing_fired() -> None:
    tokens, real = lines_of(short(["a", "b"], [0.0, 0.0]))
    assert "«" not in tokens
    assert real.endswith("0 throughout")


@pytest.mark.parametrize("colour", [True, False])
def test_a_token_longer_than_the_terminal_is_cut(colour: bool) -> None:
    for line in lines_of(short(["a", "=" * 500, "漢" * 90], [0.0, 9.0, 0.0]), 60, colour):
        assert cell_len(line) <= 60


def test_excerpts_are_cut_around_the_peak() -> None:
    tokens = lines_of(excerpt(turned=30), 60)[0]
    assert "«·parse»" in tokens
    assert "…" in tokens


def test_an_explanation_is_shown_beside_the_excerpts_it_was_simulated_on() -> None:
    plain_ones = [excerpt(simulated=None, offset=i) for i in range(6)]
    simulated = [excerpt(split="report", offset=100 + i) for i in range(6)]
    bands = [excerpt("band:0", split=split, simulated=None) for split in ("explain", "select")]
    chosen = best([*plain_ones, *simulated, *bands])
    assert [e.offset for e in chosen] == [100, 101, 102, 103, 104, 1280]
    assert [e.split for e in chosen][-1] == "explain"
    assert best(plain_ones) == plain_ones[:5]
    shown = document(profile=profile(excerpts=[*simulated, *plain_ones]))
    assert "7 more: neuroscribe show demo/mlp.2/117" in plain(explain_view(shown))


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(0, 39), st.integers(1, 80)
)
def test_the_cut_holds_the_peak_and_fits(widths: list[int], at: int, room: int) -> None:
    at %= len(widths)
    first, last = around(widths, at, room)
    assert first <= at < last
    assert sum(widths[first:last]) <= max(room, widths[at])
    if first > 0 and last < len(widths) and sum(widths[first:last]) <= room:
        assert sum(widths[first - 1 : last]) > room or sum(widths[first : last + 1]) > room


@pytest.mark.parametrize("token", NASTY)
def test_no_token_styles_breaks_or_vanishes(token: str) -> None:
    shown = profile(excerpts=[short(["a", token, "b"], [0.0, 1.0, 0.0])], promoted=[])
    for text in (plain(profile_view(shown)), coloured(profile_view(shown))):
        text.encode("utf-8")
        assert "\x1b[31m" not in text
        assert "\x00" not in text
        assert "\u202e" not in text


def test_markup_in_any_text_is_printed_as_it_stands() -> None:
    text = plain(explain_view(nasty()), 200)
    assert "[bold][/]" in text
    assert "[red]\\x1b[2J\\u202e</script>" in text
    assert "\x1b[2J" not in coloured(explain_view(nasty()))


def test_the_profile_shows_statistics_bands_histogram_and_output_tokens() -> None:
    text = plain(profile_view(profile()))
    for part in (
        "active 3.1 % of 2,345,984 tokens",
        "documents 1,893",
        "0.5 to 1",
        "2,276,778 tokens are zero",
        "0.4375 to 1.75",
        "0.09 %",
        "promoted",
        "+1.520",
        "-1.310",
        "band 2 (maximum 1.75 to 3)",
        "c0ffee0000000002",
    ):
        assert part in text


def test_the_explanation_never_runs_past_a_given_width() -> None:
    view = explain_view(document(explanations=[explanation(text="word " * 60)]), width=70)
    assert max(cell_len(line) for line in plain(view, 200).splitlines()) <= 70


def test_what_a_model_rated_stands_apart_from_what_was_simulated() -> None:
    simulated = score(scorer="detection", measure="auroc")
    rated = simulated.model_copy(update={"simulator": "openai:\x1b[2J"})
    text = plain(explain_view(document(scores=[score(), simulated, rated])))
    assert row(text, "detection, AUROC") != row(text, "detection, AUROC, by openai:")
    assert "\x1b" not in text
