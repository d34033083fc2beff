"""What every explainer does, and what it comes back with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from agent.experiments import Experiment, Probe
from core.evidence import SplitEvidence
from core.results import Verdict

Parameter = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One reading of a sentence; ``share`` is its part of the activation, where it is known."""

    text: str
    symbols: int
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence worth scoring. ``meanings`` are its separate readings, if it has several.

    ``symbols`` is its length as the token-list baseline counts it.
    """

    text: str
    symbols: int
    meanings: tuple[Meaning, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """All that an explainer found. Without candidates, ``verdict`` and ``reason`` say why.

    ``parameters`` enter the provenance of what is published.
    """

    candidates: tuple[Candidate, ...] = ()
    verdict: Verdict = "abstained"
    reason: str = ""
    experiments: tuple[Experiment, ...] = ()
    parameters: dict[str, Parameter] = field(default_factory=dict)


class Explainer(Protocol):
    """Writes sentences from ``explain``; may compare them on ``select``; never sees ``report``."""

    @property
    def name(self) -> str:
        """Stored with every explanation."""
        ...

    async def explain(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int
    ) -> Proposed:
        """Candidates for one unit, or why there are none."""
        ...
