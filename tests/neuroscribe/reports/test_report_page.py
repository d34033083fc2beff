"""The page and the terminal view of a site report: safe, whole, and readable without colour."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from rich.console import Console

from neuroscribe.render.report_page import report_page
from neuroscribe.render.terminal_report import report_view
from neuroscribe.reports.documents import SiteReport
from neuroscribe.reports.site import site_of, site_report
from storage import Store, open_store
from tests.neuroscribe.reports.report_site import fail, save, score, scores, twelve
from tests.service.pages.page_documents import NASTY
from tests.service.pages.strict_page import FETCHING, Page


def report(store: Store) -> SiteReport:
    return site_report(store, site_of("demo/mlp.2"), seed=0)


def printed(found: SiteReport, width: int = 100, colour: bool = False) -> str:
    console = Console(
        width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    with console.capture() as captured:
        console.print(report_view(found))
    return captured.get()


@pytest.fixture(
    scope="module",
    params=["whole", "one unit", "all abstained", "undefined", "all failed", "far below"],
)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SiteReport:
    """Reports of every kind of site."""
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('site')}/neuroscribe.db") as store:
        fill(store, request.param)
        return report(store)


def fill(store: Store, kind: str) -> None:
    match kind:
        case "whole":
            twelve(store)
        case "one unit":
            save(store, 0, scores(0.5))
        case "all abstained":
            save(store, 0, verdict="abstained", reason="nothing beat the null")
        case "undefined":
            save(store, 0, scores(None))
        case "all failed":
            fail(store, 0)
        case "far below":
            for index in range(6):
                save(store, index, [score(-2.0 + 0.3 * index)])


def test_the_page_is_well_formed_and_labels_lead_somewhere(found: SiteReport) -> None:
    page = Page(report_page(found))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    labels = [a["aria-labelledby"] or "" for _, a in page.elements if "aria-labelledby" in a]
    assert set(" ".join(labels).split()) <= set(ids)
    assert {(a["href"] or "")[1:] for a in page.having("a")} <= set(ids)


def test_the_page_fetches_and_runs_nothing(found: SiteReport) -> None:
    page = Page(report_page(found))
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base", "form"}
        given = FETCHING & set(attributes)
        assert not given or (tag == "a" and (attributes["href"] or "").startswith("#unit-"))
        assert not [name for name in attributes if name.startswith("on")]
        assert "style" not in attributes
    assert page.having("script") == [{"type": "application/json", "id": "document"}]
    assert not re.search(r"url\(|@import|https?:", page.blocks["style"])


def test_the_policy_allows_the_style_sheet_and_nothing_else(found: SiteReport) -> None:
    page = Page(report_page(found))
    digest = hashlib.sha256(page.blocks["style"].encode("utf-8")).digest()
    expected = base64.b64encode(digest).decode("ascii")
    policies = [a["content"] for a in page.having("meta") if "http-equiv" in a]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{expected}'; base-uri 'none'; form-action 'none'"
    ]


def test_the_page_carries_its_document(found: SiteReport) -> None:
    twin = Page(report_page(found)).blocks["script"]
    assert not set(twin) & set("<>&")
    assert SiteReport.model_validate(json.loads(twin)) == found


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_terminal_view_fits(found: SiteReport, width: int) -> None:
    told = printed(found, width)
    assert max(map(len, told.splitlines())) <= width
    assert found.site in told


def test_colours_change_no_character(store: Store) -> None:
    twelve(store)
    shown = report(store)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed(shown, colour=True))
    assert plain == printed(shown)


@pytest.mark.parametrize("text", NASTY)
def test_stored_text_is_text_and_nothing_else(store: Store, text: str) -> None:
    twelve(store)
    save(store, 9, scores(0.99), run="evil", text=f"a{text}b", finished="2026-01-31T12:00:09Z")
    save(store, 30, verdict="failed", reason=f"a{text}b")
    shown = report(store)
    page = report_page(shown)
    page.encode("utf-8")
    assert len(Page(page).having("script")) == 1
    harmful = {"\x00", "\x1b", "\u202e", "\u202c", "\ud800"}
    assert not harmful & set(page)
    assert not harmful & set(printed(shown))


def test_both_tell_the_same_figures(store: Store) -> None:
    twelve(store)
    shown = report(store)
    page, terminal = Page(report_page(shown)).text, " ".join(printed(shown, 140).split())
    for said in (
        "0.460 [",
        "10 better, 0 equal, 0 worse; sign test p = 0.002",
        "10 of 10 units pass q ≤ 0.05",
        "one unit at that floor alone has q = 0.099; 2 must stand there together to pass",
        "1 not scored (low evidence)",
        "model: no answer",
        "-1.00",
    ):
        assert said in page
        assert said in terminal


def test_what_few_units_cannot_say_is_a_reason(store: Store) -> None:
    save(store, 0, scores(0.5))
    shown = report(store)
    for told in (Page(report_page(shown)).text, printed(shown)):
        assert "– (fewer than 5 units)" in told
        assert "(no interval: fewer than 5 units)" in told


def test_the_plot_says_in_words_what_it_shows(store: Store) -> None:
    twelve(store)
    text = report_page(report(store))
    assert "simulation ρ · corpus: 10 units, mean 0.460" in text
    assert "null 0.020, 95th percentile 0.100" in text
