"""The scorers: each says of a case how good its prediction is, in one measure and several modes.

:mod:`interface` is what they share. ``simulation`` and ``explained_variance`` compare every token,
``detection`` whole windows, ``fuzzing`` the place inside a window, ``intruder`` finds the window
that does not belong. ``docs/scoring.md`` says what each can see and what it is blind to.
"""

from scoring.scorers.detection import Detection
from scoring.scorers.explained_variance import ExplainedVariance
from scoring.scorers.fuzzing import Fuzzing
from scoring.scorers.interface import TokenScorer
from scoring.scorers.intruder import Intruder
from scoring.scorers.simulation import SimulationCorrelation

__all__ = [
    "Detection",
    "ExplainedVariance",
    "Fuzzing",
    "Intruder",
    "SimulationCorrelation",
    "TokenScorer",
    "offline_scorers",
]


def offline_scorers() -> list[TokenScorer]:
    """Every scorer that needs a simulation and nothing else."""
    return [
        SimulationCorrelation(),
        ExplainedVariance("none"),
        ExplainedVariance("linear"),
        ExplainedVariance("percentile", modes=("corpus",)),
        Detection("auroc"),
        Detection("balanced_accuracy"),
        Fuzzing("auroc"),
        Fuzzing("balanced_accuracy"),
        Intruder(),
    ]
