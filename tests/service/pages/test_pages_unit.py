from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable

import pytest

from core.documents import ExplainDocument
from service.pages.unit import unit_page
from tests.service.pages.page_documents import (
    ALL,
    NASTY,
    abstained,
    dead,
    document,
    excerpt,
    explanation,
    nasty,
    negative,
    planted,
    polysemantic,
    profile,
    score,
    short,
)
from tests.service.pages.strict_page import FETCHING, Page

DOCUMENTS = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())


@DOCUMENTS
def test_the_page_is_well_formed_and_encodes(build: Callable[[], ExplainDocument]) -> None:
    shown = build()
    text = unit_page(shown)
    text.encode("utf-8")
    page = Page(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert str(shown.unit) in page.text
    assert shown.verdict.replace("_", " ") in page.text
    assert len(page.having("h1")) == 1
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    labels = [a["aria-labelledby"] or "" for _, a in page.elements if "aria-labelledby" in a]
    assert set(" ".join(labels).split()) <= set(ids)


@DOCUMENTS
def test_the_page_fetches_and_runs_nothing(build: Callable[[], ExplainDocument]) -> None:
    page = Page(unit_page(build()))
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base", "form", "a"}
        assert not FETCHING & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert "style" not in attributes
    assert page.having("script") == [{"type": "application/json", "id": "document"}]
    assert not re.search(r"url\(|@import|https?:", page.blocks["style"])


@DOCUMENTS
def test_the_policy_allows_the_style_sheet_and_nothing_else(
    build: Callable[[], ExplainDocument],
) -> None:
    page = Page(unit_page(build()))
    policy = next(
        a["content"]
        for a in page.having("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    digest = hashlib.sha256(page.blocks["style"].encode("utf-8")).digest()
    expected = base64.b64encode(digest).decode("ascii")
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{expected}'; base-uri 'none'; form-action 'none'"
    )


@DOCUMENTS
def test_the_page_carries_its_document(build: Callable[[], ExplainDocument]) -> None:
    shown = build()
    twin = Page(unit_page(shown)).blocks["script"]
    assert not set(twin) & set("<>&")
    assert ExplainDocument.model_validate(json.loads(twin)) == shown


@pytest.mark.parametrize("token", NASTY)
def test_every_token_is_text_and_nothing_else(token: str) -> None:
    shown = document(profile=profile(excerpts=[short(["a", token], [0.0, 1.0])]))
    text = unit_page(shown)
    text.encode("utf-8")
    page = Page(text)
    assert len(page.having("script")) == 1
    harmful = {"\x00", "\x1b", "\u202e", "\u202c", "\ud800"}
    assert not harmful & set(text)
    tokens = [a for a in page.having("bdi") if "peak" in (a.get("class") or "")]
    assert tokens == [{"class": "t r10 peak", "title": "activation 1"}]


def test_what_hides_or_reverses_text_is_written_out() -> None:
    text = unit_page(nasty())
    for shown in ("\\x00", "\\x1b[31mred", "\\u202eabc\\u202c", "{{·7·*·7·}}", "◌\u0301"):
        assert shown in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&amp;amp;" in text
    assert "<img" not in text


def test_a_score_comes_with_interval_count_null_and_baselines() -> None:
    text = Page(unit_page(document())).text
    assert "0.831 [0.712, 0.902]" in text
    assert "0.012 / 0.064" in text
    for part in ("1,044", "0.411", "0.523", "0.604"):
        assert part in text
    assert "racle" not in text


def test_every_plot_says_in_words_what_it_shows() -> None:
    page = Page(unit_page(document()))
    plots = [a for a in page.having("svg") if a.get("role") == "img"]
    assert len(plots) == len(document().scores) + 1
    labels = [a.get("aria-label") for a in plots]
    assert "corpus: 0.831, 95 % interval [0.712, 0.902]" in labels
    others = [a for a in page.having("svg") if a.get("role") != "img" and "y" not in a]
    assert all(a.get("aria-hidden") == "true" for a in others)


def test_tables_have_headers_with_scope() -> None:
    page = Page(unit_page(planted()))
    assert page.having("th")
    assert all(a.get("scope") in ("col", "row") for a in page.having("th"))


def test_the_oracle_and_the_truth_are_shown_where_known() -> None:
    text = Page(unit_page(planted())).text
    assert "oracle: the true explanation" in text
    assert "0.987" in text
    assert 'fires on the word "name" right after the word "def"' in text


def test_an_undefined_score_says_why() -> None:
    text = unit_page(abstained())
    assert "undefined: the unit is constant on these excerpts" in Page(text).text
    assert "Best candidate, not accepted" in text


def test_a_dead_unit_says_what_is_absent() -> None:
    text = Page(unit_page(dead())).text
    for part in ("None was written.", "Nothing was scored.", "No bands.", "undefined: constant"):
        assert part in text
    assert "No value other than zero." in text


def test_meanings_have_their_own_scores_and_shares() -> None:
    page = Page(unit_page(polysemantic()))
    assert "62 % of its activation" in page.text
    scored = [a for a in page.having("table") if a.get("class") == "scores"]
    assert len(scored) == 3


def test_real_and_simulated_values_shade_the_same_token() -> None:
    page = Page(unit_page(document()))
    peak = next(a for a in page.having("bdi") if "peak" in (a.get("class") or ""))
    assert peak == {"class": "t r10 s10 peak", "title": "activation 4.25, simulated 10 of 10"}


def test_negative_values_have_their_own_shade() -> None:
    page = Page(unit_page(negative()))
    peak = next(a for a in page.having("bdi") if "peak" in (a.get("class") or ""))
    assert peak["class"] == "t rn10 sn10 peak"
    assert "says when the unit goes below zero" in page.text


def test_a_token_that_was_not_read_is_hatched() -> None:
    shown = short(["a", "b"], [1.0, 0.5], simulated=[10.0, None])
    page = Page(unit_page(document(profile=profile(excerpts=[shown]))))
    assert {"class": "t r5 sx", "title": "activation 0.5, simulated not read"} in page.having("bdi")
    assert "not read by the simulator" in page.text


def test_a_value_below_the_axis_is_an_arrow_at_its_end() -> None:
    page = Page(unit_page(document(scores=[score(value=-7.5, low=-9.0, high=-6.0)])))
    assert "◂" in page.text
    assert "-7.500 [-9.000, -6.000]" in page.text


def test_experiments_show_the_text_around_what_was_judged_and_whether_it_came_true() -> None:
    page = unit_page(document())
    text = Page(page).text
    assert "said 0/10, did 0.61" in text
    assert "said 10/10, did 0.93" in text
    for class_, mark, words in (
        ("held", "✓", "came true: "),
        ("failed", "✗", "did not come true: "),
        ("unclear", "·", "decides nothing: "),
    ):
        start = page.index(f'<li class="{class_}">')
        item = page[start : page.index("</li>", start)]
        assert f'aria-hidden="true">{mark}<' in item
        assert words in item
        assert '<bdi class="judged">' in item
    assert "activation 4.1, 6.5 before the text was changed" in page
    quiet = document(experiments=[document().experiments[0]])
    assert '<ul class="trials">' not in unit_page(quiet)


def test_arms_stand_beside_the_explanation_with_what_it_gains() -> None:
    page = Page(unit_page(document()))
    assert "without experiments" in page.text
    assert "+0.200 [+0.110, +0.290]" in page.text
    assert "undefined: constant activations" in page.text
    assert "as many texts, no experiments says the same, word for word" in page.text
    assert "What else could have been said" not in unit_page(document(arms=[]))


def test_the_page_tells_how_to_make_it_again() -> None:
    text = Page(unit_page(document(seed=7))).text
    assert "neuroscribe explain demo/mlp.2/117 --seed 7 --fresh" in text
    for part in ("5ec0000000000001", "c0ffee0000000002", "1dec500000000003", "max_clauses = 6"):
        assert part in text
    assert "opened 1 time, over all stored runs" in text


def test_choices_other_than_the_defaults_are_part_of_the_command() -> None:
    source = profile().source.model_copy(update={"corpus": "my texts/a.jsonl", "window": 32})
    shown = document(mode="one-shot", profile=profile(source=source))
    expected = "--fresh --mode one-shot --corpus 'my texts/a.jsonl' --window 32"
    assert expected in Page(unit_page(shown)).text


def test_excerpts_of_the_select_split_are_kept_behind_a_summary() -> None:
    both = [excerpt(split="report"), excerpt(split="select")]
    assert "From the select split" in unit_page(document(profile=profile(excerpts=both)))
    assert "From the select split" not in unit_page(document(profile=profile(excerpts=both[1:])))


def test_the_same_document_gives_the_same_bytes() -> None:
    assert unit_page(planted()) == unit_page(planted())


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"),
        ("ink", "card"),
        ("token", "real"),
        ("token", "below"),
        ("soft", "paper"),
        ("soft", "card"),
        ("soft", "grey-bg"),
        ("accent", "paper"),
        ("mind", "paper"),
        ("good", "good-bg"),
        ("both", "both-bg"),
        ("mind", "mind-bg"),
        ("bad", "bad-bg"),
        ("grey", "grey-bg"),
    ],
)
def test_text_stands_out_from_its_ground(scheme: int, ink: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    style = Page(unit_page(dead())).blocks["style"]
    palette = dict(re.findall(r"--([\w-]+): (#\w{6});", style.split(":root {")[scheme + 1]))
    lights = sorted((_luminance(palette[ink]), _luminance(palette[ground])))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5


def test_long_explanations_are_kept_whole() -> None:
    text = "word " * 400
    assert text.strip() in Page(unit_page(document(explanations=[explanation(text=text)]))).text


def test_what_a_model_rated_stands_apart_from_what_was_simulated() -> None:
    simulated = score(scorer="detection", measure="auroc")
    rated = simulated.model_copy(update={"simulator": "openai:<b>"})
    page = unit_page(document(scores=[score(), simulated, rated]))
    assert page.count("detection, AUROC, by openai:&lt;b&gt;") == 1
    assert "<b>openai" not in page
