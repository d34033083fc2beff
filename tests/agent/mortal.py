"""Investigations that are counted, and that are killed at a step of one's choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.experiments import Experiment, Laboratory
from agent.explainers.pattern import PatternExplainer
from agent.explainers.proposal import Candidate, Proposed, Session
from agent.graph import Bench, State
from agent.investigate import Work
from agent.notes import MemoryNotes
from agent.setup import Investigation
from core.evidence import SplitEvidence


@dataclass
class Counted:
    """The pattern explainer; ``asked`` counts what its sessions were asked, on every side."""

    asked: Counter[str] = field(default_factory=Counter)
    explainer: PatternExplainer = field(default_factory=PatternExplainer)
    name: str = "pattern"

    def begin(
        self,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
    ) -> CountedSession:
        return CountedSession(self.asked, self.explainer.begin(explain, select, laboratory, seed))


@dataclass
class CountedSession:
    asked: Counter[str]
    session: Session

    async def propose(self) -> Proposed:
        self.asked["propose"] += 1
        return await self.session.propose()

    async def design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        self.asked["design"] += 1
        return await self.session.design(ranked, done, runs)

    async def revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        self.asked["revise"] += 1
        return await self.session.revise(ranked, done)

    async def resample(self, runs: int, rounds: int) -> Proposed:
        self.asked["resample"] += 1
        return await self.session.resample(runs, rounds)

    async def divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        self.asked["divide"] += 1
        return await self.session.divide(best, done)

    async def paraphrase(self, best: Candidate) -> Candidate | None:
        self.asked["paraphrase"] += 1
        return await self.session.paraphrase(best)


class Killed(Exception):
    """The process ended here."""


@dataclass
class Mortal(Bench):
    """Is killed at the beginning of step ``dies_before`` (from 0)."""

    dies_before: int = -1
    begun: int = 0

    def _begin(self) -> None:
        self.begun += 1
        if self.begun - 1 == self.dies_before:
            raise Killed

    async def work(self, state: State) -> Work:
        self._begin()
        return await super().work(state)

    async def publish(self, state: State, told: Any = None) -> Investigation:
        self._begin()
        return await super().publish(state, told)


@dataclass
class Fragile(MemoryNotes):
    """Notes of a process that is killed right after it has written for the ``dies_after`` time.

    The checkpoint of that step is never written.
    """

    dies_after: int = -1
    written: int = 0

    async def put(self, values: dict[str, Any]) -> None:
        await super().put(values)
        self.written += 1
        if self.written == self.dies_after:
            raise Killed
