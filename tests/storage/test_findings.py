"""Findings are written once and given back as they were."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.errors import NotStored, StorageError
from core.findings import Finding, FoundUnit
from core.ids import UnitId
from storage import Store


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
    assert [f.id for f in store.findings.newest()] == ["g" * 16, made.id]
    with pytest.raises(NotStored):
        store.findings.get("none")
    with pytest.raises(StorageError):
        store.findings.save(made)


def test_units_are_told_by_site_in_their_order() -> None:
    assert [str(f.unit) for f in finding().on("mlp.2")] == ["demo/mlp.2/7", "demo/mlp.2/3"]
    assert finding().on("mlp.0") == ()


@pytest.mark.parametrize("units", [("demo/mlp.2/7", "demo/mlp.2/7"), ("other/mlp.2/7",)])
def test_a_finding_names_units_of_one_subject_once(units: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        finding("f" * 16, *units)
