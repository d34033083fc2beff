"""From an explanation and tokens to predicted activations; :class:`Simulator` is the interface.

:mod:`pattern` evaluates sentences of the pattern language. The others ask a language model:
:mod:`all_at_once` once a sequence, :mod:`token_by_token` once a token, :mod:`indexed` once for
several sequences; each declares what its model must be able to do.
"""

from scoring.simulators.ahead import Foreseen, foresee
from scoring.simulators.interface import Simulator, SlowSimulator
from scoring.simulators.pattern import PatternSimulator

__all__ = ["Foreseen", "PatternSimulator", "Simulator", "SlowSimulator", "foresee"]
