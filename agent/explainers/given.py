"""An explanation that a person wrote: nothing is searched, it is only scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.experiments import Experiment, Laboratory
from agent.explainers.proposal import Candidate, Proposed
from core.errors import PatternSyntaxError
from core.evidence import SplitEvidence
from core.patterns import parse


@dataclass(frozen=True, slots=True)
class GivenExplainer:
    """Comes back with ``text``. Its length is counted in symbols or, if it is prose, in words."""

    text: str

    name = "given"

    def begin(
        self,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
    ) -> GivenExplainer:
        """There is nothing to prepare."""
        return self

    async def propose(self) -> Proposed:
        """The text itself."""
        try:
            symbols = parse(self.text).symbols
        except PatternSyntaxError:
            symbols = len(self.text.split())
        return Proposed((Candidate(text=self.text, symbols=symbols, origin="given"),))

    async def design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        """None: it is scored as it stands."""
        return ()

    async def revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        """Nothing is changed."""
        return Proposed()

    async def resample(self, runs: int, rounds: int) -> Proposed:
        """Nothing is added."""
        return Proposed()

    async def divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        """Nothing is taken apart."""
        return Proposed()

    async def paraphrase(self, best: Candidate) -> Candidate | None:
        """Its author's words stand."""
        return None
