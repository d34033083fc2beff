"""What a planted unit really does: its definition, and the form shown to readers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.patterns import Pattern, render
from core.results import Polarity, Verdict
from subjects.planted.noise import NoiseKind
from subjects.planted.rules import Rule


@dataclass(frozen=True, slots=True)
class Definition:
    """One unit, less its strength: at most one of ``pattern`` and ``rule`` makes its signal.

    ``noise`` is the standard deviation of added gaussian noise, as a share of the unit's strength.
    ``parts`` are the meanings of a unit that has several.
    """

    description: str
    pattern: Pattern | None = None
    rule: Rule | None = None
    noise: float = 0.0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One site: units of one kind.

    ``expected`` lists the verdicts that are right for its units, the best first; empty where any
    verdict may be right. ``noise_kinds`` fills a site that holds noise and nothing else. ``sign``
    is -1 where units go below zero on their pattern.
    """

    name: str
    summary: str
    units: tuple[Definition, ...]
    expected: tuple[Verdict, ...] = ("explained",)
    non_negative: bool = True
    sign: int = 1
    noise_kinds: tuple[NoiseKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """What a planted unit really does, as a reader or a test wants it.

    ``pattern`` is the sentence of the pattern language that says it exactly (None where the
    language cannot, ``expressible`` False). The unit's value is ``strength`` times the pattern's
    prediction over 10, times a factor within 1 ± ``jitter``, plus noise of standard deviation
    ``noise``; ``polarity`` negative turns the sign. ``expected`` are the verdicts that are right.
    """

    unit: str
    family: str
    description: str
    expressible: bool
    pattern: str | None
    polarity: Polarity
    parts: tuple[str, ...]
    strength: float
    jitter: float
    noise: float
    expected: tuple[Verdict, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return asdict(self) | {"parts": list(self.parts), "expected": list(self.expected)}

    @classmethod
    def of(
        cls, unit: str, family: Family, definition: Definition, strength: float, jitter: float
    ) -> Truth:
        """The truth of ``unit``, the ``definition`` of ``family`` at this strength."""
        pattern = definition.pattern
        return cls(
            unit=unit,
            family=family.name,
            description=definition.description,
            expressible=pattern is not None,
            pattern=None if pattern is None else render(pattern),
            polarity="negative" if family.sign < 0 else "positive",
            parts=definition.parts,
            strength=strength,
            jitter=jitter,
            noise=definition.noise * strength,
            expected=family.expected,
        )
