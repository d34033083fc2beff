"""The steps of :mod:`agent.investigate` as a LangGraph graph that can be killed and goes on.

Nodes load the work of one side, call one step, and put the work away. The state is small JSON: how
far it is, and the names of notes. A run that is started again under the same thread goes on after
its last finished step; language models are not asked again for what they answered, because every
answer is in the record.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

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
from core.errors import MissingExtra, StorageError
from core.evidence import Evidence
from core.ids import UnitId
from core.results import Polarity

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
        found = await take_up(self.notes, name)
        if found is None:
            raise LostNotes(name)
        return found

    async def publish(self, state: State) -> Investigation:
        """Score what was chosen for every side."""
        works = [await take_up(self.notes, name) for name in state["done"]]
        whole = [work for work in works if work is not None]
        if len(whole) < len(works):
            raise LostNotes(state["done"][works.index(None)])
        return await published(self.unit, self.evidence, self.setup, whole, self.told)


class LostNotes(Exception):
    """A checkpoint names a note that is not there: the investigation begins again."""


async def investigate_in(
    graph: CompiledStateGraph[State, Bench, State, State], bench: Bench, thread: str
) -> Investigation:
    """Investigate ``bench.unit`` under ``thread``, going on where an earlier run was killed.

    What an older version left, or a run whose notes are gone, is dropped and begun anew.
    """
    if (known := early(bench.unit, bench.evidence)) is not None:
        return known
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
    if begun is not None or (held is not None and held.next):
        durable: Any = {} if graph.checkpointer is None else {"durability": "sync"}
        await graph.ainvoke(begun, config, context=bench, **durable)
    if bench.found is None:  # it was killed after its last step: only the scores are made again
        ended = await graph.aget_state(config)
        bench.found = await bench.publish(ended.values)  # type: ignore[arg-type]
    return bench.found


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> CompiledStateGraph[State, Bench, State, State]:
    """The graph, compiled."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State, context_schema=Bench)
    for name in _ACTS:
        graph.add_node(name, _node(name))
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


@asynccontextmanager
async def checkpoints(url: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Where checkpoints are kept: a SQLite file, or PostgreSQL (``postgresql://``).

    Raises :class:`StorageError` when the place cannot be used, :class:`MissingExtra` without the
    PostgreSQL saver.
    """
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    if url.startswith("postgresql"):
        try:
            from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"checkpoints in PostgreSQL need the package {error.name!r}",
                "pip install 'neuroscribe[postgres]'",
            ) from None
        import psycopg

        address = "postgresql" + url[url.index("://") :]
        try:
            async with AsyncPostgresSaver.from_conn_string(address) as kept:
                await kept.setup()
                yield kept
        except psycopg.Error as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise StorageError(
                f"the checkpoints in PostgreSQL cannot be used: {said}",
                "check the address, and that the server runs and lets this user in",
            ) from error
        return
    import sqlite3
    from contextlib import closing

    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    try:
        # aiosqlite's thread outlives a connection that fails, and may find the event loop closed.
        with closing(sqlite3.connect(url)) as tried:
            tried.execute("PRAGMA schema_version")
        async with aiosqlite.connect(url) as connection:
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
            yield saver
    except sqlite3.Error as error:
        raise StorageError(
            f"the checkpoints at {url!r} cannot be used: {error}",
            "move the file away: investigations under way begin again, nothing stored is lost",
        ) from error


def _node(name: str) -> Any:
    """The node of one step: load, act, put away, say what comes next."""
    act = _ACTS[name]

    async def node(state: State, runtime: Runtime[Bench]) -> State:
        bench = runtime.context
        before = await bench.work(state)
        side = bench.side(before.polarity)
        after = await act(side, before)
        step = state["step"] + 1
        note = f"{before.polarity}/{step}/{name}"
        await put_away(bench.notes, note, after, before)
        for said in after.steps[len(before.steps) :]:
            if bench.told is not None:
                bench.told(said)
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
    runtime.context.found = await runtime.context.publish(state)
    return State(then="")


def _then(state: State) -> str:
    return state["then"]
