"""How an investigation went: steps by round, and with each the experiments that it ran."""

from __future__ import annotations

from core.documents import ExperimentShown
from core.results import Step
from service.pages.timeline import Outcome, timeline
from service.pages.unit import unit_page
from tests.service.pages.page_documents import document
from tests.service.pages.strict_page import Page


def step(name: str, round: int = 0, polarity: str = "positive", **figures: int) -> Step:
    return Step(name=name, polarity=polarity, round=round, said=f"{name} was done", figures=figures)


def experiment(id: str) -> ExperimentShown:
    return ExperimentShown(id=id, kind="near_miss", description="some", outcome={"held": 2})


TWO_ROUNDS = [
    step("propose"),
    step("choose"),
    step("design", 1, experiments=2),
    step("experiment", 1, texts=10, held=7, failed=2),
    step("design", 2, experiments=1),
    step("experiment", 2, texts=4, held=4, failed=0),
    step("propose", polarity="negative"),
    step("design", 1, "negative", experiments=1),
    step("experiment", 1, "negative", texts=1, held=0, failed=1),
    step("publish", 2),
]


def test_each_experiment_stands_with_the_step_of_its_side_that_ran_it() -> None:
    named = [experiment(id) for id in ("p0", "p1", "p2", "n0")]
    found = timeline(document(steps=TWO_ROUNDS, experiments=named))
    assert [phase.title for phase in found.phases] == [
        *("Start", "Round 1", "Round 2", "Start, below zero", "Round 1, below zero", "End")
    ]
    placed = {
        phase.title: [e.id for moment in phase.moments for e in moment.experiments]
        for phase in found.phases
    }
    assert {title: ids for title, ids in placed.items() if ids} == {
        "Round 1": ["p0", "p1"],
        "Round 2": ["p2"],
        "Round 1, below zero": ["n0"],
    }
    assert found.rest == []


def test_experiments_that_no_step_names_are_shown_all_the_same() -> None:
    alone = timeline(document(steps=[], experiments=[experiment("x1"), experiment("p0")]))
    assert (alone.phases, [e.id for e in alone.rest]) == ([], ["x1", "p0"])
    page = Page(unit_page(document(steps=[])))
    assert "How it went" not in page.text
    assert "Experiments" in [t.strip() for t in page.texts]
    assert "minimal pair x2" in page.text


def test_figures_of_a_step_and_how_its_predictions_came_out_are_drawn() -> None:
    page = Page(unit_page(document(steps=TWO_ROUNDS, experiments=[experiment("p0")])))
    assert "experiment was done" in page.text
    assert "texts10held7failed2" in page.text.replace(" ", "")
    drawn = [s["aria-label"] for s in page.having("svg") if s.get("class") == "outcome"]
    assert drawn[0] == "7 predictions held, 2 failed, 1 texts decide nothing"
    assert {"width": "70.00%", "height": "8", "class": "held"} in page.having("rect")


def test_a_step_that_ran_no_texts_has_no_outcome() -> None:
    assert Outcome.of(step("experiment", 1)) is None
    assert Outcome.of(step("experiment", 1, texts=0, held=0, failed=0)) is None
