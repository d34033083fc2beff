"""Slow simulators are asked first, all excerpts at once; what they said is scored afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.evidence import ExcerptSet
from core.results import Simulation, Status
from scoring.simulators.interface import SlowSimulator


@dataclass(slots=True)
class Foreseen:
    """A simulator that repeats what a slow one said of excerpts, by split and window.

    Asked for an excerpt or a text that was not simulated, it raises KeyError.
    """

    name: str
    _rows: dict[tuple[str, str, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _states: dict[tuple[str, str], tuple[Status, str | None]] = field(default_factory=dict)

    def learn(self, explanation: str, excerpts: ExcerptSet, said: Simulation) -> None:
        """Keep a simulation of ``excerpts``."""
        self._states[explanation, excerpts.split] = (said.status, said.reason)
        for i, window in enumerate(excerpts.windows.tolist()):
            self._rows[explanation, excerpts.split, window] = (said.predicted[i], said.known[i])

    def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """What was said of these excerpts."""
        rows = [
            self._rows[explanation, excerpts.split, window] for window in excerpts.windows.tolist()
        ]
        shape = excerpts.token_ids.shape
        predicted = np.array([r[0] for r in rows], dtype=np.float64).reshape(shape)
        known = np.array([r[1] for r in rows], dtype=np.bool_).reshape(shape)
        status, reason = self._states[explanation, excerpts.split]
        if status == "partial" and known.all():
            status, reason = "ok", None
        return Simulation(predicted, known, status, reason)


async def foresee(
    simulator: SlowSimulator, explanations: Sequence[str], excerpts: Sequence[ExcerptSet]
) -> Foreseen:
    """Put every excerpt to the simulator, for every explanation in turn."""
    foreseen = Foreseen(simulator.name)
    for explanation in dict.fromkeys(explanations):
        for part in excerpts:
            if len(part):
                said = await simulator.simulate(explanation, part)
                foreseen.learn(explanation, part, said)
    return foreseen
