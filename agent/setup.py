"""What an investigation is given, and what it comes back with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.experiments import Experiment, Laboratory
from agent.explainers.output import Pushes
from agent.explainers.proposal import Explainer
from agent.offload import Offload, inline
from core.evidence import ExcerptSet
from core.ids import UnitId
from core.results import Arm, ArmName, Explanation, Provenance, Score, Step, Verdict
from scoring.raters import Rater
from scoring.scorers import TokenScorer, offline_scorers
from scoring.scorers.ablation import Effects
from scoring.simulators import PatternSimulator, Simulator, SlowSimulator

Oracle = Callable[[ExcerptSet], NDArray[np.float64]]

ROUNDS = 2
RUNS = 600
FIRST = 0.75


@dataclass(frozen=True, slots=True)
class Setup:
    """Who explains, who simulates, and what may be asked of the subject.

    ``laboratory`` runs text on the unit (None: one-shot, explanations are written from excerpts
    alone), in at most ``rounds`` rounds of experiments of together about ``runs`` texts a side.
    ``arms`` are other ways to an explanation that are scored beside the one that is published.
    ``oracle`` gives the true signal where it is known. A simulator that costs money sees at most
    ``scored`` windows of each kind, and so do ``raters``, which are asked about published
    explanations only and change no verdict. ``effects`` edits the unit for the ablation score,
    ``outputs`` pushes it to find what it promotes; None: not asked for. ``provenance`` is needed to
    publish, not to search. ``offload`` does what keeps a processor busy.
    """

    explainer: Explainer
    provenance: Provenance | None = None
    simulator: Simulator | SlowSimulator = field(default_factory=PatternSimulator)
    laboratory: Laboratory | None = None
    rounds: int = ROUNDS
    runs: int = RUNS
    arms: Sequence[ArmName] = ()
    oracle: Oracle | None = None
    seed: int = 0
    scored: int = 10
    scorers: Sequence[TokenScorer] = field(default_factory=offline_scorers)
    raters: Sequence[Rater] = ()
    effects: Effects | None = None
    outputs: Pushes | None = None
    offload: Offload = inline

    def runs_in(self, round: int) -> int:
        """About how many texts round ``round`` (from 1) may run: most of all in the first.

        A round that changes nothing is the last, so what the first does not ask is often not asked.
        """
        if self.rounds <= 1:
            return self.runs
        first = int(self.runs * FIRST)
        return first if round == 1 else (self.runs - first) // (self.rounds - 1)


@dataclass(frozen=True, slots=True)
class Investigation:
    """All that came out of asking about one unit; what failed is in it, with its reason."""

    unit: UnitId
    verdict: Verdict
    reason: str
    explanations: tuple[Explanation, ...] = ()
    scores: tuple[Score, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    openings: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = ()
    steps: tuple[Step, ...] = ()
    simulated: Simulator | None = None
