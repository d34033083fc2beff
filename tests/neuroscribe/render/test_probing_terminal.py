"""A probing run on a terminal: whole figures at every width, reasons, and no claim too many."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from discovery.probing.results import ProbeScore, ProbingReport
from neuroscribe.render.columns import blocks, fit, some
from neuroscribe.render.probing import probing_view
from neuroscribe.render.probing_words import certificate_text, measured_text, proofs
from tests.fakes.probing_reports import NASTY, report


def printed(view: RenderableType, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get().splitlines()


@pytest.fixture(scope="module")
def run() -> ProbingReport:
    return report()


def plain(run: ProbingReport, width: int, intervals: bool = False) -> list[str]:
    found = {feature.feature: f"f{i:015d}" for i, feature in enumerate(run.features[:2])}
    return printed(probing_view(run, findings=found, intervals=intervals), width)


@pytest.mark.parametrize("intervals", [True, False])
@pytest.mark.parametrize("width", [60, 80, 140, 200])
def test_no_line_is_too_long_and_no_figure_is_broken(
    run: ProbingReport, width: int, intervals: bool
) -> None:
    lines = plain(run, width, intervals)
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        cut = r"(\d\.$|^ *\.?\d+\]?$|\[\d\.\d+,$|…\d)"
        assert [line for line in lines if re.search(cut, line.rstrip()) and "of" not in line] == []


def test_the_two_figures_of_random_neurons_are_told_apart(run: ProbingReport) -> None:
    text = " ".join(" ".join(plain(run, 80)).split())
    assert "rand.: as many random neurons of the site, mean of 20 draws" in text
    assert "random: one draw for each feature, site and seed, from the whole site" in text


@pytest.mark.parametrize(("width", "lines"), [(80, 2), (140, 1)])
def test_a_feature_stands_in_one_line_where_there_is_room(
    run: ProbingReport, width: int, lines: int
) -> None:
    shown = plain(run, width)
    best = run.features[1].best
    assert best is not None
    first = next(i for i, line in enumerate(shown) if "is_string_literal" in line)
    text = " ".join(shown[first : first + lines])
    for said in (best.site, str(best.units[0]), measured_text(best.f1), "0.243", "0.005", "0.910"):
        assert said in text
    assert text.rstrip().endswith("!")


def test_what_is_not_measured_says_why(run: ProbingReport) -> None:
    text = " ".join(plain(run, 200))
    assert "is_constant  failed: every neuron is constant in the training rows" in text
    assert "is_rare  left out: 7 positives, and 20 are needed" in text
    assert "(no interval)" in text
    assert "OSP, k 8: no support was found in time" in text


def test_the_comparison_is_a_row_a_method_and_a_column_a_k(run: ProbingReport) -> None:
    lines = plain(run, 80)
    at = next(i for i, line in enumerate(lines) if "k 1   k 2" in line)
    assert lines[at].split()[-1] == "seconds"
    assert lines[at + 2].split() == [
        *("mean", "difference", "0.820", "0.850", "0.868", "0.880", "0.890", "0.897", "0.904"),
        *("0.910", "0.300"),
    ]
    words = [" ".join(line.split()) for line in lines]
    assert "F1 at k 8 less that of mean difference, feature by feature:" in words
    assert "linear SVM +0.012 [-0.003, +0.027]" in words
    assert "OSP –" in words
    assert "[0.830,0.866]" not in " ".join(lines)
    assert "[0.830,0.866]" in " ".join(plain(run, 80, intervals=True))
    assert "[0.830,0.866]" in " ".join(plain(run, 160))


def test_only_what_is_proven_is_called_optimal(run: ProbingReport) -> None:
    found = {one.k: one.text for one in proofs(run)}
    assert found[1] == "k 1: 16 of 16 proven optimal"
    assert found[5] == (
        "k 5: 0 of 16 proven optimal, 16 stopped at the time limit, largest gap 0.03"
    )
    assert found[8].endswith("16 failed, no gap known")
    claimed = next(s for s in osp(run) if s.k == 1).certificate
    assert claimed is not None
    beyond = claimed.model_copy(update={"gap": 0.2})
    for certificate in [beyond, *(s.certificate for s in osp(run) if s.k >= 5)]:
        assert certificate is not None
        assert "optimal" not in certificate_text(certificate)
        assert "not proven" in certificate_text(certificate)
    assert "γ 0.0141" in " ".join(plain(run, 80))


def osp(run: ProbingReport) -> list[ProbeScore]:
    return [s for f in run.features for s in f.scores if s.certificate is not None]


def test_names_are_shown_and_do_nothing(run: ProbingReport) -> None:
    text = "\n".join(plain(run, 140))
    assert "\u202e" not in text
    assert "\\u202eright" in text
    hostile = run.features[0].model_copy(update={"feature": "[bold]x[/bold]\x1b[2J"})
    changed = "\n".join(plain(run.model_copy(update={"features": (hostile,)}), 80))
    assert "[bold]x[/bold]\\x1b[2J" in changed
    assert NASTY in text


def test_findings_come_with_the_command_that_follows(run: ProbingReport) -> None:
    assert "neuroscribe explain --finding f000000000000001" in "\n".join(plain(run, 80))
    assert "Findings" not in "\n".join(printed(probing_view(run), 80))


def test_a_run_without_features_says_so(run: ProbingReport) -> None:
    empty = run.model_copy(update={"features": (), "comparison": ()})
    text = "\n".join(plain(empty, 80))
    assert "none was measured" in text
    assert "Methods" not in text


def test_columns_are_cut_by_what_they_take_on_a_terminal() -> None:
    assert fit("日本語の特徴", 5) == "日本…"
    assert fit("ab", 4, right=True) == "  ab"
    assert some(["12", "345", "6"], 7) == "12 +2"
    assert some(["12", "345", "6"], 20) == "12, 345, 6"
    assert [list(part) for part in blocks([1, 2, 3, 4, 8], 24, 8)] == [[1, 2, 3], [4, 8]]
