"""The committed OpenAPI document is the real one, and every route documents its problems."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.write_openapi import PATH, document

FOUND: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
OPERATIONS = [
    (path, method, operation)
    for path, methods in FOUND["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_document_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run python -m scripts.write_openapi"


@pytest.mark.parametrize(
    ("path", "operation"),
    [(p, o) for p, _, o in OPERATIONS if p != "/healthz"],
    ids=[f"{m} {p}" for p, m, _ in OPERATIONS if p != "/healthz"],
)
def test_a_route_says_what_it_may_refuse(path: str, operation: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in ("401", "403", "422", "429", "500"):
        assert operation["responses"][status]["content"] == {
            "application/problem+json": {"schema": problem}
        }
    assert operation["description"]


def test_names_of_operations_are_plain_and_there_is_one_kind_of_error() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    schemas = FOUND["components"]["schemas"]
    assert "HTTPValidationError" not in json.dumps(FOUND)
    assert set(schemas["Problem"]["required"]) >= {"type", "title", "status", "code", "detail"}


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return here.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    schemas = {f"#/components/schemas/{name}" for name in FOUND["components"]["schemas"]}
    assert references(FOUND) <= schemas
