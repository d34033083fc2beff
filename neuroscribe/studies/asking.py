"""Who explains and simulates in a study: without a language model, or with those that are named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from core.evidence import ExcerptSet, SplitEvidence
from core.ids import UnitId
from core.results import ArmName, Polarity
from scoring.simulators import PatternSimulator, Simulator, SlowSimulator, foresee

if TYPE_CHECKING:
    from agent.experiments import Laboratory
    from agent.explainers.proposal import Explainer
    from agent.setup import Setup
    from neuroscribe.models import ModelChoice, Spending
    from neuroscribe.workspace import Workspace

NONE = "none"


@dataclass(frozen=True, slots=True)
class Asking:
    """Simulates and, where ``explainer`` is given, explains; ``windows`` of each kind are asked.

    ``windows`` None: all of them, because nothing is paid.
    """

    runner: asyncio.Runner
    simulator: Simulator | SlowSimulator
    explainer: Explainer | None
    windows: int | None

    @property
    def offline(self) -> bool:
        """Whether sentences are read by the pattern language."""
        return isinstance(self.simulator, PatternSimulator)

    def thinned(self, split: SplitEvidence) -> SplitEvidence:
        """As much of a split as is simulated."""
        return split if self.windows is None else split.thinned(self.windows)

    def ready(self, texts: Sequence[str], pools: Sequence[ExcerptSet]) -> Simulator:
        """A simulator that answers for these texts and excerpts."""
        if isinstance(self.simulator, PatternSimulator):
            return self.simulator
        return self.runner.run(foresee(cast(SlowSimulator, self.simulator), texts, pools))

    def setup(
        self, laboratory: Laboratory | None, seed: int, arms: Sequence[ArmName] = ()
    ) -> Setup:
        """What an investigation is given; ValueError where nobody explains."""
        from agent.setup import Setup

        if self.explainer is None:
            raise ValueError("nobody explains in this study")
        return Setup(
            self.explainer,
            simulator=self.simulator,
            laboratory=laboratory,
            arms=arms,
            seed=seed,
            scored=self.windows or 0,
        )

    def explained(
        self,
        unit: UnitId,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
        polarity: Polarity = "positive",
    ) -> tuple[str, int] | None:
        """What an investigation comes to, with its length; None where it says nothing.

        The splits hold the ``polarity`` side of the unit, turned to be positive.
        """
        from agent.investigate import Side, side_of

        if self.explainer is None:
            return None
        setup = self.setup(laboratory, seed)
        best = self.runner.run(side_of(Side(unit, polarity, setup, explain, select))).best
        return None if best is None else (best.text, best.symbols)


@contextmanager
def asking(
    workspace: Workspace, models: ModelChoice, spending: Spending, run: str
) -> Iterator[Asking]:
    """Open what ``models`` names (``explainer`` "none": nobody explains); closed in the end.

    Raises what :meth:`ModelChoice.check` does, before anything is sent.
    """
    from agent.explainers.pattern import PatternExplainer
    from neuroscribe.models import PATTERN, ModelChoice, voices

    explains = models.explainer not in (NONE, PATTERN)
    named = models.explainer if explains else PATTERN
    choice = ModelChoice(
        named, models.simulates if models.simulates != NONE else PATTERN, models.strategy,
        models.candidates, models.scored,
    )  # fmt: skip
    choice.check(workspace.settings)
    offline: Explainer | None = None if explains else PatternExplainer()
    with asyncio.Runner() as runner, workspace.store() as store:
        opening = voices(choice, offline, store, workspace.settings, spending, run=run, reuse=True)
        opened = runner.run(opening.__aenter__())
        try:
            free = isinstance(opened.simulator, PatternSimulator)
            yield Asking(
                runner,
                opened.simulator,
                None if models.explainer == NONE else opened.explainer,
                None if free else models.scored,
            )
        finally:
            runner.run(opening.__aexit__(None, None, None))
