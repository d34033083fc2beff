"""Findings over HTTP and as pages."""

from __future__ import annotations

import pytest
from asgi_client import Client
from fake_desk import TIME, FakeDesk

from core.findings import Finding, FoundUnit
from core.ids import UnitId
from storage.findings import StoredFinding
from tests.service.pages.strict_page import Page

NASTY = '<img src=x onerror=alert(1)>\u202e"'


def found(number: int = 1, units: int = 3, question: str = "which?") -> StoredFinding:
    finding = Finding(
        id=f"f{number:015d}",
        method="probe",
        subject="demo",
        question=question,
        units=tuple(
            FoundUnit(
                unit=UnitId("demo", f"mlp.{i % 2}", i),
                weight=1 / (i + 1),
                figures={"auroc": None if i else 0.9},
            )
            for i in range(units)
        ),
        figures={"accuracy": 0.93},
        parameters={"sparsity": 3, "layers": [0, 1], "scale": True},
        seed=7,
        data="d" * 16,
    )
    return StoredFinding(number, TIME, finding)


def page(client: Client, path: str) -> Page:
    answer = client.get(path, accept="text/html")
    assert answer.status == 200
    return Page(answer.body.decode())


def test_findings_are_listed_in_pages_without_their_units(client: Client, desk: FakeDesk) -> None:
    desk.found = [found(3), found(2), found(1)]
    first = client.get("/v1/findings?limit=2&site=mlp.0").json
    assert [line["id"][-1] for line in first["items"]] == ["3", "2"]
    assert first["items"][0]["sites"] == {"mlp.0": 2, "mlp.1": 1}
    rest = client.get(f"/v1/findings?limit=2&after={first['next']}").json
    assert ([line["id"][-1] for line in rest["items"]], rest["next"]) == (["1"], None)
    assert [asked.site for asked in desk.asked] == ["mlp.0", None]  # type: ignore[attr-defined]
    assert client.get("/v1/findings?limit=0").status == 422


def test_a_finding_is_given_whole(client: Client, desk: FakeDesk) -> None:
    desk.found = [found()]
    assert Finding.model_validate(client.get("/v1/findings/f000000000000001").json) == (
        desk.found[0].finding
    )
    missing = client.get("/v1/findings/none")
    assert (missing.status, missing.code) == (404, "not_stored")


def test_an_empty_page_says_what_will_stand_there(client: Client) -> None:
    assert "None is stored yet" in page(client, "/findings").text
    filtered = page(client, "/findings?method=probe&subject=&site=")
    assert "No finding fits" in filtered.text
    assert {"name": "method", "value": "probe"}.items() <= filtered.having("input")[3].items()


def test_the_list_leads_to_findings_layers_and_older_ones(client: Client, desk: FakeDesk) -> None:
    desk.found = [found(n, question=NASTY) for n in range(60, 0, -1)]
    shown = page(client, "/findings?method=probe")
    assert shown.having("img") == []
    places = [a["href"] for a in shown.having("a")]
    assert {"/findings/f000000000000060", "/units/demo/mlp.1"} <= set(places)
    assert places[-1] == "?method=probe&after=11"
    assert "Older ones" not in page(client, f"/findings{places[-1]}").text


def test_a_finding_says_its_units_its_figures_and_what_made_it(
    client: Client, desk: FakeDesk
) -> None:
    desk.found = [found(question=NASTY)]
    shown = page(client, "/findings/f000000000000001")
    assert shown.having("img") == []
    assert "demo/mlp.1/10.5–" in shown.text
    for words in ("accuracy0.93", "methodprobe", "sparsity3", "layers0, 1", "scaleyes"):
        assert words in shown.text
    assert "/units/demo/mlp.0/2" in [a["href"] for a in shown.having("a")]


@pytest.mark.parametrize(("units", "forms"), [(3, ["demo/mlp.0", "demo/mlp.1"]), (0, [])])
def test_a_sweep_over_its_units_is_begun_from_the_page(
    client: Client, desk: FakeDesk, units: int, forms: list[str]
) -> None:
    desk.found = [found(units=units)]
    shown = page(client, "/findings/f000000000000001")
    assert [f["data-sweep"] for f in shown.having("form") if "data-sweep" in f] == forms
    hidden = [i["value"] for i in shown.having("input") if i.get("name") == "finding"]
    assert hidden == ["f000000000000001"] * len(forms)
    assert ("nothing was found" in shown.text) == (not units)


def test_a_sweep_takes_a_finding(client: Client, desk: FakeDesk) -> None:
    made = client.post("/v1/jobs", {"site": "demo/mlp.0", "finding": "f" * 16})
    assert made.status == 202
    (body,) = desk.asked
    assert body.finding == "f" * 16  # type: ignore[attr-defined]


def test_many_units_are_cut_and_said_to_be(client: Client, desk: FakeDesk) -> None:
    desk.found = [found(units=501)]
    shown = page(client, "/findings/f000000000000001")
    assert "The first 500 are shown" in shown.text
    assert len(shown.having("tr")) == 501
