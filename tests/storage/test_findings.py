"""Findings are written once and given back as they were."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sqlalchemy import insert
from storage_trouble import store_of_version

from core.errors import NotStored, StorageError
from core.findings import Finding, FoundUnit
from core.ids import UnitId
from storage import Store, open_store
from storage.findings import FindingLine
from storage.schema import findings


def finding(id: str = "f0123456789abcde", *units: str, subject: str = "demo") -> Finding:
    named = units or ("demo/mlp.2/7", "demo/mlp.2/3", "demo/mlp.1/9")
    return Finding(
        id=id,
        method="probe",
        subject=subject,
        question="is the subject plural?",
        units=tuple(
            FoundUnit(unit=UnitId.parse(u), weight=1.0 / (i + 1), figures={"auroc": 0.9})
            for i, u in enumerate(named)
        ),
        figures={"accuracy": 0.93, "null": 0.51},
        parameters={"sparsity": 3},
        seed=0,
        data="0123456789abcdef",
    )


def test_a_finding_comes_back_by_its_id_or_its_beginning(store: Store) -> None:
    made = finding()
    store.findings.save(made)
    store.findings.save(finding("g" * 16))
    assert store.findings.get(made.id) == store.findings.get(made.id[:6]) == made
    assert [f.finding.id for f in store.findings.newest()] == ["g" * 16, made.id]
    with pytest.raises(NotStored):
        store.findings.get("none")
    with pytest.raises(StorageError):
        store.findings.save(made)


def test_findings_come_in_pages_of_one_method_subject_or_site(store: Store) -> None:
    kept = store.findings
    for number in range(120):
        elsewhere = "other" if number % 40 == 0 else "demo"
        kept.save(finding(f"f{number:015d}", f"{elsewhere}/mlp.{number % 4}/1", subject=elsewhere))
    first = kept.newest(2)
    assert [f.finding.id[-3:] for f in first] == ["119", "118"]
    assert [f.finding.id[-3:] for f in kept.newest(2, before=first[-1].number)] == [
        "117",
        "116",
    ]
    assert [f.finding.id[-3:] for f in kept.newest(9, subject="other")] == ["080", "040", "000"]
    assert len(kept.newest(500, site="mlp.3")) == 30
    assert kept.newest(site="mlp.9") == kept.newest(method="mask") == kept.newest(0) == []


def test_no_finding_is_read_that_is_not_listed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        store.findings.save(finding(f"f{number:015d}", f"demo/mlp.{number % 3}/1"))
    read: list[object] = []
    validate = Finding.model_validate
    monkeypatch.setattr(Finding, "model_validate", lambda d: read.append(d) or validate(d))
    assert [f.finding.id[-1] for f in store.findings.newest(2, site="mlp.0")] == ["6", "3"]
    assert len(read) == 2


def test_findings_of_an_older_store_are_listed_by_site(fresh_url: str) -> None:
    with store_of_version(fresh_url, "0012") as old, old.engine.begin() as connection:
        made = finding()
        values = {"id": made.id, "method": "probe", "subject": "demo", "created": "2025-01-31"}
        document = made.model_dump(mode="json")
        connection.execute(insert(findings).values(values | {"document": document}))
    with open_store(fresh_url) as now:
        assert [f.finding for f in now.findings.newest(site="mlp.1")] == [made]
        assert now.findings.newest(site="mlp.0") == []


def test_a_line_says_how_many_units_there_are_of_each_site(store: Store) -> None:
    store.findings.save(finding())
    line = FindingLine.of(store.findings.stored(finding().id))
    assert line.sites == {"mlp.2": 2, "mlp.1": 1}
    assert (line.question, line.figures["accuracy"]) == ("is the subject plural?", 0.93)


def test_units_are_told_by_site_in_their_order() -> None:
    assert [str(f.unit) for f in finding().on("mlp.2")] == ["demo/mlp.2/7", "demo/mlp.2/3"]
    assert finding().on("mlp.0") == ()


@pytest.mark.parametrize("units", [("demo/mlp.2/7", "demo/mlp.2/7"), ("other/mlp.2/7",)])
def test_a_finding_names_units_of_one_subject_once(units: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        finding("f" * 16, *units)
