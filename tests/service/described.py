"""Requests as the OpenAPI document describes them, so that a new route is tested by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from asgi_client import Answer, Client

from scripts.write_openapi import PATH

FOUND: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without a reference at its top, and without the choice of null."""
    if "$ref" in schema:
        found: dict[str, Any] = FOUND["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return resolved(choice)
    return schema


def example(schema: dict[str, Any]) -> Any:
    """The smallest value that a schema lets through; nothing is waited for."""
    schema = resolved(schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            named, needed = schema.get("properties", {}), (*schema.get("required", ()), "wait")
            return {name: example(named[name]) for name in needed if name in named}
        case "array":
            return [example(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "a" * max(1, schema.get("minLength", 0))


@dataclass(frozen=True)
class Operation:
    """A route with one method."""

    method: str
    path: str
    described: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and schemas of what stands in the ``path``, the ``query`` or a ``header``."""
        for one in self.described.get("parameters", ()):
            if one["in"] == where:
                yield one["name"], one["schema"]

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of the body; None where there is none to send."""
        sent = self.described.get("requestBody")
        return None if sent is None else resolved(sent["content"]["application/json"]["schema"])

    @property
    def needs_body(self) -> bool:
        return bool(self.described.get("requestBody", {}).get("required"))

    def place(self, **changed: str) -> str:
        """The path with examples in it, or what is given; percent-encoded."""
        path = self.path
        for name, schema in self.parameters("path"):
            path = path.replace(f"{{{name}}}", changed.get(name, quote(str(example(schema)))))
        return path

    def ask(
        self,
        client: Client,
        *,
        place: str | None = None,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Send it, as described where nothing else is given."""
        path = self.place() if place is None else place
        needed = {
            one["name"]: str(example(one["schema"]))
            for one in self.described.get("parameters", ())
            if one["in"] == "query" and one.get("required")
        }
        if asked := needed | (query or {}):
            path += "?" + urlencode(asked, errors="surrogateescape")
        if body is None and self.needs_body:
            assert self.body is not None
            body = json.dumps(example(self.body)).encode()
        if body is not None:
            headers = {"content_type": "application/json", **headers}
        return client.ask(self.method, path, body or b"", **headers)


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, methods in FOUND["paths"].items()
    for method, described in methods.items()
]
ASKED = [o for o in OPERATIONS if o.path not in ("/healthz", "/metrics")]
"""Those that ask the desk."""
