"""Units without a subject: every step waits for a language model, and what it writes is made up.

A unit goes through :data:`STEPS` steps of the graph that investigates real ones, with two rounds of
experiments; each step but the running of experiments makes one recorded call that takes
``latency`` seconds. The notes are of the size of a real unit's: 3 experiments a round of 12 texts
of 20 tokens, and five hypotheses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from agent.checkpoints import checkpoints
from agent.experiments import Experiment, Trial
from agent.explainers.proposal import Candidate
from agent.graph import Bench, build, forget, investigate_in
from agent.investigate import Work
from agent.notes import MemoryNotes
from agent.setup import Investigation
from agent.sweep import Done
from core.ids import UnitId
from llms.protocol import ChatRequest, ChatResponse, Message, Model, TokenUsage
from llms.wrappers.record import Record, Recorder
from storage import Store
from storage.notes import NoteBook, RunNotes

CALLS = 9
"""Calls of one unit: propose, choose, twice (design, revise, choose), and publish."""
STEPS = 13
ROUNDS, EXPERIMENTS, TRIALS, TOKENS = 2, 3, 12, 20
_TEXT = "Fires on names of days right after the word on, in dates and in schedules of trains. "


class SlowModel:
    """Answers after ``latency`` seconds, whatever is asked."""

    name = "openai:slow"
    capabilities: frozenset[Any] = frozenset({"chat"})

    def __init__(self, latency: float, spread: float = 0.0) -> None:
        self.latency, self.spread = latency, spread
        self._chance = random.Random(0)

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """Wait, then answer."""
        await asyncio.sleep(self.latency * (1 + self.spread * self._chance.uniform(-1, 1)))
        usage = TokenUsage(input_tokens=800, output_tokens=100)
        return ChatResponse(model=self.name, usage=usage, text=_TEXT * 4, finish="stop")

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class StubSide:
    """What the steps work on: a model to ask."""

    unit: UnitId
    model: Model
    setup: Any = field(default_factory=lambda: SimpleNamespace(arms=()))

    async def call(self, what: str) -> None:
        """One call, not like any other of any unit."""
        words = f"{self.unit} {what} " + _TEXT * 30
        message = Message(role="user", text=words)
        request = ChatRequest(role="explainer", messages=(message,), max_tokens=200)
        await self.model.chat(request)


class StubBench(Bench):
    """A bench whose unit has no evidence and whose score is made up."""

    model: Model

    def side(self, polarity: Any) -> Any:
        """The stub."""
        return StubSide(self.unit, self.model)

    async def publish(self, state: Any, told: Any = None) -> Investigation:
        """One call, and done."""
        await self.side("positive").call("publish")
        return Investigation(self.unit, "explained", "made up")


async def _propose(side: Any, work: Work) -> Work:
    await side.call("propose")
    return work.model_copy(update={"written": _written("proposed")}).told("propose", "three")


async def _choose(side: Any, work: Work) -> Work:
    await side.call(f"choose {work.round}")
    stopped = "rounds" if work.round >= ROUNDS else None
    kept = tuple(c.model_copy(update={"fit": 0.5}) for c in work.written)
    update = {"hypotheses": kept, "written": (), "first": kept[0], "stopped": stopped}
    return work.model_copy(update=update).told("choose", _TEXT)


async def _design(side: Any, work: Work) -> Work:
    work = work.model_copy(update={"round": work.round + 1})
    await side.call(f"design {work.round}")
    planned = tuple(_experiment(work.round, n) for n in range(EXPERIMENTS))
    return work.model_copy(update={"planned": planned}).told("design", "planned")


async def _experiment_(side: Any, work: Work) -> Work:
    done = (*work.experiments, *work.planned)
    return work.model_copy(update={"planned": (), "experiments": done}).told("experiment", "ran")


async def _revise(side: Any, work: Work) -> Work:
    await side.call(f"revise {work.round}")
    return work.model_copy(update={"written": _written(f"r{work.round}")}).told("revise", "new")


async def _same(side: Any, work: Work) -> Work:
    return work


ACTS = {
    "propose": _propose,
    "choose": _choose,
    "design": _design,
    "experiment": _experiment_,
    "revise": _revise,
    "divide": _same,
    "resample": _same,
}


def _written(origin: str) -> tuple[Candidate, ...]:
    return tuple(Candidate(text=f"{n} {_TEXT}", symbols=9, origin=origin) for n in range(5))


def _experiment(round: int, number: int) -> Experiment:
    tokens = tuple(range(1000, 1000 + TOKENS))
    trials = tuple(
        Trial(tokens=tokens, predicted=10.0, measured=1.25, quantile=0.5, held=True)
        for _ in range(TRIALS)
    )
    return Experiment(
        kind="predicted_positive",
        description=_TEXT,
        id=f"p{round}-{number}",
        about=_TEXT,
        trials=trials,
        outcome={"held": TRIALS, "failed": 0},
    )


def _evidence() -> Any:
    statistics = SimpleNamespace(
        variance=1.0, minimum=0.0, maximum=1.0, live=True, non_negative=True, n_tokens=1
    )
    split = SimpleNamespace(top_rows=[0], split="explain")
    return SimpleNamespace(statistics=statistics, explain=split, select=split)


@dataclass
class Investigating:
    """Asks about stub units as the product asks about real ones.

    ``tag`` makes the calls of one repeat unlike those of another.
    """

    store: Store
    graph: Any
    recorder: Recorder
    model: SlowModel
    book: NoteBook | None
    tag: str

    async def __call__(self, unit: UnitId) -> Done:
        """From propose to publish, then drop what was kept on the way."""
        key = f"{self.tag}-{unit.index}"
        notes = self.book.of(key) if self.book else MemoryNotes()
        bench = StubBench(unit, _evidence(), None, notes)
        bench.model = Record(self.model, self.recorder, run=key, reuse=False)
        await investigate_in(self.graph, bench, key)
        await forget(self.graph, key)
        if isinstance(notes, RunNotes):
            await notes.drop()
        return Done(key, "explained", 0.5, 0.1)


@asynccontextmanager
async def investigating(
    store: Store, latency: float, tag: str, checkpoint_url: str | None, spread: float = 0.0
) -> AsyncIterator[Investigating]:
    """Without ``checkpoint_url`` nothing is kept between steps but the calls."""
    recorder, model = Recorder(store), SlowModel(latency, spread)
    if checkpoint_url is None:
        from langgraph.checkpoint.memory import InMemorySaver

        yield Investigating(store, build(InMemorySaver(), ACTS), recorder, model, None, tag)
        return
    async with checkpoints(checkpoint_url) as kept:
        yield Investigating(store, build(kept, ACTS), recorder, model, NoteBook(store), tag)
