"""Several subjects on a terminal and on a page: figures whole, names safe, nothing fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from discovery.probing.after.records import Part, SplitStep, Splitting
from discovery.probing.after.splitting_reading import RULE
from discovery.probing.results import Measured
from discovery.probing.scaling import scaling
from neuroscribe.probing.scaling import Scaled, SplitUnit
from neuroscribe.render.plots import Band, Line
from neuroscribe.render.probing_scaling import change_text, scaling_view
from neuroscribe.render.probing_scaling_page import by_subject, scaling_file, scaling_page
from neuroscribe.render.probing_words import measured_text
from service.pages.templating import source_hash
from tests.fakes.probing_reports import NASTY, report
from tests.service.pages.strict_page import Page


def split() -> SplitUnit:
    def measured(value: float) -> Measured:
        return Measured(value=value, low=value - 0.04, high=value + 0.04)

    units = ("demo/mlp.1/7", "demo/mlp.1/9")
    steps = [
        SplitStep(k=1, units=units[:1], weights=(1.0,), r2=measured(0.5), random=(0.1, -0.02),
                  train_r2=0.52),
        SplitStep(k=2, units=units, weights=(1.0, 0.5), r2=measured(0.7), random=(0.12, 0.2),
                  train_r2=0.73),
    ]  # fmt: skip
    return SplitUnit(
        feature=NASTY,
        f1=measured(0.8),
        splitting=Splitting(
            unit="demo-tiny/mlp.0/3", larger="demo", candidates=64, of=500, train_tokens=7000,
            test_tokens=3000, steps=tuple(steps), site="mlp.1", gain=measured(0.2),
            parts=tuple(Part(unit=u, weight=1.0, share=measured(0.4)) for u in units),
            reading="split", rule=RULE,
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def scaled() -> Scaled:
    runs = tuple(
        report(features=9, subject=name, seed=i)
        for i, name in enumerate(("demo-tiny", "demo-small", "demo"))
    )
    return Scaled(reports=runs, findings=(), scaling=scaling(runs), splitting=(split(),))


def printed(scaled: Scaled, width: int, intervals: bool = False) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(scaling_view(scaled, intervals=intervals))
    return captured.get().splitlines()


@pytest.mark.parametrize("intervals", [True, False])
@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_too_long(scaled: Scaled, width: int, intervals: bool) -> None:
    assert max(map(cell_len, printed(scaled, width, intervals))) <= width


def test_a_row_tells_every_subject_and_the_change(scaled: Scaled) -> None:
    row = next(line for line in printed(scaled, 80) if "is_docstring" in line).split()
    assert float(row[3]) - float(row[1]) == pytest.approx(float(row[4]), abs=0.0011)
    lines = printed(scaled, 80)
    assert next(line for line in lines if "is_rare" in line).split()[1:] == ["–"] * 4
    assert sum("mean of 7 in all" in line for line in lines) == 3
    assert sum("random neurons  " in line for line in lines) == 2


def test_means_and_changes_have_their_intervals(scaled: Scaled) -> None:
    text = " ".join(" ".join(printed(scaled, 200)).split())
    for change in scaled.scaling.changes:
        assert change_text(change) in text
    for mean in scaled.scaling.means:
        low, high = mean.f1[8].low, mean.f1[8].high
        assert f"[{low:.3f},{high:.3f}]" in text


def test_what_is_said_of_a_unit_has_its_rule(scaled: Scaled) -> None:
    text = " ".join(" ".join(printed(scaled, 200)).split())
    assert f"{NASTY}: demo-tiny/mlp.0/3 in demo: split" in text
    assert "2 units of mlp.1: 0.700 [0.660, 0.740] (random units at most 0.200)" in text
    assert RULE in text


def test_features_are_thin_lines_and_their_mean_a_thick_one_with_an_interval(
    scaled: Scaled,
) -> None:
    drawn = by_subject(scaled.scaling, 1)
    assert drawn is not None
    lines = [mark for mark in drawn.marks if isinstance(mark, Line)]
    assert [line.name for line in lines if not line.thin] == ["mean", "random neurons"]
    assert sum(line.thin for line in lines) == 7
    (band,) = [mark for mark in drawn.marks if isinstance(mark, Band)]
    assert len(band.points) == 3
    assert [key.name for key in drawn.keys] == ["mean", "random neurons"]


def test_the_page_holds_every_figure_and_fetches_nothing(scaled: Scaled) -> None:
    source = scaling_page(scaled)
    page = Page(source)
    for mean in scaled.scaling.means:
        for one in (*mean.f1.values(), *mean.random.values(), mean.sparsity):
            assert f"{one.value:.3f}" in page.text
    assert all(change_text(change) in page.text for change in scaled.scaling.changes)
    assert all(measured_text(s.r2) in page.text for s in scaled.splitting[0].splitting.steps)
    assert NASTY in page.text
    assert NASTY not in source.split("<script", maxsplit=1)[0]
    assert [s.get("type") for s in page.having("script")] == ["application/json"]
    assert {"img", "link", "iframe", "image"}.isdisjoint(tag for tag, _ in page.elements)
    (policy,) = [m["content"] for m in page.having("meta") if m.get("http-equiv")]
    assert policy is not None
    assert f"style-src '{source_hash(page.blocks['style'])}'" in policy
    assert scaling_page(scaled) == source


def test_plots_are_files(scaled: Scaled) -> None:
    assert scaling_file(scaled, Path("a.png")).startswith(b"\x89PNG")
    drawn = scaling_file(scaled, Path("a.svg")).decode()
    assert drawn.count("<title id=") == 3
    assert 'class="curve quiet thin"' in drawn
