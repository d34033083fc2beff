"""Which units of a site a sweep is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InvalidSetting, MisuseError, UnitOutOfRange
from core.hashing import text_hash
from core.ids import UnitId
from neuroscribe.sweeps.request import SweepRequest

_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Units in order of their numbers; ``dead`` counts those left out because they never fire.

    Both ``live`` and ``dead`` are None before activations were collected.
    """

    units: tuple[UnitId, ...]
    width: int
    live: int | None = None
    dead: int | None = None


def numbers(text: str) -> list[int]:
    """``0-99,120,7`` as numbers, ascending, each once; :class:`InvalidSetting` for anything else.

    Ranges include both ends.
    """
    return _spread(_parts(text))


def _parts(text: str) -> list[range]:
    """What is named, part by part, however many numbers that are."""
    found = []
    for part in text.split(","):
        said = _PART.fullmatch(part.strip())
        first, last = (int(said[1]), int(said[2] or said[1])) if said else (1, 0)
        if first > last:
            raise InvalidSetting(
                f"--units {part.strip()!r} is no unit number and no range of them",
                "write them like 0-99,120,7",
            )
        found.append(range(first, last + 1))
    return found


def _spread(parts: Sequence[range]) -> list[int]:
    return [number for part in _joined(parts) for number in part]


def _joined(parts: Sequence[range]) -> list[range]:
    """The same numbers in order, each once, by as few ranges as will do."""
    found: list[range] = []
    for part in sorted(parts, key=lambda p: (p.start, p.stop)):
        if found and part.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, part.stop))
        else:
            found.append(part)
    return found


def named(request: SweepRequest, width: int) -> list[int] | None:
    """The numbers that were asked for by name, None if none were.

    Raises :class:`UnitOutOfRange` for those that the site does not have.
    """
    if request.units is None:
        return None
    parts = _parts(request.units)
    # Before they are spread: a few words may name more numbers than fit into the memory.
    if unknown := [range(max(p.start, width), p.stop) for p in parts if p.stop > width]:
        raise UnitOutOfRange(
            f"site {request.site_name!r} has no units {_ranges(unknown)}",
            f"it has {width}: 0 to {width - 1}",
        )
    return _spread(parts)


def choose(request: SweepRequest, width: int, live: Sequence[int] | None) -> Chosen:
    """The units of a request; ``live`` None: not known yet, so that all may be.

    A sample is drawn by a hash of the seed, so it is the same wherever it is drawn. Raises
    :class:`MisuseError` when there is none, :class:`InvalidSetting` for a sample of named units.
    """
    asked = named(request, width)
    dead = None if live is None else width - len(live)
    if asked is not None:
        if request.sample is not None:
            raise InvalidSetting("--units and --sample exclude each other", "give one of them")
        return Chosen(_units(request, asked), width, None if live is None else len(live), 0)
    pool = list(range(width)) if live is None else [int(n) for n in live]
    if not pool:
        raise MisuseError(
            f"site {request.site_name!r} has no live unit on this corpus", "take more text"
        )
    if request.sample is not None:
        seed = str(request.seed)
        pool.sort(key=lambda n: text_hash("neuroscribe/sweep/1", request.site, seed, str(n)))
        pool = sorted(pool[: request.sample])
    return Chosen(_units(request, pool), width, None if live is None else len(live), dead)


def _units(request: SweepRequest, found: Sequence[int]) -> tuple[UnitId, ...]:
    return tuple(UnitId(request.subject, request.site, int(n)) for n in found)


def _ranges(found: Sequence[range], most: int = 10) -> str:
    """``768, 900-999``, cut off after ``most`` of them."""
    told = [str(p.start) if len(p) == 1 else f"{p.start}-{p.stop - 1}" for p in _joined(found)]
    return ", ".join(told[:most]) + (", ..." if len(told) > most else "")
