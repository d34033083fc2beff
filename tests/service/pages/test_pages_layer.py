"""The one-file page of a layer: whole, safe, and made in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from core.documents import ExplainDocument
from service.pages.layer import Detail, layer_page
from service.pages.templating import source_hash
from storage.documents import SiteLine
from tests.service.pages.page_documents import ALL, UNIT, document
from tests.service.pages.strict_page import FETCHING, Page

DOCUMENTS = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())


def line(shown: ExplainDocument, **changes: object) -> SiteLine:
    said = shown.explanations[0].text if shown.explanations else None
    fields = {
        "unit": shown.unit,
        "verdict": shown.verdict,
        "run": shown.run,
        "finished": "2025-01-02T03:04:05Z",
        "text": said,
        "value": 0.831,
        "low": 0.712,
        "high": 0.902,
        "null_p95": 0.064,
    }
    return SiteLine.model_validate(fields | changes)


def whole(lines: list[SiteLine], details: Iterator[Detail] | None = None) -> str:
    return b"".join(layer_page("demo/mlp.2", lines, details)).decode()


@DOCUMENTS
def test_every_document_is_shown_well_formed(build: Callable[[], ExplainDocument]) -> None:
    shown = build()
    found = line(shown)
    text = whole([found], iter([Detail.of(found, shown)]))
    page = Page(text)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert f"unit-{shown.unit.index}" in ids
    assert {"href": f"#unit-{shown.unit.index}"} in page.having("a")
    for tag, attributes in page.elements:
        assert tag not in ("script", "img", "link", "iframe", "form")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert all((attributes[n] or "")[0] == "#" for n in FETCHING & attributes.keys())
    for explanation in shown.explanations:
        if explanation.text.isprintable():
            assert " ".join(explanation.text.split()) in page.text


def test_the_policy_allows_the_style_sheet_and_nothing_else() -> None:
    text = whole([line(document())])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert f"default-src 'none'; style-src '{source_hash(style[1])}'; base-uri 'none'" in text
    assert not re.search(r"url\(|@import|https?:", style[1])


def test_each_unit_has_its_line_with_interval_null_and_explanation() -> None:
    page = Page(whole([line(document()), line(document(), unit=UNIT, value=None, low=None)]))
    assert "0.831 [0.712, 0.902]" in page.text
    assert document().explanations[0].text in page.text
    assert "1 scores, median 0.831; median of the nulls' 95th percentiles 0.064." in page.text
    assert page.having("details") == []


def test_a_layer_without_a_score_has_no_plot() -> None:
    bare = line(document(), value=None, low=None, high=None, null_p95=None)
    assert "How well explanations predict" not in whole([bare])


def test_what_could_not_be_read_says_so() -> None:
    found = line(document())
    page = Page(whole([found], iter([Detail.unread(found, "it is of another version")])))
    assert "it is of another version" in page.text


def test_details_are_asked_for_one_by_one_while_the_page_is_sent() -> None:
    found, asked = line(document()), []

    def details() -> Iterator[Detail]:
        for number in range(60):
            asked.append(number)
            yield Detail.of(found, document())

    pieces = layer_page("demo/mlp.2", [found] * 60, details())
    next(pieces)
    assert 0 < len(asked) < 30
    assert len(list(pieces)) > 1
    assert len(asked) == 60
