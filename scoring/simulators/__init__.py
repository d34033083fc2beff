"""From an explanation and tokens to predicted activations; :class:`Simulator` is the interface."""

from scoring.simulators.interface import Simulator
from scoring.simulators.pattern import PatternSimulator

__all__ = ["PatternSimulator", "Simulator"]
