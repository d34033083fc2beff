"""A unit edited from its page, without scripts: what is drawn, and what is said instead."""

from __future__ import annotations

from typing import get_args

import pytest
from asgi_client import Client
from fake_desk import FakeDesk
from test_access import Known

from core.errors import UnsupportedOperation
from core.ids import UnitId
from core.interventions import (
    InterventionDocument,
    MeanOverTexts,
    MovedAtRandom,
    MovedByOthers,
    MovedText,
    MovedToken,
)
from core.results import Verdict
from service.app import create_app
from service.auth import Gate
from service.bodies import FiringBody, InterveneBody
from service.pages.figures import MEANINGS
from service.pages.moved import EditShown, MovedPlot
from service.pages.unit import unit_page
from tests.service.pages.page_documents import document
from tests.service.pages.strict_page import Page

HTML = {"accept": "text/html"}
UNIT = UnitId("demo", "mlp.0", 1)
PLACE = f"/units/{UNIT}"


def over_texts(value: float) -> MeanOverTexts:
    return MeanOverTexts(value=value, low=None, high=None, reason="no interval: fewer than 5 texts")


def moved(**given: object) -> InterventionDocument:
    text = MovedText(
        text="one <b>two",
        origin="given",
        tokens=2,
        left_out=0,
        divergence=0.3,
        null_mean=0.01,
        random_mean=0.02,
        raised=[MovedToken(token=" <i>", before=0.1, after=0.4)],
        lowered=[MovedToken(token=" four", before=0.8, after=0.2)],
    )
    null = MovedByOthers(
        texts="same",
        units=32,
        mean=over_texts(0.01),
        largest=0.05,
        at_least=0,
        p=1 / 33,
        smallest_p=1 / 33,
        excess=over_texts(0.29),
    )
    document = InterventionDocument(
        unit=UNIT,
        spec_hash="0",
        kind="ablate",
        by=None,
        edit="set to its mean",
        scale=None,
        amount=0.5,
        predicts="next_token",
        divergence=over_texts(0.3),
        null=null,
        null_reason=None,
        random=MovedAtRandom(directions=8, mean=0.02, largest=0.06),
        texts=[text],
    )
    return document.model_copy(update=given)


@pytest.fixture
def answers(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> list[InterveneBody]:
    """What the desk is asked; it answers with :func:`moved`."""
    asked: list[InterveneBody] = []

    async def intervene(body: InterveneBody) -> InterventionDocument:
        asked.append(body)
        return moved()

    monkeypatch.setattr(desk, "intervene", intervene)
    return asked


def read(client: Client, query: str) -> Page:
    answer = client.get(PLACE + query, **HTML)
    assert answer.status == 200
    return Page(answer.body.decode())


def test_an_edit_is_drawn_beside_what_any_edit_does(
    client: Client, answers: list[InterveneBody]
) -> None:
    page = read(client, "?text=one+%3Cb%3Etwo&edit=ablate&by=2")
    assert answers == [InterveneBody(unit=UNIT, kind="ablate", texts=["one <b>two"])]
    for words in (
        "Set to its mean at every token, this unit moves the prediction of the next token by 0.3",
        "this unit: 0.3",
        "32 other units: mean 0.01, largest 0.05",
        "8 random directions: mean 0.02, largest 0.06",
        "0 of 32 other units move it at least as far: p 0.030, the smallest",
        "no interval: fewer than 5 texts",
        "·<i>10 %40 %",
        "·four80 %20 %",
    ):
        assert words in page.text
    assert page.having("b") == [{}]
    assert page.having("i") == []
    assert page.having("textarea")[1]["id"] == "edit-text"


def test_the_plot_has_one_axis_from_zero() -> None:
    plot = MovedPlot.of(moved())
    assert [label for _, label in plot.ticks] == ["0", "0.1", "0.2", "0.3"]
    own, others, random = plot.marks
    assert own.at == plot.ticks[-1][0]
    assert plot.ticks[0][0] < others.at < random.at < others.ends[1] < random.ends[1] < own.at
    assert own.ends == (own.at, own.at)


@pytest.mark.parametrize("value", [0.0, 3e-7, 0.0042, 0.69])
def test_the_axis_holds_whatever_is_found(value: float) -> None:
    plot = MovedPlot.of(moved(divergence=over_texts(value), null=None))
    assert 2 <= len(plot.ticks) <= 6
    assert all(2 <= mark.at <= mark.ends[1] <= 98 for mark in plot.marks)
    assert len(plot.marks) == 2


def test_an_interval_is_drawn_where_there_is_one() -> None:
    wide = MeanOverTexts(value=0.2, low=0.1, high=0.3, reason=None)
    own = MovedPlot.of(moved(divergence=wide)).marks[0]
    assert own.ends[0] < own.at < own.ends[1]


def test_bars_of_both_tables_have_one_scale() -> None:
    shown = EditShown.of(moved())
    assert (shown.raised[0].before_bar, shown.raised[0].after_bar) == (12.5, 50.0)
    assert (shown.lowered[0].before_bar, shown.lowered[0].after_bar) == (100.0, 25.0)


@pytest.mark.parametrize(("typed", "by"), [("-3", -3.0), ("", None), ("+2.5+", 2.5)])
def test_a_push_says_how_far(
    client: Client, answers: list[InterveneBody], typed: str, by: float | None
) -> None:
    read(client, f"?text=a&edit=push&by={typed}")
    assert answers == [InterveneBody(unit=UNIT, kind="push", by=by, texts=["a"])]


@pytest.mark.parametrize("typed", ["far", "nan", "1e9"])
def test_what_is_no_size_is_said_in_place(
    client: Client, answers: list[InterveneBody], typed: str
) -> None:
    page = read(client, f"?text=a&edit=push&by={typed}")
    assert f"cannot push by '{typed}'" in page.text
    assert answers == []


def test_without_a_text_the_strongest_excerpt_is_read(
    client: Client, answers: list[InterveneBody]
) -> None:
    read(client, "?text=+&edit=ablate")
    assert answers == [InterveneBody(unit=UNIT, kind="ablate")]


def test_a_subject_without_output_says_so_in_place(
    client: Client, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(body: object) -> None:
        raise UnsupportedOperation("'planted' has no output", "use another subject")

    monkeypatch.setattr(desk, "intervene", refuse)
    page = read(client, "?text=a&edit=ablate")
    assert "'planted' has no output (use another subject)" in page.text
    assert page.having("figure") == []


def test_a_key_that_only_reads_edits_nothing(desk: FakeDesk, answers: list[InterveneBody]) -> None:
    client = Client(create_app(desk, Gate(Known())))
    answer = client.get(f"{PLACE}?text=a&edit=ablate", authorization="Bearer reads", **HTML)
    assert "this key may read only" in Page(answer.body.decode()).text
    assert answers == []


def test_a_unit_leads_to_the_chat_and_its_text_to_units_that_fire_on_it(client: Client) -> None:
    links = [a["href"] for a in read(client, "?text=a+%26b").having("a")]
    assert "/chat?say=explain%20demo/mlp.0/1#say" in links
    assert "/search/firing?subject=demo&site=&text=a+%26b" in links


def test_what_was_typed_stands_in_the_form_as_it_was(
    client: Client, desk: FakeDesk, answers: list[InterveneBody]
) -> None:
    answer = client.get(f"{PLACE}?text=%0D%0Aa%20%3C%0D%0Ab&edit=ablate", **HTML)
    assert answers[0].texts == ["\na <\nb"]
    # The line break after the tag is the form's own, the next one is the text's.
    assert answer.body.decode().count(">\n\na &lt;\nb</textarea>") == 2
    client.get("/search/firing?subject=demo&text=a%0D%0Ab", **HTML)
    asked = desk.asked[-1]
    assert isinstance(asked, FiringBody)
    assert asked.text == "a\nb"


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_says_what_it_means(verdict: Verdict) -> None:
    page = Page(unit_page(document(verdict=verdict)))
    assert MEANINGS[verdict] in page.text


def test_a_place_where_nothing_is_says_so(client: Client) -> None:
    answer = client.get("/nothing/here", **HTML)
    assert answer.status == 404
    assert "There is no such page." in Page(answer.body.decode()).text


def test_without_other_units_it_says_why_and_no_token_is_none(client: Client) -> None:
    page = read(client, "?text=a&edit=push&by=1")
    assert "No other units to compare with: none was asked for." in page.text
    assert page.text.count("None.") == 2
