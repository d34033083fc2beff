"""The steps of :mod:`agent.investigate` as a LangGraph graph that can be killed and goes on.

Nodes load the work of one side, call one step, and put the work away. The state is small JSON: how
far it is, and the names of notes. A run that is started again under the same thread goes on after
its last finished step; language models are not asked again for what they answered, because every
answer is in the record.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from agent.checkpoints import told_of
from agent.investigate import (
    Act,
    Side,
    Told,
    Work,
    choose,
    design,
    divide,
    experiment,
    polarities,
    propose,
    resample,
    revise,
    wants_resampling,
    wants_round,
)
from agent.notes import MemoryNotes, Notes, put_away, take_up
from agent.publish import early, published
from agent.setup import Investigation, Setup
from core.evidence import Evidence
from core.ids import UnitId
from core.results import Polarity, Step

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import Runtime

VERSION = 1
"""Raised when steps or state change so that older checkpoints cannot be gone on with."""
MOST_STEPS = 200
_ACTS: dict[str, Act] = {
    "propose": propose,
    "choose": choose,
    "design": design,
    "experiment": experiment,
    "revise": revise,
    "divide": divide,
    "resample": resample,
}


class State(TypedDict, total=False):
    """How far an investigation is: ``sides`` in order, ``at`` which one, ``work`` its last note.

    ``done`` are the notes of finished sides, ``step`` counts the notes that were written, and
    ``then`` is the node that comes next.
    """

    version: int
    sides: list[Polarity]
    at: int
    work: str | None
    done: list[str]
    step: int
    then: str


@dataclass
class Bench:
    """What the nodes need and no checkpoint holds. ``found`` is the result, once there is one."""

    unit: UnitId
    evidence: Evidence
    setup: Setup
    notes: Notes = field(default_factory=MemoryNotes)
    told: Told | None = None
    found: Investigation | None = None
    _sides: dict[str, Side] = field(default_factory=dict)
    _at_hand: dict[str, Work] = field(default_factory=dict)

    def side(self, polarity: Polarity) -> Side:
        """One side of the unit, made once."""
        if polarity not in self._sides:
            self._sides[polarity] = Side.of(self.unit, self.evidence, polarity, self.setup)
        return self._sides[polarity]

    async def work(self, state: State) -> Work:
        """The work on the side that is under way."""
        name = state.get("work")
        if name is None:
            return Work(polarity=state["sides"][state["at"]])
        return await self._taken(name)

    async def put_away(self, name: str, work: Work, before: Work, old: str | None) -> None:
        """Keep ``work`` under ``name`` in place of ``before``, which was ``old``."""
        await put_away(self.notes, name, work, before)
        self._at_hand[name] = work
        if old is not None:
            self._at_hand.pop(old, None)

    async def _taken(self, name: str) -> Work:
        """A note: what this process wrote is still at hand, the rest is read."""
        found = self._at_hand.get(name) or await take_up(self.notes, name)
        if found is None:
            raise LostNotes(name)
        return found

    async def publish(self, state: State, told: Told | None) -> Investigation:
        """Score what was chosen for every side."""
        whole = [await self._taken(name) for name in state["done"]]
        return await published(self.unit, self.evidence, self.setup, whole, told)


class LostNotes(Exception):
    """A checkpoint names a note that is not there: the investigation begins again."""


async def investigate_in(
    graph: CompiledStateGraph[State, Bench, State, State], bench: Bench, thread: str
) -> Investigation:
    """Investigate ``bench.unit`` under ``thread``, going on where an earlier run was killed.

    ``bench.told`` hears of every step as it ends: the events of ``astream(stream_mode="custom")``,
    which a server may also read for itself.

    What an older version left, or a run whose notes are gone, is dropped and begun anew.
    """
    if (known := early(bench.unit, bench.evidence)) is not None:
        return known
    with told_of("the checkpoint file"):
        try:
            return await _go_on(graph, bench, thread)
        except LostNotes:
            await forget(graph, thread)
            return await _go_on(graph, bench, thread)


async def forget(graph: CompiledStateGraph[State, Bench, State, State], thread: str) -> None:
    """Drop the checkpoints of a thread."""
    if graph.checkpointer is not None and not isinstance(graph.checkpointer, bool):
        await graph.checkpointer.adelete_thread(thread)


async def _go_on(
    graph: CompiledStateGraph[State, Bench, State, State], bench: Bench, thread: str
) -> Investigation:
    config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": MOST_STEPS}
    held = await graph.aget_state(config) if graph.checkpointer is not None else None
    begun: State | None = None
    if held is not None and held.values and held.values.get("version") != VERSION:
        await forget(graph, thread)
        held = None
    if held is None or not held.values:
        await bench.notes.drop()  # of a run whose checkpoints are gone, perhaps by an older version
        sides = polarities(bench.evidence)
        begun = State(version=VERSION, sides=sides, at=0, work=None, done=[], step=0)
    # What a step wrote may be kept while the checkpoint behind it is not: nothing is "next" then,
    # and yet there is work left. A graph that has ended does nothing here. Checkpoints are written
    # before the next step begins, so that no step is made twice.
    kept: Any = {"durability": "sync"} if graph.checkpointer is not None else {}
    async for event in graph.astream(begun, config, context=bench, stream_mode="custom", **kept):
        if bench.told is not None:
            bench.told(Step.model_validate(event))
    if bench.found is None:  # it was killed after its last step: only the scores are made again
        ended = await graph.aget_state(config)
        bench.found = await bench.publish(ended.values, bench.told)  # type: ignore[arg-type]
    return bench.found


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    acts: Mapping[str, Act] = _ACTS,
) -> CompiledStateGraph[State, Bench, State, State]:
    """The graph, compiled. ``acts`` are the steps by name, which benchmarks replace."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State, context_schema=Bench)
    for name, act in acts.items():
        graph.add_node(name, _node(name, act))
    graph.add_node("next_side", _next_side)
    graph.add_node("publish", _publish)
    graph.add_edge(START, "propose")
    graph.add_conditional_edges("propose", _then, ["choose", "next_side"])
    graph.add_conditional_edges("choose", _then, ["design", "divide"])
    graph.add_conditional_edges("design", _then, ["experiment", "divide"])
    graph.add_edge("experiment", "revise")
    graph.add_edge("revise", "choose")
    graph.add_conditional_edges("divide", _then, ["resample", "next_side"])
    graph.add_edge("resample", "next_side")
    graph.add_conditional_edges("next_side", _then, ["propose", "publish"])
    graph.add_edge("publish", END)
    return graph.compile(checkpointer=checkpointer)


def _node(name: str, act: Act) -> Any:
    """The node of one step: load, act, put away, say what comes next."""

    async def node(state: State, runtime: Runtime[Bench]) -> State:
        bench = runtime.context
        before = await bench.work(state)
        side = bench.side(before.polarity)
        after = await act(side, before)
        step = state["step"] + 1
        note = f"{before.polarity}/{step}/{name}"
        await bench.put_away(note, after, before, state.get("work"))
        for said in after.steps[len(before.steps) :]:
            runtime.stream_writer(said.model_dump(mode="json"))
        return State(work=note, step=step, then=_after(name, side, after))

    return node


def _after(name: str, side: Side, work: Work) -> str:
    """Which step follows."""
    match name:
        case "propose":
            return "choose" if work.written else "next_side"
        case "choose":
            return "design" if wants_round(side, work) else "divide"
        case "design":
            return "experiment" if work.planned else "divide"
        case "divide":
            return "resample" if wants_resampling(side, work) else "next_side"
    return ""


async def _next_side(state: State) -> State:
    at = state["at"] + 1
    done = [*state["done"], str(state["work"])]
    then = "propose" if at < len(state["sides"]) else "publish"
    return State(at=at, work=None, done=done, then=then)


async def _publish(state: State, runtime: Runtime[Bench]) -> State:
    def tell(step: Step) -> None:
        runtime.stream_writer(step.model_dump(mode="json"))

    runtime.context.found = await runtime.context.publish(state, tell)
    return State(then="")


def _then(state: State) -> str:
    return state["then"]
