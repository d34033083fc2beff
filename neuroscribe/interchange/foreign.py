"""What the shapes of both foreign formats share: unknown fields are kept aside, NaN is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuroscribe.interchange.text import EXTENSION, VERSION, path_of

Shape = TypeVar("Shape", bound="Foreign")


class Foreign(BaseModel):
    """Base of every foreign object: immutable; what it does not know is kept, not refused."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Unreadable(ValueError):
    """A record that cannot be read; the message names the field."""


def read_as(shape: type[Shape], value: dict[str, Any], missing: Sequence[str]) -> Shape:
    """``value`` as ``shape``; :class:`Unreadable` names the first field that is wrong.

    ``missing`` are the paths of numbers that were NaN or infinite.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        path = path_of(first["loc"])
        if path in missing:
            raise Unreadable(f"{path} is NaN or infinite") from None
        what = first["msg"].removeprefix("Value error, ")
        raise Unreadable(f"{path}: {what}" if path else what) from None


def without_newer(value: Any) -> tuple[Any, bool]:
    """``value`` without extensions of a version that is not known; whether there was one."""
    if isinstance(value, list):
        parts = [without_newer(item) for item in value]
        return [part for part, _ in parts], any(newer for _, newer in parts)
    if not isinstance(value, dict):
        return value, False
    found = value.get(EXTENSION)
    newer = found is not None and not (isinstance(found, dict) and found.get("version") == VERSION)
    rest = {k: without_newer(v) for k, v in value.items() if not (newer and k == EXTENSION)}
    return {k: v for k, (v, _) in rest.items()}, newer or any(n for _, n in rest.values())


def unknown_fields(value: Any) -> Iterator[str]:
    """The names of fields that no shape knows, of ``value`` and of what it holds."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from unknown_fields(item)
    elif isinstance(value, Foreign):
        yield from (f"{type(value).__name__}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name))
