"""What every simulator does."""

from __future__ import annotations

from typing import Protocol

from core.evidence import ExcerptSet
from core.results import Simulation


class Simulator(Protocol):
    """Predicts a unit's activations from an explanation alone.

    It sees tokens, never activations. A token that it could not read is missing (``known`` False).
    """

    @property
    def name(self) -> str:
        """Stored with every score."""
        ...

    def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] on a 0-10 scale."""
        ...


class SlowSimulator(Protocol):
    """A simulator that has to wait for its answers; see :mod:`scoring.simulators.ahead`."""

    @property
    def name(self) -> str:
        """Stored with every score."""
        ...

    async def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] on a 0-10 scale.

        What went wrong with one request is missing in the result, with a status and a reason. A
        budget that is used up, a wrong key or an unknown model is raised.
        """
        ...
