"""Values that fit a JSON schema, and what a provider finds wrong with a strict one."""

from __future__ import annotations

from typing import Any

MISFIT = {"unexpected": [1, "two", None]}
"""A value that fits no strict schema of an object."""


def example_of(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The first value that comes to mind of those that fit ``schema``."""
    root = root or schema
    if "$ref" in schema:
        return example_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: example_of(field, root) for name, field in fields.items()}
    if kind == "array":
        return [example_of(schema.get("items", {}), root)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"string": "text", "boolean": True, "null": None}[kind]


def strict_fault(schema: Any, path: tuple[str, ...] = ()) -> str | None:
    """What keeps ``schema`` from being a strict one, or None."""
    if isinstance(schema, list):
        found = (strict_fault(item, (*path, str(n))) for n, item in enumerate(schema))
        return next((fault for fault in found if fault), None)
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"In context={path}, 'additionalProperties' must be supplied and be false."
        missing = set(schema.get("properties", {})) - set(schema.get("required", ()))
        if missing:
            return f"In context={path}, 'required' must include every key; missing {missing}."
    found = (strict_fault(value, (*path, key)) for key, value in schema.items())
    return next((fault for fault in found if fault), None)
