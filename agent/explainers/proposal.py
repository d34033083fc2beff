"""What every explainer does, and what it comes back with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.experiments import Experiment, Laboratory
from core.evidence import SplitEvidence
from core.results import Finite, Record, Verdict

Parameter = str | int | float | bool | None


class Meaning(Record):
    """One reading of a sentence; ``share`` is its part of the activation, where it is known."""

    text: str
    symbols: int
    share: Finite | None = None


class Candidate(Record):
    """A sentence worth scoring. ``meanings`` are its separate readings, if it has several.

    ``symbols`` is its length as the token-list baseline counts it. ``handicap`` is what it must
    predict better than others to be chosen (a share of variance): the price of its length, and of
    saying what an experiment spoke against. ``origin`` says which step wrote it. ``fit`` is how
    well it predicts ``select`` (mean ρ² over the modes); None until it was tried there.
    """

    text: str
    symbols: int
    meanings: tuple[Meaning, ...] = ()
    handicap: Finite = 0.0
    origin: str = "proposed"
    fit: Finite | None = None

    @property
    def merit(self) -> float:
        """What hypotheses are ranked by; -inf where nothing could be simulated."""
        return -math.inf if self.fit is None else self.fit - self.handicap


@dataclass(frozen=True, slots=True)
class Proposed:
    """All that an explainer found. Without candidates, ``verdict`` and ``reason`` say why.

    ``parameters`` enter the provenance of what is published.
    """

    candidates: tuple[Candidate, ...] = ()
    verdict: Verdict = "abstained"
    reason: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)


class Session(Protocol):
    """One side of one unit, as its explainer works on it."""

    async def propose(self) -> Proposed:
        """Hypotheses from the excerpts alone, the most promising first, or why there are none."""
        ...

    async def design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        """Experiments on the best of ``ranked``, of at most about ``runs`` texts; not run yet.

        ``done`` are those of earlier rounds. Nothing when there is nothing left to ask.
        """
        ...

    async def revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        """Hypotheses in the light of experiments; none when they change nothing."""
        ...

    async def resample(self, runs: int, rounds: int) -> Proposed:
        """Hypotheses from ``runs`` more texts and the calls of ``rounds``, but no experiment."""
        ...

    async def divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        """Sentences with several meanings, each written from some of the excerpts; or none.

        ``done`` are all experiments that were made.
        """
        ...

    async def paraphrase(self, best: Candidate) -> Candidate | None:
        """The same said in other words, by somebody who saw nothing but the sentence."""
        ...


class Explainer(Protocol):
    """Writes sentences from ``explain``; may compare them on ``select``; never sees ``report``."""

    @property
    def name(self) -> str:
        """Stored with every explanation."""
        ...

    def begin(
        self,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
    ) -> Session:
        """Start on one side of one unit; ``laboratory`` None: the subject cannot be asked."""
        ...
