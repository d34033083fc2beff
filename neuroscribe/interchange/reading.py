"""Foreign files as records of units, one at a time; what cannot be read is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from neuroscribe.interchange import neuron_explainer, neuronpedia, streams
from neuroscribe.interchange.foreign import Unreadable, without_newer
from neuroscribe.interchange.records import Format, ReadUnit, Skipped
from neuroscribe.interchange.text import EXTENSION, parsed

SHOWN = 200
_READERS = {"neuron-explainer": neuron_explainer, "neuronpedia": neuronpedia}


def read(path: Path, format: Format | None = None) -> Iterator[ReadUnit | Skipped]:
    """The records of a file or folder; without ``format`` each tells its own.

    Raises :class:`core.errors.ForeignNotFound`, or :class:`core.errors.ForeignDamaged` for a file
    that cannot be read to its end.
    """
    for file in streams.files_under(path):
        name, empty = str(file), True
        for line, data in streams.texts(file):
            empty = False
            yield from _records(name, line, data, format)
        if empty:
            yield Skipped(file=name, line=0, reason="the file is empty")


def _records(
    file: str, line: int, data: bytes | None, format: Format | None
) -> Iterator[ReadUnit | Skipped]:
    if data is None:
        reason = f"the record is longer than {streams.LONGEST >> 20} MiB"
        yield Skipped(file=file, line=line, reason=reason)
        return
    try:
        value, missing = parsed(data.decode("utf-8-sig").rstrip())
    except UnicodeDecodeError as error:
        yield Skipped(file=file, line=line, reason=f"not UTF-8 text: {error.reason}")
        return
    except JSONDecodeError as error:
        line, reason = line + error.lineno - 1, f"not JSON: {error.msg} at column {error.colno}"
        yield Skipped(file=file, line=line, reason=reason)
        return
    except ValueError as error:
        yield Skipped(file=file, line=line, reason=f"not JSON: {error}")
        return
    if not isinstance(value, list):
        yield _record(file, line, value, missing, format)
        return
    for number, item in enumerate(value):
        start = f"[{number}]."
        below = [path.removeprefix(start) for path in missing if path.startswith(start)]
        yield _record(file, line, item, below, format)


def _record(
    file: str, line: int, value: Any, missing: list[str], format: Format | None
) -> ReadUnit | Skipped:
    found = _format_of(value)
    if found is None or (format is not None and found != format):
        wanted = format or "neuron-explainer or Neuronpedia"
        return Skipped(file=file, line=line, reason=f"no {wanted} record: {_seen(value)}")
    reader = _READERS[found]
    value, newer = without_newer(value)
    try:
        unit: ReadUnit = reader.read(value, missing, file, line)
    except Unreadable as error:
        unit_name = reader.unit_name(value)
        return Skipped(
            file=file, line=line, reason=_short(str(error)), unit=unit_name and _short(unit_name)
        )
    if newer:
        note = f"{EXTENSION} is of an unknown version: read without it"
        unit = unit.model_copy(update={"notes": (*unit.notes, note)})
    return unit


def _format_of(value: Any) -> Format | None:
    if not isinstance(value, dict):
        return None
    if neuron_explainer.belongs(value):
        return "neuron-explainer"
    return "neuronpedia" if neuronpedia.belongs(value) else None


def _seen(value: Any) -> str:
    if not isinstance(value, dict):
        return f"it is a {type(value).__name__}, not an object"
    names = ", ".join(map(repr, list(value)[:4]))
    return f"its fields are {_short(names)}" if names else "it has no fields"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
