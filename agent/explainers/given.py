"""An explanation that a person wrote: nothing is searched, it is only scored."""

from __future__ import annotations

from dataclasses import dataclass

from agent.experiments import Probe
from agent.explainers.proposal import Candidate, Proposed
from core.errors import PatternSyntaxError
from core.evidence import SplitEvidence
from core.patterns import parse


@dataclass(frozen=True, slots=True)
class GivenExplainer:
    """Comes back with ``text``. Its length is counted in symbols or, if it is prose, in words."""

    text: str

    name = "given"

    async def explain(
        self, explain: SplitEvidence, select: SplitEvidence, probe: Probe | None, seed: int
    ) -> Proposed:
        """The text itself."""
        try:
            symbols = parse(self.text).symbols
        except PatternSyntaxError:
            symbols = len(self.text.split())
        return Proposed((Candidate(self.text, symbols),))
