"""The simulator of the pattern language: it evaluates the sentence, so nothing is left to judge."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from core.errors import PatternSyntaxError
from core.evidence import ExcerptSet
from core.patterns import TokenGrid, evaluate, parse
from core.results import Simulation

_GRIDS_KEPT = 4


class PatternSimulator:
    """Evaluates a sentence of the pattern language on each excerpt.

    A text that is no such sentence gives an all-missing simulation with status ``unparsed``: a
    failure, not a prediction of zero.
    """

    name = "pattern"

    def __init__(self) -> None:
        self._grids: OrderedDict[bytes, TokenGrid] = OrderedDict()

    def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """Predictions [excerpts, tokens] between 0 and 10."""
        shape = excerpts.token_ids.shape
        try:
            pattern = parse(explanation)
        except PatternSyntaxError as error:
            missing = np.zeros(shape, dtype=bool)
            return Simulation(np.zeros(shape), missing, "unparsed", str(error))
        grid = self._grid(excerpts)
        return Simulation(evaluate(pattern, grid), np.ones(shape, dtype=bool))

    def _grid(self, excerpts: ExcerptSet) -> TokenGrid:
        key = excerpts.token_ids.tobytes()
        if key not in self._grids:
            self._grids[key] = TokenGrid.from_tokens(list(excerpts.tokens))
            while len(self._grids) > _GRIDS_KEPT:
                self._grids.popitem(last=False)
        self._grids.move_to_end(key)
        return self._grids[key]
