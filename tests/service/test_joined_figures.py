"""Figures of findings: one with its interval, its null and its baselines, whatever the method."""

from __future__ import annotations

from asgi_client import Client
from fake_desk import TIME, FakeDesk

from core.findings import Figures, Finding, FoundUnit
from core.ids import UnitId
from service.pages.joined import columns, joined, warnings, with_interval
from storage.findings import StoredFinding
from tests.service.pages.strict_page import Page

PROBE: Figures = {
    "f1": 0.912, "f1_low": 0.894, "f1_high": 0.93, "recall": 0.9, "recall_low": None,
    "recall_high": None, "mcc": 0.81, "null_p95": 0.243, "null_p": 0.005, "random_f1": 0.412,
    "token_control_f1": 0.44, "position_control_f1": 0.38, "site": "mlp.3", "k": 3,
    "description": "text inside a docstring of a function, quotes left out",
    "warnings": "a probe of the token alone reaches F1 0.91",
}  # fmt: skip


def test_a_figure_has_its_interval_its_null_and_its_baselines() -> None:
    first, *rest = joined(PROBE)
    assert (first.name, first.value) == ("f1", "0.912 [0.894, 0.93]")
    assert first.beside == [
        *(("null p95", "0.243"), ("null p", "0.005"), ("random", "0.412")),
        *(("token control", "0.44"), ("position control", "0.38")),
    ]
    assert [one.name for one in rest] == ["recall", "mcc", "site", "k", "description"]
    assert rest[0].value == "0.9 (no interval)"
    assert rest[-1].long


def test_figures_that_only_look_alike_stay_apart() -> None:
    found: Figures = {"loss": 1.5, "loss_low": 1, "k": 3, "top_k": 9, "null_p": 0.1}
    assert [one.name for one in joined(found)] == ["loss", "loss low", "k", "top k", "null p"]
    assert all(one.beside == [] for one in joined(found))
    nested: Figures = {
        f"{name}{end}": 1
        for name in ("f1", "random_f1", "null_f1")
        for end in ("", "_low", "_high")
    }
    (only,) = joined(nested)
    assert only.beside == [("random", "1 [1, 1]"), ("null", "1 [1, 1]")]


def test_what_has_no_value_has_no_interval() -> None:
    assert with_interval("x", {"x": None, "x_low": 1, "x_high": 2}) == "–"
    assert with_interval("x", {}) == "–"


def test_columns_are_of_all_units_without_ends() -> None:
    alone: Figures = {"f1_alone": 0.8, "f1_alone_low": 0.7, "f1_alone_high": 0.9}
    assert columns([{"coefficient": 1}, alone]) == ["coefficient", "f1_alone"]


def test_warnings_are_told_once_from_wherever_they_stand() -> None:
    assert warnings({"warnings": "a"}, {"warning": ["a", "b"]}, {"warnings": None}) == ["a", "b"]


def test_the_page_of_a_probe_shows_them(client: Client, desk: FakeDesk) -> None:
    unit = FoundUnit(
        unit=UnitId("demo", "mlp.3", 4),
        weight=-2.5,
        figures={"coefficient": -2.5, "f1_alone": 0.8, "f1_alone_low": 0.78, "f1_alone_high": 0.82},
    )
    finding = Finding(
        id="f" * 16, method="probe", subject="demo", question="is_docstring", units=(unit,),
        figures=PROBE, parameters={"warnings": ["<b>few</b> documents"]}, seed=0, data="d" * 16,
    )  # fmt: skip
    desk.found = [StoredFinding(1, TIME, finding)]
    answer = client.get(f"/findings/{finding.id}", accept="text/html")
    page = Page(answer.body.decode())
    assert "0.912 [0.894, 0.93]null p95 0.243null p 0.005" in page.text
    assert "f1 alone" in page.text
    assert "f1 alone low" not in page.text
    assert "-2.5-2.50.8 [0.78, 0.82]" in page.text
    assert len([p for p in page.having("p") if p.get("class") == "notice"]) == 2
    assert page.having("b") == []
    assert "warnings" not in page.text
