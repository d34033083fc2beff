"""Figures of a finding as they are read: a value with its interval, its null and its baselines.

A method names its figures; nothing here knows any method. ``x_low`` and ``x_high`` are the interval
of ``x``; ``random_x``, ``token_control_x`` are what it is held against; ``null_p95``, ``null_p``
are the null of the first figure that has an interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.pages import figures

NULL: Final = "null_"
WARNINGS: Final = ("warnings", "warning")
_ENDS = ("_low", "_high")
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True)
class Joined:
    """A figure in words, and what stands beside it."""

    name: str
    value: str
    beside: list[tuple[str, str]] = field(default_factory=list)

    @property
    def long(self) -> bool:
        """Whether it is a sentence rather than a figure."""
        return len(self.value) > _LONGEST


def joined(found: Mapping[str, Any]) -> list[Joined]:
    """All figures in their order, those that belong to another one beside it; no warnings."""
    left = [n for n in found if n not in WARNINGS and not _is_end(n, found)]
    main = _main(left, found)
    owners = {name: owner for name in left if (owner := _owner(name, main)) is not None}
    return [
        Joined(
            words(name),
            with_interval(name, found),
            [
                (_beside(other, owner), with_interval(other, found))
                for other, owner in owners.items()
                if owner == name
            ],
        )
        for name in left
        if name not in owners
    ]


def columns(of_units: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the figures that any unit has, ends of intervals left out."""
    every = dict.fromkeys(name for found in of_units for name in found)
    return [name for name in every if not _is_end(name, every)]


def with_interval(name: str, found: Mapping[str, Any]) -> str:
    """``0.912 [0.89, 0.93]``; only the value where no interval is named."""
    value = said(found.get(name))
    if found.get(name) is None or not _ends(name) <= found.keys():
        return value
    ends = [found[name + end] for end in _ENDS]
    return f"{value} (no interval)" if None in ends else f"{value} [{', '.join(map(said, ends))}]"


def warnings(*given: Mapping[str, Any]) -> list[str]:
    """What figures or parameters warn of, each once."""
    found: list[str] = []
    for values in given:
        for name in WARNINGS:
            value = values.get(name)
            found += [str(one) for one in (value if isinstance(value, list) else [value]) if one]
    return list(dict.fromkeys(found))


def words(name: str) -> str:
    """A name of a figure as it is read."""
    return name.replace("_", " ")


def said(value: Any) -> str:
    """A figure or parameter: numbers in four digits, what is missing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figures.number(value)
    if isinstance(value, list):
        return ", ".join(map(said, value))
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {said(one)}" for name, one in value.items())
    return str(value)


def _ends(name: str) -> set[str]:
    return {name + end for end in _ENDS}


def _is_end(name: str, found: Mapping[str, Any]) -> bool:
    """Whether it is an end of the interval of a figure that is there, both ends being named."""
    for end in _ENDS:
        whole = name.removesuffix(end)
        if whole != name and {whole, *_ends(whole)} <= found.keys():
            return True
    return False


def _main(names: Sequence[str], found: Mapping[str, Any]) -> list[str]:
    """Figures with an interval that are neither a null nor another one's baseline."""
    measured = [n for n in names if _ends(n) <= found.keys() and not n.startswith(NULL)]
    return [n for n in measured if not any(n.endswith(f"_{other}") for other in measured)]


def _owner(name: str, main: Sequence[str]) -> str | None:
    """The figure that ``name`` is the null or a baseline of."""
    if name.startswith(NULL):
        return main[0] if main else None
    return next((one for one in main if name.endswith(f"_{one}")), None)


def _beside(name: str, owner: str) -> str:
    """``random_f1`` beside ``f1`` is ``random``."""
    return words(name.removesuffix(f"_{owner}"))
