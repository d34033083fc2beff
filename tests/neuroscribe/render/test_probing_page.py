"""The page of a probing run and its plots as files: whole, safe, the same each time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.errors import InvalidSetting, MissingExtra
from discovery.probing.results import Measured, ProbingReport
from neuroscribe.render.plot_files import check_plots
from neuroscribe.render.plot_svg import svg
from neuroscribe.render.plots import Band, Rule
from neuroscribe.render.probing_page import MOST_SCORES, plots_file, probing_page
from neuroscribe.render.probing_plots import curve, figures, site_heat
from neuroscribe.render.probing_words import gain_text, measured_text, null_text, value_text
from service.pages.figures import figure, signed
from service.pages.templating import source_hash
from tests.fakes.probing_reports import NASTY, report
from tests.service.pages.strict_page import FETCHING, Page


@pytest.fixture(scope="module")
def run() -> ProbingReport:
    return report()


@pytest.fixture(scope="module")
def source(run: ProbingReport) -> str:
    return probing_page(run, findings={"is_docstring": "f000000000000001"})


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def measurements(run: ProbingReport) -> Iterator[Measured]:
    """Those that are shown with their intervals."""
    for f in run.features:
        if f.best is not None and f.controls is not None and f.random is not None:
            b = f.best
            yield from (b.f1, b.precision, b.recall, b.mcc, b.average_precision, b.roc_auc)
            yield from (f.random, f.controls.token, f.controls.position, f.controls.majority)
        yield from (found.f1 for found in f.rounds)
        yield from (score.f1 for score in f.curve)
        yield from () if f.basis is None else (f.basis.neurons,)


def test_every_figure_of_the_record_is_on_the_page(run: ProbingReport, page: Page) -> None:
    text = page.text
    assert [m for m in measurements(run) if measured_text(m) not in text] == []
    for f in run.features:
        assert f.null is None or null_text(f.null) in text
        for score in (*f.curve, *f.scores):
            assert value_text(score.f1) in text
        for score in f.curve:
            beside = (score.precision, score.recall, score.mcc, score.average_precision)
            assert all(value_text(m) in text for m in (*beside, score.roc_auc))
            assert figure(score.log_loss) in text
        if f.best is not None:
            assert all(signed(c) in text for c in f.best.coefficients)
        if f.basis is not None:
            beside_k = (f.basis.log_loss_neurons | f.basis.log_loss_rotated).values()
            assert all(figure(value) in text for value in (*beside_k, *f.basis.rotated))
    for row in run.comparison:
        assert all(value_text(m) in text for m in (*row.f1.values(), row.seconds))
        assert gain_text(row.gain).split(" ")[0] in text
    assert ProbingReport.model_validate_json(page.blocks["script"]) == run


def test_the_table_of_methods_says_once_why_intervals_are_missing(run: ProbingReport) -> None:
    seconds = Measured(value=0.3, reason="no interval: fewer than 5 choices")
    rows = [row.model_copy(update={"seconds": seconds}) for row in run.comparison]
    text = Page(probing_page(run.model_copy(update={"comparison": tuple(rows)}))).text
    assert text.count("fewer than 5 choices") == 1
    assert "– under a figure: no interval: fewer than 5 choices" in text


def test_the_two_figures_of_random_neurons_are_told_apart(run: ProbingReport, page: Page) -> None:
    assert "as many random neurons of the site, mean of 20 draws" in page.text
    assert "one draw for each feature, site and seed" in page.text
    named = [row for row in run.comparison if row.method != "random"]
    without = run.model_copy(update={"comparison": tuple(named), "methods": ("osp",)})
    assert "one draw" not in Page(probing_page(without)).text


def test_what_is_missing_has_its_reason(page: Page) -> None:
    for said in (
        "is_constant failed: every neuron is constant in the training rows",
        "is_rare left out: 7 positives, and 20 are needed",
        "no interval: fewer than 2 documents in the test rows",
        "OSP, k 8: no support was found in time",
        "OSPn = 18, 2 failed",
        "a probe of the token alone reaches F1 0.91",
        "stopped at the time limit, not proven (gap 0.03)",
    ):
        assert said in page.text


def test_nothing_is_run_or_fetched(source: str, page: Page) -> None:
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        places = [value for name, value in attributes.items() if name in FETCHING]
        assert all((place or "").startswith("#feature-") for place in places)
    assert {"img", "link", "iframe", "image"}.isdisjoint(tag for tag, _ in page.elements)
    assert [s.get("type") for s in page.having("script")] == ["application/json"]
    assert "url(" not in page.blocks["style"]
    assert not re.search(r"https?://", source)
    (policy,) = [m["content"] for m in page.having("meta") if m.get("http-equiv")]
    assert policy is not None
    assert f"default-src 'none'; style-src '{source_hash(page.blocks['style'])}'" in policy


def test_names_are_text(source: str, page: Page) -> None:
    assert NASTY in page.text
    assert NASTY not in source.split("<script", maxsplit=1)[0]
    assert "\u202e" not in source
    assert "\\u202eright" in page.text


def test_plots_are_told_to_who_cannot_see_them(page: Page) -> None:
    plots = [svg for svg in page.having("svg") if svg.get("role") == "img"]
    named = {
        element["id"] for tag, element in page.elements if tag in ("title", "desc") and element
    }
    assert len(plots) == 10
    for plot in plots:
        assert set((plot["aria-labelledby"] or "").split()) <= named
    ids = [element["id"] for _, element in page.elements if "id" in element]
    assert len(ids) == len(set(ids))


def test_wide_parts_scroll_from_the_keyboard_and_have_names(page: Page) -> None:
    for part in [d for d in page.having("div") if d.get("class") == "wide"]:
        assert part["tabindex"] == "0"
        assert part.get("aria-label") or part.get("aria-labelledby")


def test_the_page_is_the_same_each_time(run: ProbingReport, source: str) -> None:
    assert probing_page(run, findings={"is_docstring": "f000000000000001"}) == source


def test_many_features_are_all_there() -> None:
    many = report(features=42)
    page = Page(probing_page(many))
    assert len([d for d in page.having("details") if d.get("class") == "feature"]) == 40
    scores = sum(len(f.scores) for f in many.features)
    assert scores > MOST_SCORES
    assert f"leaves out {scores:,} single scores" in page.text
    kept = json.loads(page.blocks["script"])["features"]
    assert all(f["scores"] == [] and (f["curve"] or f["best"] is None) for f in kept)


def test_a_run_without_features_is_a_page(run: ProbingReport) -> None:
    empty = run.model_copy(update={"features": (), "comparison": ()})
    assert "None was measured" in Page(probing_page(empty)).text
    for name in ("a.png", "a.svg", "a.html"):
        assert plots_file(empty, Path(name))


def test_long_names_of_sites_stand_slanted_within_the_map(run: ProbingReport) -> None:
    told = run.model_dump_json()
    for i, site in enumerate(run.sites):
        told = told.replace(f'"{site}"', f'"gpt_neox.layers.{7 * i}.mlp"')
    drawn = site_heat(ProbingReport.model_validate_json(told))
    assert drawn is not None
    level = site_heat(run)
    assert level is not None
    assert (drawn.slanted, level.slanted) == (True, False)
    assert "rotate(-45" in svg(drawn, "a")
    assert "rotate" not in svg(level, "a")
    assert drawn.width > level.width


def test_the_map_of_sites_shows_what_training_rows_chose(run: ProbingReport) -> None:
    drawn = site_heat(run)
    assert drawn is not None
    feature = run.features[0]
    assert feature.best is not None
    at = run.sites.index(feature.best.site)
    assert drawn.cells[0][at].marked
    assert drawn.cells[0][at].name == (
        f"is_docstring, {feature.best.site}: {value_text(feature.best.f1)} (mean difference, k 2)"
    )


def test_curves_are_drawn_on_a_logarithmic_axis_with_their_intervals(run: ProbingReport) -> None:
    drawn = curve(run.features[0])
    assert drawn is not None
    assert [drawn.x.at(k) for k in (1, 16, 256)] == pytest.approx([0, 0.5, 1])
    assert [mark.name for mark in drawn.marks if isinstance(mark, Rule)] == [
        "random (k 2)",
        "null p95",
    ]
    (band,) = [mark for mark in drawn.marks if isinstance(mark, Band)]
    assert len(band.points) == len(run.features[0].curve)
    without = curve(run.features[3])
    assert without is not None
    assert not any(isinstance(mark, Band) for mark in without.marks)
    assert curve(run.features[-1]) is None


def test_files_hold_the_same_figures(run: ProbingReport) -> None:
    png = plots_file(run, Path("a.png"))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png == plots_file(run, Path("b.png"))
    drawn = plots_file(run, Path("a.svg")).decode()
    assert drawn == plots_file(run, Path("b.SVG")).decode()
    assert "var(" not in drawn
    tree = ElementTree.fromstring(drawn)
    titles = [found.text for found in tree.findall("./{*}svg/{*}title")]
    assert len(titles) == len(figures(run)) == 10
    assert Page(plots_file(run, Path("a.html")).decode()).text


@pytest.mark.parametrize("name", ["plots.pdf", "plots", ".png"])
def test_other_files_are_refused_before_anything_is_drawn(name: str) -> None:
    with pytest.raises(InvalidSetting, match="cannot be written"):
        check_plots([Path("a.svg"), Path(name)])


def test_a_png_needs_matplotlib(run: ProbingReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroscribe.render.plot_png.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="matplotlib") as raised:
        check_plots([Path("a.png")])
    assert "neuroscribe[plots]" in raised.value.hint
    assert plots_file(run, Path("a.svg"))
